from typing import Self, final

from research.simulate.agenda import Agenda
from research.simulate.delay import Delay
from research.simulate.orders import Orders
from research.simulate.schedule import Schedule

@final
class Session:
    late_cancels: int
    table: Orders
    def __new__(
        cls, order_delay: Delay, answer_delay: Delay, table: Orders, schedule: Schedule, agenda: Agenda, place: int
    ) -> Self: ...
    def in_flight(self) -> tuple[int, int]: ...

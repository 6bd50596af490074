from typing import Self, final

from research.simulate.agenda import Agenda
from research.simulate.balances import Balances
from research.simulate.chance import Chance
from research.simulate.delay import Delay
from research.simulate.orders import Orders
from research.simulate.schedule import Schedule

@final
class Session:
    late_cancels: int
    table: Orders
    balances: Balances | None
    def __new__(
        cls,
        order_delay: Delay,
        answer_delay: Delay,
        table: Orders,
        schedule: Schedule,
        agenda: Agenda,
        place: int,
        balances: Balances | None = ...,
        rejects: Chance | None = ...,
    ) -> Self: ...
    def in_flight(self) -> tuple[int, int]: ...

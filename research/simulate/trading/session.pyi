from typing import Self, final

from research.simulate.matching.agenda import Agenda
from research.simulate.matching.chance import Chance
from research.simulate.matching.delay import Delay
from research.simulate.matching.margin import MarginAccount
from research.simulate.matching.orders import Orders
from research.simulate.matching.schedule import Schedule
from research.simulate.trading.balances import Balances

@final
class Session:
    late_cancels: int
    table: Orders
    balances: Balances | None
    margin: MarginAccount | None
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
        margin: MarginAccount | None = ...,
    ) -> Self: ...
    def in_flight(self) -> tuple[int, int]: ...

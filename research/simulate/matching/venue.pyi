from typing import Self, final

from research.simulate.matching.impact import Impact
from research.simulate.matching.orders import Orders
from research.simulate.trading.session import Session

@final
class VenueMarket:
    def __new__(cls, portfolios: int) -> Self: ...
    def best(self, side: int) -> tuple[int, int] | None: ...

@final
class OwnOrders:
    def __new__(
        cls,
        market: VenueMarket,
        table: Orders,
        sessions: list[Session],
        *,
        family: int,
        exponent: float,
        size_step: int,
        scale: int,
        returns: bool,
        whole: bool,
        returns_empty: bool,
        unseen_empty: bool,
        twice: bool,
        impact: Impact | None = ...,
        slippage: int = ...,
    ) -> Self: ...

"""Chase: a limit order kept at the best price of its own side, never beyond the parent's limit, until filled.

How it moves is the follower's (`follower.py`). With `hold_imbalance_ppm` a chase stays where it is while the price
moves away and the book leans towards it by more than this: more is offered than bid, for a buyer. With `cross_ms` it
follows the best opposite price from then on, so it crosses. The defaults of the other parameters are the
configuration's `chase_*`.
"""

from typing import Annotated, Any

import msgspec

from engine.execution.algorithms.algorithm import ChildPort
from engine.execution.algorithms.follower import MS, Follower
from engine.execution.algorithms.market import Market, within
from engine.execution.config import ExecutionOptions
from engine.execution.orders.order import Order
from engine.execution.orders.parent import Parent
from engine.model.words import TimeInForce
from engine.risk.gate import Refusal

PPM = 1_000_000
DAY_MS = 86_400_000
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Chase(Follower):
    """One chase."""

    crossing = False

    class Parameters(msgspec.Struct, frozen=True):
        """What an intent may set; 0: the configuration's, and never for `cross_ms`."""

        interval_ms: Count = 0
        rejects: Count = 0
        hold_imbalance_ppm: Count = 0
        cross_ms: Annotated[int, msgspec.Meta(ge=0, le=DAY_MS)] = 0

    def __init__(
        self, parent: Parent, parameters: Any, market: Market, port: ChildPort, options: ExecutionOptions
    ) -> None:
        """Work a parent."""
        super().__init__(parent, parameters, market, port, options)
        self.most_rejects = parameters.rejects or options.chase_rejects
        hold = parameters.hold_imbalance_ppm
        self._hold_imbalance = hold / PPM if hold else options.chase_hold_imbalance

    def check(self) -> Refusal | None:
        """Refuse to cross with an order that may not cross."""
        if self.parameters.cross_ms and self.parent.time_in_force == TimeInForce.POST_ONLY:
            return self.refuse_parameter("cross_ms")
        return None

    @property
    def price(self) -> int:
        """The best price to rest at, or the best opposite price once it crosses; not beyond the parent's limit."""
        side, market = self.parent.side, self.market
        return within(self.parent.limit_price, side, market.opposite(side) if self.crossing else self.resting_price)

    @property
    def resting_price(self) -> int:
        """The best price of its own side."""
        return self.market.own(self.parent.side)

    @property
    def deadline_ns(self) -> int:
        """When it begins to cross."""
        return self.parent.last.intent_ns + self.parameters.cross_ms * MS if self.parameters.cross_ms else 0

    def on_deadline(self, now_ns: int) -> None:  # noqa: ARG002 - the move follows
        """Cross from now on."""
        self.crossing = True

    def stays(self, order: Order, price: int) -> bool:
        """Whether to stay rather than move to this price: a worse one, in a book that leans towards the chase."""
        worse = (price - order.price) * order.side > 0
        leans = -self.market.top.imbalance * order.side > self._hold_imbalance
        return worse and leans and not self.crossing

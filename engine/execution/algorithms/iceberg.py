"""Iceberg: one resting child of the display size; the next one is placed when it is filled.

The child rests at the parent's limit. Where that reaches the opposite price (also with price 0) it rests at the best
price of its own side, so an iceberg never crosses. Only the last child may be larger than the display size: a rest
below the venue's smallest order is added to it.
"""

from typing import Annotated

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.market import carve
from engine.execution.algorithms.serial import Serial
from engine.execution.orders.order import FILLED, Order
from engine.model.words import TimeInForce
from engine.risk.gate import Refusal


class Iceberg(Serial):
    """One iceberg."""

    class Parameters(msgspec.Struct, frozen=True):
        """The visible size, in the instrument's smallest units as the intent's size."""

        display: Annotated[int, msgspec.Meta(ge=1)]

    def check(self) -> Refusal | None:
        """Refuse sizes that are no whole number of steps, a too small display, and a rest that shows too much."""
        market, size, display = self.market, self.parent.size, self.parameters.display
        lowest = market.lowest(self.parent.limit_price)
        return (
            market.check_whole(size)
            or market.check_whole(display)
            or market.check_least(min(size, display), lowest)
            or (market.check_least(size % display, lowest) if size > display and size % display else None)
        )

    def next_child(self, now_ns: int) -> Child | None:  # noqa: ARG002 - a refill is due at once
        """The display size, or what is left; nothing where that is below the smallest order."""
        rest, least = self.parent.rest, self.market.least(self.market.lowest(self.parent.limit_price))
        size = carve(rest, rest, self.parameters.display, least)
        if not size:
            self.over = True
            return None
        post_only = self.parent.time_in_force == TimeInForce.POST_ONLY
        return Child(self._price, size, TimeInForce.POST_ONLY if post_only else TimeInForce.GTC)

    def on_order(self, order: Order, now_ns: int) -> None:
        """Refill at once where a child was filled."""
        if order.state == FILLED:
            self.pause_ns = now_ns
        super().on_order(order, now_ns)

    def wake_ns(self, now_ns: int) -> int:
        """Now, when no child is live."""
        return 0 if self.parent.live else now_ns

    @property
    def _price(self) -> int:
        """The parent's limit, or the best price of its own side where the limit would cross."""
        side, limit, market = self.parent.side, self.parent.limit_price, self.market
        crosses = not limit or (limit - market.opposite(side)) * side >= 0
        return market.own(side) if crosses else limit

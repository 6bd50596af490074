"""One cancels the other: a limit order at the intent's price, and a stop; the fill of one ends the other.

    limit order rests ─▶ filled: done
          └─▶ the stop's price is reached ─▶ its cancel ─▶ what it left, at once, as a stop does

Only one child is live at a time: what the limit order has filled is known exactly before the stop's order is sent, so
both together never exceed the size, also when the limit order fills on the way of its cancel. With `trigger` 2 both
wait at the venue as a pair, see `paired.py`.
"""

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.triggered.paired import Paired
from engine.execution.algorithms.triggered.triggered import NativeTrigger, Price, Slippage
from engine.execution.orders.order import Order
from engine.model.words import TimeInForce
from engine.risk.gate import Refusal


class Oco(Paired):
    """One pair of a limit order and a stop."""

    class Parameters(msgspec.Struct, frozen=True):
        """The stop's price, how far its child may cross (0: 50), by which price (0 the touch, 1 prints, 2 venue)."""

        stop_price: Price
        slippage_bps: Slippage = 0
        trigger: NativeTrigger = 0

    def check(self) -> Refusal | None:
        """Refuse a stop at or beyond the limit, prices without a step, a size without one."""
        parent, market = self.parent, self.market
        if parent.limit_price and (self.trigger_price - parent.limit_price) * parent.side <= 0:
            return self.refuse_parameter("stop_price")
        return (
            market.check_price(parent.limit_price)
            or market.check_price(self.trigger_price)
            or market.check_whole(parent.size)
        )

    def first(self, now_ns: int) -> Child:  # noqa: ARG002 - the limit order is due at once
        """The limit order, or the pair."""
        return self.pair(self.parent.limit_price, self.parent.size) or self.limit_order

    def next_child(self, now_ns: int) -> Child | None:  # noqa: ARG002 - the trigger decides
        """The limit order, or what it left."""
        return self.crossing(self.parent.rest, 0) if self.triggered else self.resting()

    def outdated(self, order: Order, now_ns: int) -> bool:  # noqa: ARG002 - the trigger decides
        """Whether the limit order is to give way to the stop."""
        return self.triggered and order.time_in_force != TimeInForce.IOC

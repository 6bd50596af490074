"""Stop-limit: when the price has reached `stop_price`, rests at the intent's price until filled."""

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.triggered.native import Native
from engine.execution.algorithms.triggered.triggered import NativeTrigger, Price
from engine.model.words import TimeInForce
from engine.risk.gate import Refusal


class StopLimit(Native):
    """One stop-limit; no venue has a native one that is post-only."""

    slippage_bps = 0

    class Parameters(msgspec.Struct, frozen=True):
        """The price that triggers, and by which price (0 the touch, 1 prints, 2 the venue's)."""

        stop_price: Price
        trigger: NativeTrigger = 0

    def check(self) -> Refusal | None:
        """Refuse prices that are no multiples of the step; the limit is required."""
        return self.market.check_price(self.parent.limit_price) or self.market.check_price(self.trigger_price)

    def _fits(self) -> bool:
        """Whether the venue accepts its native order."""
        return self.parent.time_in_force != TimeInForce.POST_ONLY and super()._fits()

    def next_child(self, now_ns: int) -> Child | None:  # noqa: ARG002 - the trigger has decided
        """What is left, at the limit."""
        return self.resting()

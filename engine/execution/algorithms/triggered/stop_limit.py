"""Stop-limit: when the price has reached `stop_price`, rests at the intent's price until filled."""

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.triggered.triggered import Price, Triggered, TriggerNumber
from engine.risk.gate import Refusal


class StopLimit(Triggered):
    """One stop-limit."""

    class Parameters(msgspec.Struct, frozen=True):
        """The price that triggers, and by which price (0 the touch, 1 prints)."""

        stop_price: Price
        trigger: TriggerNumber = 0

    def check(self) -> Refusal | None:
        """Refuse prices that are no multiples of the step; the limit is required."""
        return self.market.check_price(self.parent.limit_price) or self.market.check_price(self.trigger_price)

    def next_child(self, now_ns: int) -> Child | None:  # noqa: ARG002 - the trigger has decided
        """What is left, at the limit."""
        return self.resting()

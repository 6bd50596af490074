"""Trailing stop: a stop whose price follows the best price since its start (the peak) at a distance.

A seller's stop rises with the highest price and never falls; a buyer's falls with the lowest. The peak is in the
journal before a later price is judged by it. It does not see prices from while execution was down.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.triggered.triggered import Slippage, Triggered, TriggerNumber
from engine.model.words import Reason, TimeInForce
from engine.risk.gate import Refusal
from engine.risk.limits import BPS
from engine.risk.market import GOOD


class TrailingStop(Triggered):
    """One trailing stop."""

    peak = 0  # 0: no price was looked at yet

    class Parameters(msgspec.Struct, frozen=True):
        """The distance, in one of two units; how far a child may cross (0: 50); by which price (0 touch, 1 prints)."""

        distance_bps: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 0
        distance_steps: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
        slippage_bps: Slippage = 0
        trigger: TriggerNumber = 0

    def check(self) -> Refusal | None:
        """Refuse a distance in both units or in none, and a start without a book."""
        if bool(self.parameters.distance_bps) == bool(self.parameters.distance_steps):
            return self.refuse_parameter("distance_steps" if self.parameters.distance_steps else "distance_bps")
        if not self.market.good:
            return Refusal(Reason.BOOK_NOT_GOOD, self.market.top.state, GOOD)
        return super().check()

    def first(self, now_ns: int) -> Child:  # noqa: ARG002 - nothing is sent yet
        """What risk checks of it before it is kept: its size, at the best price of now."""
        return Child(self.market.opposite(self.parent.side), self.parent.size, TimeInForce.IOC)

    @property
    def trigger_price(self) -> int:
        """The peak less the distance; for a buyer, plus it."""
        bps, steps = self.parameters.distance_bps, self.parameters.distance_steps
        distance = self.peak * bps // BPS if bps else steps * self.market.instrument.price_step
        trigger: int = self.peak + self.parent.side * distance
        return trigger

    def judge(self, price: int) -> None:
        """Move the peak, or trigger."""
        if not self.peak or (price - self.peak) * self.parent.side < 0:
            self.peak, self.requested = price, True
        else:
            super().judge(price)

    def dump(self) -> tuple[int, ...]:
        """The peak too."""
        return (*super().dump(), self.peak)

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.peak = state[3]

"""Trailing stop: a stop whose price follows the best price since its start (the peak) at a distance.

A seller's stop rises with the highest price and never falls; a buyer's falls with the lowest. The peak is in the
journal before a later price is judged by it. It does not see prices from while execution was down. A native one has
its distance in basis points and no `slippage_bps`: the venue follows the peak, and so does execution, by prints, for
the case that the native order ends without a fill.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.triggered.native import Native
from engine.execution.algorithms.triggered.triggered import NativeTrigger, Slippage
from engine.model.words import Reason, TimeInForce
from engine.risk.gate import Refusal
from engine.risk.limits import BPS
from engine.risk.market import GOOD
from engine.venues.session import Waits


class TrailingStop(Native):
    """One trailing stop."""

    slippage_bps = 0  # of a native one
    peak = 0  # 0: no price was looked at yet

    class Parameters(msgspec.Struct, frozen=True):
        """The distance, in one of two units; how far a child may cross (0: 50); by which price, as `Stop`."""

        distance_bps: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 0
        distance_steps: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
        slippage_bps: Slippage = 0
        trigger: NativeTrigger = 0

    def check(self) -> Refusal | None:
        """Refuse a distance in both units or in none, and a start without a book."""
        if bool(self.parameters.distance_bps) == bool(self.parameters.distance_steps):
            return self.refuse_parameter("distance_steps" if self.parameters.distance_steps else "distance_bps")
        if not self.market.good:
            return Refusal(Reason.BOOK_NOT_GOOD, self.market.top.state, GOOD)
        return super().check()

    def first(self, now_ns: int) -> Child:
        """The native order, from the best price of now; of a kept one what risk checks: its size, at that price."""
        best = self.market.opposite(self.parent.side)
        if not self.native:
            return Child(best, self.parent.size, TimeInForce.IOC)
        self.peak = best
        first = super().first(now_ns)
        return first._replace(price=self.market.passive(self.parent.side, first.price))

    @property
    def waits(self) -> Waits:
        """The venue follows the peak from the price of now on."""
        return super().waits._replace(stop_price=0, trailing_bps=self.parameters.distance_bps)

    @property
    def prints(self) -> bool:  # type: ignore[override] # until its trigger
        """Whether it waits for a print, or follows the peak by them."""
        return self.native or super().prints

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
        elif not self.native:
            super().judge(price)

    def _fits(self) -> bool:
        """Whether the venue accepts its native order."""
        one, terms = self.market.instrument, self.parameters
        within_bounds = one.trailing_min <= terms.distance_bps <= one.trailing_max
        return terms.distance_bps > 0 and within_bounds and not terms.slippage_bps and super()._fits()

    def dump(self) -> tuple[int, ...]:
        """The peak too."""
        return (*super().dump(), self.peak)

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.peak = state[3]

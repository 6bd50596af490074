"""Adaptive TWAP: the slices of a TWAP, each crossing earlier when the book moves away from its child.

A child rests at most until `patience_pct` of its slice. It crosses earlier, and what is left of it too, while the book
leans away from it by more than `imbalance_ppm`: more is bid than offered, for a buyer, so the price is likely to rise.
So the filled size is off the schedule by at most one slice, as a TWAP's.
"""

from typing import Annotated

import msgspec

from engine.execution.algorithms.twap import Duration, Patience, Slices, Twap
from engine.execution.orders.order import Order

PPM = 1_000_000
PATIENCE_PCT, IMBALANCE_PPM = 80, 300_000


class Adaptive(Twap):
    """One adaptive TWAP."""

    class Parameters(msgspec.Struct, frozen=True):
        """As a TWAP's (patience 0: 80), and the imbalance in millionths (0: 300 000)."""

        duration_ms: Duration
        slices: Slices
        patience_pct: Patience = 0
        imbalance_ppm: Annotated[int, msgspec.Meta(ge=0, le=PPM)] = 0

    @property
    def patience_pct(self) -> int:
        """The most of a slice in which its child rests."""
        return self.parameters.patience_pct or PATIENCE_PCT

    @property
    def leans_away(self) -> bool:
        """Whether the price is likely to move away; an unknown imbalance predicts no move."""
        most = (self.parameters.imbalance_ppm or IMBALANCE_PPM) / PPM
        return self.market.top.imbalance * self.parent.side > most

    def crosses(self, now_ns: int) -> bool:
        """Whether what is behind crosses now."""
        return self.leans_away or super().crosses(now_ns)

    def outdated(self, order: Order, now_ns: int) -> bool:
        """Whether a child that rests is to cross now."""
        reaches = self.reaches
        return super().outdated(order, now_ns) or (bool(self.cross_at_ns) and reaches and self.leans_away)

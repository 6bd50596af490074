"""TWAP: equal slices at equal times.

The filled size is off the schedule by at most one slice, provided the book has the size within the parent's limit.
Sizes that the slices do not divide are spread over them by one size step each.
"""

from typing import Annotated

import msgspec

from engine.execution.algorithms.scheduled import Scheduled

DAY_MS = 86_400_000
Duration = Annotated[int, msgspec.Meta(ge=1, le=7 * DAY_MS)]
Slices = Annotated[int, msgspec.Meta(ge=1, le=2_000)]
Patience = Annotated[int, msgspec.Meta(ge=0, le=90)]


class Twap(Scheduled):
    """One TWAP."""

    class Parameters(msgspec.Struct, frozen=True):
        """The whole time, the number of slices, and the share of a slice in which its child rests before it crosses."""

        duration_ms: Duration
        slices: Slices
        patience_pct: Patience = 0

    def planned(self, index: int) -> int:
        """The size after a slice: whole size steps, at most one step from the exact share."""
        step = self.market.instrument.size_step
        return self.parent.size // step * (index + 1) // self.slices * step

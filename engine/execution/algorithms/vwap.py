"""VWAP: slices whose sizes follow the volume profile of the instrument's past, by the time of day.

The profile is the mean volume of each minute of the UTC day in the file of `[execution] volume_profile`
(`profile.py`). A slice's share is the profile's volume in its time over the volume in the whole time. A slice below
the venue's smallest order is worked together with the next. The market's volume since the start is counted in the
parent's state, so the record of the parent shows its participation.
"""

from collections.abc import Sequence

import msgspec

from engine.execution.algorithms.counted import Counted
from engine.execution.algorithms.scheduled import Scheduled
from engine.execution.algorithms.serial import MS
from engine.execution.algorithms.twap import Duration, Patience, Slices
from engine.model.words import Reason
from engine.risk.gate import Refusal


class Vwap(Scheduled, Counted):
    """One VWAP."""

    class Parameters(msgspec.Struct, frozen=True):
        """As a TWAP's."""

        duration_ms: Duration
        slices: Slices
        patience_pct: Patience = 0

    def check(self) -> Refusal | None:
        """Refuse an instrument without a profile, a size that is no whole number of steps, and a too short slice."""
        market, parent = self.market, self.parent
        if market.profile is None:
            return Refusal(Reason.NO_VOLUME_PROFILE, parent.instrument)
        return (
            self.check_slice()
            or market.check_whole(parent.size)
            or market.check_least(parent.size, market.lowest(parent.limit_price))
        )

    def planned(self, index: int) -> int:
        """The size after a slice: whole size steps, at most one step from the exact share."""
        step, duration_ns = self.market.instrument.size_step, self.parameters.duration_ms * MS
        profile = self.market.profile
        passed_ns = duration_ns * (index + 1) // self.slices
        if profile is None or passed_ns == duration_ns:  # a profile that is gone leaves equal slices
            return self.parent.size // step * (index + 1) // self.slices * step
        share = profile.between(self.start_ns, self.start_ns + passed_ns)
        whole = profile.between(self.start_ns, self.start_ns + duration_ns)
        return self.parent.size // step * share // whole * step

    def dump(self) -> tuple[int, ...]:
        """The schedule's state, and what was counted."""
        return (*super().dump(), *self.dump_count())

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.load_count(*state[5:8])

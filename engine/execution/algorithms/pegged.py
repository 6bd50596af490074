"""Pegged: a limit order kept at an offset from the middle or from the best price of its own side, until its time ends.

The offset leads away from the other side, and the price is rounded away from it, so a pegged order does not cross. How
it moves is the follower's (`follower.py`). At
`timeout_ms` the order is cancelled.
"""

from enum import IntEnum
from typing import Annotated

import msgspec

from engine.execution.algorithms.follower import MS, Follower
from engine.execution.algorithms.market import within
from engine.model.words import BUY
from engine.risk.limits import BPS

MID_OFFSET_BPS, TIMEOUT_MS = 5, 30_000
DAY_MS = 86_400_000


class Reference(IntEnum):
    """What a pegged order is pegged to."""

    MIDDLE = 0
    BEST = 1
    EXACT_MIDDLE = 2  # without an offset


class Pegged(Follower):
    """One pegged order."""

    class Parameters(msgspec.Struct, frozen=True):
        """The reference, the offset (0: 5 for the middle, none for the best), the time (0: 30 s), between requests."""

        reference: Annotated[int, msgspec.Meta(ge=0, le=2)] = 0
        offset_bps: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
        timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=DAY_MS)] = 0
        interval_ms: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0

    @property
    def price(self) -> int:
        """The reference and the offset, rounded away from the other side, not beyond the parent's limit."""
        side, doubled = self.parent.side, self._doubled
        numerator, denominator = doubled * (BPS - side * self.offset_bps), 2 * BPS
        exact = numerator // denominator if side == BUY else -(-numerator // denominator)
        return within(self.parent.limit_price, side, self.market.passive(side, exact))

    @property
    def offset_bps(self) -> int:
        """The offset in hundredths of a percent."""
        default = MID_OFFSET_BPS if self.parameters.reference == Reference.MIDDLE else 0
        exact = self.parameters.reference == Reference.EXACT_MIDDLE
        offset: int = 0 if exact else self.parameters.offset_bps or default
        return offset

    @property
    def deadline_ns(self) -> int:
        """When the order is cancelled."""
        timeout_ms: int = self.parameters.timeout_ms or TIMEOUT_MS
        return self.parent.last.intent_ns + timeout_ms * MS

    def on_deadline(self, now_ns: int) -> None:
        """Cancel what is open."""
        self.end(now_ns)

    @property
    def _doubled(self) -> int:
        """Twice the reference, so that no half is lost."""
        if self.parameters.reference == Reference.BEST:
            return 2 * self.market.own(self.parent.side)
        return self.market.top.middle2

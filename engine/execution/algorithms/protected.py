"""Protected market: crosses at once, never worse than a cap fixed at its start, until filled or its time is over.

The cap is `slippage_bps` beyond the best opposite price at the start, and never beyond the parent's limit. Each child
is an IOC order at the cap; the rest of one follows after the configuration's `chase_interval_ns` while the opposite
price is within the cap. After `timeout_ms` no further child is made.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.market import within
from engine.execution.algorithms.serial import MS, Serial
from engine.model.words import TimeInForce
from engine.risk.gate import Refusal

SLIPPAGE_BPS, TIMEOUT_MS = 10, 1_000


class Protected(Serial):
    """One protected market order."""

    cap = 0

    class Parameters(msgspec.Struct, frozen=True):
        """The cap, in hundredths of a percent of the price (0: 10), and the time (0: 1 s)."""

        slippage_bps: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
        timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=3_600_000)] = 0

    def check(self) -> Refusal | None:
        """Refuse a size that is no whole number of steps."""
        return self.market.check_whole(self.parent.size)

    def begin(self, now_ns: int) -> None:
        """Fix the cap and the end."""
        side, bps = self.parent.side, self.parameters.slippage_bps or SLIPPAGE_BPS
        self.cap = within(self.parent.limit_price, side, self.market.beyond(side, bps))
        self.until_ns = now_ns + (self.parameters.timeout_ms or TIMEOUT_MS) * MS

    def next_child(self, now_ns: int) -> Child | None:  # noqa: ARG002 - the time is the base's
        """What is left, at the cap, where the opposite price is within it; the first one in any case."""
        parent, best = self.parent, self.market.opposite(self.parent.side)
        if parent.newest is not None:
            self.over = parent.rest < self.market.least(self.cap)
            if self.over or (best - self.cap) * parent.side > 0:
                return None
        return Child(self.cap, parent.rest, TimeInForce.IOC)

    @property
    def bound(self) -> int:
        """The cap."""
        return self.cap

    def spare(self, now_ns: int) -> int:
        """What is left between two children, until its time is over."""
        parent = self.parent
        return 0 if self.done or now_ns >= self.until_ns or parent.live or not parent.settled else parent.rest

    def wake_ns(self, now_ns: int) -> int:
        """Now, when no child is live."""
        return 0 if self.parent.live else now_ns

    def dump(self) -> tuple[int, ...]:
        """The cap and the end."""
        return (*super().dump(), self.cap, self.until_ns)

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.cap, self.until_ns = state[2], state[3]

"""POV: takes a share of what the market trades, counted from PRINTs, our own fills included.

Each child crosses at the best opposite price and is what the parent is behind its share. It begins with the venue's
smallest order, which counts. While the parent's limit does not reach the opposite price nothing is counted, so the
parent does not make up later, in one burst, for volume that it could not take part in.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.counted import Counted
from engine.execution.algorithms.market import carve, within
from engine.execution.algorithms.prints import Place
from engine.execution.algorithms.serial import MS
from engine.model.words import TimeInForce
from engine.risk.gate import Refusal

DAY_MS = 86_400_000
PERCENT = 100


class Pov(Counted):
    """One parent at a share of the volume."""

    class Parameters(msgspec.Struct, frozen=True):
        """The share in percent, and the whole time (0: until filled)."""

        participation_pct: Annotated[int, msgspec.Meta(ge=1, le=50)]
        duration_ms: Annotated[int, msgspec.Meta(ge=0, le=7 * DAY_MS)] = 0

    def check(self) -> Refusal | None:
        """Refuse a size that is no whole number of steps or too small."""
        market, parent = self.market, self.parent
        return market.check_whole(parent.size) or market.check_least(parent.size, market.lowest(parent.limit_price))

    def begin(self, now_ns: int) -> None:
        """Set the end."""
        self.until_ns = now_ns + self.parameters.duration_ms * MS if self.parameters.duration_ms else 0

    def next_child(self, now_ns: int) -> Child | None:  # noqa: ARG002 - volume decides
        """What the parent is behind, where the limit reaches the opposite price; the first one in any case."""
        parent, market, begins = self.parent, self.market, self.parent.newest is None
        least = market.least(market.lowest(parent.limit_price))
        behind = least if begins else self.volume * self.parameters.participation_pct // PERCENT - self._filled
        size = carve(behind, parent.rest, parent.rest, least)
        self.over = parent.rest < least
        if not size or not (begins or self._reaches):
            return None
        price = within(parent.limit_price, parent.side, market.opposite(parent.side))
        return Child(price, size, TimeInForce.IOC)

    def count(self, size: int, after: Place) -> None:
        """Count a print that the parent could take part in."""
        super().count(size if self._reaches else 0, after)

    def wake_ns(self, now_ns: int) -> int:
        """After the interval: the volume may have grown."""
        return 0 if self.parent.live else now_ns + self.options.chase_interval_ns

    def dump(self) -> tuple[int, ...]:
        """The end, and what was counted."""
        return (*super().dump(), self.until_ns, *self.dump_count())

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.until_ns = state[2]
        self.load_count(*state[3:6])

    @property
    def _filled(self) -> int:
        """What the children have filled."""
        return self.parent.size - self.parent.rest

    @property
    def _reaches(self) -> bool:
        """Whether the parent's limit reaches the opposite price, as far as the book is known."""
        best = self.market.opposite(self.parent.side)
        return within(self.parent.limit_price, self.parent.side, best) == best

"""Named bands of one number: quiet, usual and wild of a volatility, or reverting and trending of a Hurst exponent.

    bands = Bands(("reverting", "random", "trending"), (0.45, 0.55), margin=0.02)
    bands.update(0.56)      "random": a limit is passed only by more than the margin
    bands.update(0.58)      "trending"
    bands.update(nan)       "trending": a missing number changes nothing

The margin keeps a number near a limit from changing the band with every row.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isnan


class Bands:
    """The band of the newest number; "" before the first."""

    def __init__(self, names: Sequence[str], limits: Sequence[float], margin: float = 0.0) -> None:
        """There is one limit between each two names, in rising order."""
        if len(limits) != len(names) - 1 or any(low >= high for low, high in pairwise(limits)):
            raise ValueError(
                f"limits: expected {len(names) - 1} in rising order between {len(names)} names, was {limits}"
            )
        if not 0 <= margin < float("inf"):
            raise ValueError(f"margin: expected a number of at least 0, was {margin}")
        self.names, self.limits, self.margin = tuple(names), tuple(limits), margin
        self.place = -1

    @property
    def band(self) -> str:
        """The name of the band."""
        return self.names[self.place] if self.place >= 0 else ""

    def update(self, value: float) -> str:
        """The band after this number."""
        if isnan(value):
            return self.band
        if self.place < 0:
            self.place = sum(value >= limit for limit in self.limits)
        while self.place < len(self.limits) and value > self.limits[self.place] + self.margin:
            self.place += 1
        while self.place > 0 and value < self.limits[self.place - 1] - self.margin:
            self.place -= 1
        return self.band

    def over(self, values: Iterable[float]) -> list[str]:
        """The band after each number, as `update` gives it; the bands begin anew."""
        self.place = -1
        return [self.update(value) for value in values]

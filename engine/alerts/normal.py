"""What is normal for a series of values, and whether it has left that.

    mean        m += (x - m) / N          N: about ten minutes of values; x is cut to m ± 3 s first, so that a shock
    deviation   d += (|x - m| - d) / N    does not become normal at once, and a new level does after a while
    score       z  = (x - m) / s          s = max(1.2533 d, floor), of the values before x

    normal ──z ≥ enter, 3 times in a row──▶ unusual ──z < enter / 2, 10 times in a row──▶ normal

1.2533 d is the standard deviation of a normal distribution whose mean absolute deviation is d. `floor` keeps a series
that hardly moves from being unusual at its first move. Until `warm` values were seen there is no score.
"""

import math

MEMORY = 600  # values
CUT = 3.0
ENTER_AFTER, LEAVE_AFTER = 3, 10  # values in a row
STANDARD = math.sqrt(math.pi / 2)


class Normal:
    """One series."""

    def __init__(self, enter: float, floor: float, warm: int) -> None:
        """Begin without a value."""
        self._enter, self._floor, self._warm = enter, floor, warm
        self._count = self._above = self._below = 0
        self.mean = self.deviation = 0.0
        self.score = 0.0  # of the newest value
        self.unusual = False

    def add(self, value: float) -> bool:
        """Count a value; whether the series is unusual. A value that is no number changes nothing."""
        if not math.isfinite(value):
            return self.unusual
        spread = max(STANDARD * self.deviation, self._floor)
        self.score = (value - self.mean) / spread if self._count >= self._warm else 0.0
        self._add_to_mean(value, spread)
        self._above = self._above + 1 if self.score >= self._enter else 0
        self._below = self._below + 1 if self.score < self._enter / 2 else 0
        if self._above >= ENTER_AFTER:
            self.unusual = True
        elif self._below >= LEAVE_AFTER:
            self.unusual = False
        return self.unusual

    def _add_to_mean(self, value: float, spread: float) -> None:
        """Move the mean and the deviation; the first values count more, as an average of all of them."""
        self._count += 1
        share = 1.0 / min(self._count, MEMORY)
        if self._count > self._warm:
            value = min(max(value, self.mean - CUT * spread), self.mean + CUT * spread)
        self.deviation += share * (abs(value - self.mean) - self.deviation) if self._count > 1 else 0.0
        self.mean += share * (value - self.mean)

"""What the market traded of each instrument in the last minutes, in whole seconds, from the prints of TICKS.

    volume(i, n, now) = the sizes of i's prints that were received in the present second or the 60 n - 1 seconds before

A print that was received in an earlier second than the newest one does not count, nor do prints that a reader has lost:
the volume is never too high.
"""

from bisect import bisect_left

SECOND_NS = 1_000_000_000
MINUTES_MOST = 60
KEPT = 60 * MINUTES_MOST + 1  # seconds of an instrument


class TradedVolume:
    """The sizes by instrument and second."""

    def __init__(self) -> None:
        """Begin without a print."""
        self._seconds: dict[int, list[tuple[int, int]]] = {}  # by instrument: a second, the sum until its end

    def add(self, instrument: int, size: int, receive_ns: int) -> None:
        """Count a print."""
        second = receive_ns // SECOND_NS
        seconds = self._seconds.setdefault(instrument, [(0, 0)])
        newest, total = seconds[-1]
        if second < newest:
            return
        if second == newest:
            seconds.pop()
        seconds.append((second, total + size))
        if len(seconds) > 2 * KEPT:
            del seconds[:-KEPT]

    def of(self, instrument: int, minutes: int, now_ns: int) -> int:
        """The volume of the last minutes."""
        seconds = self._seconds.get(instrument)
        if seconds is None:
            return 0
        first = bisect_left(seconds, (now_ns // SECOND_NS - 60 * minutes + 1,))
        return seconds[-1][1] - seconds[first - 1][1]

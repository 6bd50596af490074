"""The engine's clock: wall time that never jumps.

`now_ns` is CLOCK_MONOTONIC plus an offset, which the supervisor measures once when a system comes up and passes to
every role. So all processes have the same time, the difference of two times is a true duration, and a step of the wall
clock (NTP, a leap second, an operator) has no effect. The offset of a venue's clock is measured separately.
"""

import os
import time

OFFSET_VARIABLE = "STEELYARD_CLOCK_OFFSET_NS"


def measure_offset_ns() -> int:
    """Wall clock minus monotonic clock, from the reading with the shortest time between its two clocks."""
    best = (1 << 62, 0)
    for _ in range(8):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        best = min(best, (after - before, wall - (before + after) // 2))
    return best[1]


_offset_ns = int(os.environ.get(OFFSET_VARIABLE, "0")) or measure_offset_ns()


def offset_ns() -> int:
    """The offset that this process uses."""
    return _offset_ns


def now_ns() -> int:
    """Wall time: CLOCK_MONOTONIC plus the offset."""
    return time.monotonic_ns() + _offset_ns

"""The engine's one clock: wall time that never jumps.

`now_ns` is CLOCK_MONOTONIC plus an offset that the supervisor measures once, when a system comes up, and hands to
every role. So all processes agree to the nanosecond, a difference of two times is a true duration, and a step of the
wall clock (NTP, a leap second, an operator) moves nothing. A venue's distance from it is measured, not assumed.
"""

import os
import time

OFFSET_VARIABLE = "STEELYARD_CLOCK_OFFSET_NS"


def measure_offset_ns() -> int:
    """Wall clock minus monotonic clock, from the tightest of a few paired readings."""
    best = (1 << 62, 0)
    for _ in range(8):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        best = min(best, (after - before, wall - (before + after) // 2))
    return best[1]


_offset_ns = int(os.environ.get(OFFSET_VARIABLE, "0")) or measure_offset_ns()


def offset_ns() -> int:
    """The offset in force in this process."""
    return _offset_ns


def now_ns() -> int:
    """Wall time by the system's monotonic clock."""
    return time.monotonic_ns() + _offset_ns

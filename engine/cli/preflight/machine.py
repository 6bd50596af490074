"""What the checks read of this machine: files below a root, limits, the kernel's clock, pauses of a core."""

import ctypes
import os
import platform
import resource
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TIME_ERROR = 5  # of adjtimex: the clock is not synchronised
TIMEX_BYTES = 256  # more than struct timex has
MAXERROR_AT = 24  # the offset of `maxerror` in struct timex, on 64-bit Linux
PAUSE_NS = 200_000_000  # how long the pauses of a core are measured


@dataclass(frozen=True, slots=True)
class ClockState:
    """The kernel's own view of its clock."""

    synchronised: bool
    error_us: int  # at most


def clock_state() -> ClockState:
    """The state by adjtimex, which chrony, ntpd and systemd-timesyncd set."""
    libc = ctypes.CDLL(None, use_errno=True)
    timex = ctypes.create_string_buffer(TIMEX_BYTES)  # all zero: nothing is set
    state = libc.adjtimex(timex)
    if state < 0:
        raise OSError(ctypes.get_errno(), f"adjtimex: {os.strerror(ctypes.get_errno())}")
    error_us = int.from_bytes(timex.raw[MAXERROR_AT : MAXERROR_AT + 8], "little", signed=True)
    return ClockState(state != TIME_ERROR, error_us)


def longest_pause_ns(core: int | None, length_ns: int = PAUSE_NS) -> int:
    """The longest time in which this process did not run while it read the clock without a break."""
    before = os.sched_getaffinity(0)
    try:
        with suppress(OSError):
            os.sched_setaffinity(0, before if core is None else {core})
        return _longest_step_ns(length_ns)
    finally:
        os.sched_setaffinity(0, before)


def _longest_step_ns(length_ns: int) -> int:
    now, longest_ns = time.monotonic_ns, 0
    last_ns = now()
    end_ns = last_ns + length_ns
    while last_ns < end_ns:
        this_ns = now()
        longest_ns, last_ns = max(longest_ns, this_ns - last_ns), this_ns
    return longest_ns


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine; a test gives another root and other readings."""

    root: Path = Path("/")
    limit: Callable[[int], tuple[int, int]] = resource.getrlimit
    clock: Callable[[], ClockState] = clock_state
    pause_ns: Callable[[int | None], int] = longest_pause_ns
    wall_ns: Callable[[], int] = time.time_ns
    uid: int = os.getuid()
    release: str = platform.release()

    def path(self, path: str) -> Path:
        """A file of the machine."""
        return self.root / path.lstrip("/")

    def text(self, path: str) -> str:
        """What a file holds, without the line end; "" when it is not there."""
        try:
            return self.path(path).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def free(self, path: str) -> int:
        """The free bytes of the file system of a path."""
        return shutil.disk_usage(self.path(path)).free


def cores_in(text: str) -> set[int]:
    """The cores of a list of the kernel, like `2-5,8`."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found

"""What the kernel knows about a process: its state, its CPU time, and how long it waited for a CPU.

The CPU time is that of the process's CPU clock, which is exact at any moment, also on a core without a timer tick.
"""

import time
from dataclasses import dataclass
from pathlib import Path

STOPPED, RUNNABLE, DISK = "Tt", "R", "D"
RAN_CLOCK = 2  # CPUCLOCK_SCHED of a whole process, see clock_getcpuclockid(3)


@dataclass(frozen=True, slots=True)
class Activity:
    """What the kernel knows about a process at one moment."""

    state: str  # R, S, D, T, t, …
    ran_ns: int  # its CPU time
    waited_ns: int  # how long its main thread could run and had no CPU; the present wait is not included

    @property
    def stopped(self) -> bool:
        """Whether a signal or a debugger has stopped it."""
        return self.state in STOPPED


def activity(pid: int) -> Activity | None:
    """A process's activity now; None when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        ran_ns = time.clock_gettime_ns(~pid << 3 | RAN_CLOCK)
    except OSError:
        return None
    return Activity(text[text.rindex(")") + 2], ran_ns, _waited_ns(pid))


def _waited_ns(pid: int) -> int:
    """From schedstat; 0 on a kernel without it."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    except (OSError, IndexError):
        return 0

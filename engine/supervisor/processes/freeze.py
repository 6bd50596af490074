"""Decides whether a process without a heartbeat is frozen, or only waits for a CPU or for the disk.

    the time since the last beat that was seen, in intervals between two looks at /proc
        stopped (T, t)                     the process's own time
        runs, or could run (R)             its own: the CPU time that it used; the rest is a wait for the CPU
        sleeps in a call (S)               its own, except what it waited for the CPU meanwhile
        waits for the disk (D)             its own: the CPU time that it used
    quiet for `late_ms` x 1.7, and half of `late_ms` of it was its own    it is frozen: found within 2 x `late_ms`
    quiet for `frozen_ms`                                                 it is replaced all the same

A process that uses a CPU without a beat hangs in a step. A process that could run and gets no CPU would be no better
after a restart, which also needs the CPU. On a box so busy that a process gets less than a third of a CPU, a loop is
known from a wait as soon as it has used half of `late_ms`. While a process starts, it may compute and read for
`start_limit_ms`: only a stopped one is frozen then, or one that used no CPU at all for `start_still_ms`.
"""

from pathlib import Path

from engine.activity import DISK, RUNNABLE, Activity, activity


def where(pid: int) -> str:
    """Where in the kernel a process is: its state, wait channel and system call, as far as /proc shows them."""
    found = activity(pid)
    shown = {name: _line(pid, name) for name in ("wchan", "syscall")}
    known = [f"{name} {text}" for name, text in shown.items() if text not in ("", "0")]
    return ", ".join([f"state {found.state}" if found else "ended", *known])


def _line(pid: int, name: str) -> str:
    """A file of /proc/PID; "" when it cannot be read, as where another user's process is not shown."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text().strip()
    except OSError:
        return ""


class Judge:
    """The time without a beat of one process, and what it did in that time."""

    def __init__(self, late_ns: int, frozen_ns: int, still_ns: int) -> None:
        """Judge by these limits; `still_ns` is of a process that starts."""
        self._late_ns = late_ns
        self._frozen_ns = frozen_ns
        self._still_ns = still_ns
        self.clear()

    def clear(self) -> None:
        """A beat was seen, or the supervisor itself did not run: begin again."""
        self._last: Activity | None = None
        self._last_ns = 0
        self._own_ns = self._stopped_ns = self._idle_ns = 0

    def due(self, age_ns: int) -> bool:
        """Whether the process is quiet for so long that it must be looked at."""
        return age_ns > self._late_ns // 2

    def add(self, now_ns: int, found: Activity) -> None:
        """Count the interval since the last look."""
        last, self._last = self._last, found
        interval_ns, self._last_ns = now_ns - self._last_ns, now_ns
        if last is None:
            return
        ran_ns = min(interval_ns, found.ran_ns - last.ran_ns)
        self._own_ns += _own_ns(found, interval_ns, ran_ns, found.waited_ns - last.waited_ns)
        self._stopped_ns = self._stopped_ns + interval_ns if found.stopped else 0
        self._idle_ns = self._idle_ns + interval_ns if not ran_ns and found.state not in RUNNABLE + DISK else 0

    def verdict(self, age_ns: int, *, starting: bool) -> str:
        """Why the process is frozen; "" while it is not."""
        if self._stopped_ns > self._late_ns // 2:
            return "stopped by a signal"
        if starting:
            return "uses no CPU" if self._idle_ns > self._still_ns else ""
        if age_ns * 10 > self._late_ns * 17 and self._own_ns * 2 > self._late_ns:
            return "sleeps in a call" if self._idle_ns else "runs without a heartbeat"
        return "waits for a CPU or the disk" if age_ns > self._frozen_ns else ""


def _own_ns(found: Activity, interval_ns: int, ran_ns: int, waited_ns: int) -> int:
    """How much of an interval the process had to itself."""
    if found.stopped:
        return interval_ns
    if found.state in RUNNABLE + DISK:
        return ran_ns
    return max(ran_ns, interval_ns - waited_ns)

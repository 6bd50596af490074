"""What alerts read of the machine: ends of processes, free space, the wall clock, the guard's pid. A port of the role.

A process is watched by a pidfd: it is readable when the process has ended, also while its exit was not collected
status, and a reused pid cannot be mistaken for it.
"""

import os
import select
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

MS = 1_000_000
MIB = 1 << 20
GUARD = b"engine.supervisor.guard"


class Machine(Protocol):
    """The machine on which the system runs."""

    host: str

    def watch(self, pid: int) -> None:
        """Watch a process; one that is watched stays so."""

    def has_ended(self, pid: int) -> bool:
        """Whether a watched process has ended."""

    def forget(self, pid: int) -> None:
        """End the watch of a process."""

    def guard(self, lock: Path) -> int:
        """The pid of the guard that this lock file names; 0 when it does not run."""

    def is_stopped(self, pid: int) -> bool:
        """Whether a process is stopped, by SIGSTOP or by a debugger."""

    def free_mib(self, path: Path) -> int | None:
        """The free space for this path, in MiB; None when the path does not exist."""

    def wall_ns(self) -> int:
        """The wall clock of the kernel, which an operator or NTP can set."""

    def wait(self, timeout_ns: int, descriptor: int) -> bool:
        """Wait for the end of a watched process or for this descriptor; False after the timeout."""


class RealMachine:
    """This machine."""

    def __init__(self) -> None:
        """Begin without a watched process."""
        self.host = socket.gethostname()
        self._ends: dict[int, int] = {}  # the pidfd of each watched process; -1: it has ended
        self._poll = select.poll()
        self._descriptor = -1

    def watch(self, pid: int) -> None:
        """Open the pidfd; a process that does not exist has ended."""
        if pid in self._ends:
            return
        self._ends[pid] = -1
        with suppress(ProcessLookupError):
            self._ends[pid] = os.pidfd_open(pid)
            self._poll.register(self._ends[pid], select.POLLIN)

    def has_ended(self, pid: int) -> bool:
        """Whether the pidfd is readable; then it is closed."""
        pidfd = self._ends[pid]
        if pidfd < 0:
            return True
        if not select.select([pidfd], [], [], 0)[0]:
            return False
        self._close(pid)
        return True

    def forget(self, pid: int) -> None:
        """Close the pidfd."""
        self._close(pid)
        del self._ends[pid]

    def guard(self, lock: Path) -> int:
        """The pid in the lock file, if a guard has it."""
        try:
            pid = int(lock.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return 0
        return pid if GUARD in words else 0

    def is_stopped(self, pid: int) -> bool:
        """The state in /proc: T or t."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return text[text.rindex(")") + 2] in "Tt"

    def free_mib(self, path: Path) -> int | None:
        """What statvfs reports for an ordinary user."""
        try:
            found = os.statvfs(path)
        except OSError:
            return None
        return found.f_bavail * found.f_frsize // MIB

    def wall_ns(self) -> int:
        """CLOCK_REALTIME."""
        return time.time_ns()

    def wait(self, timeout_ns: int, descriptor: int) -> bool:
        """Poll the pidfds and the descriptor."""
        if descriptor != self._descriptor and descriptor >= 0:
            self._descriptor = descriptor
            self._poll.register(descriptor, select.POLLIN)
        return bool(self._poll.poll(timeout_ns // MS))

    def _close(self, pid: int) -> None:
        pidfd, self._ends[pid] = self._ends[pid], -1
        if pidfd >= 0:
            self._poll.unregister(pidfd)
            os.close(pidfd)

"""Execution's process, as the kernel shows it: whether it runs, and how long it has waited for a core."""

from pathlib import Path
from typing import Protocol

import shm


class ProcessPort(Protocol):
    """What the canceller asks about a process."""

    def lives(self, pid: int) -> bool:
        """Whether the process runs; True where that cannot be known."""

    def waited_ns(self, pid: int) -> int:
        """How long its main thread could have run and had no core, in all its life; 0 where that cannot be known."""


class WriterProcess:
    """The process that writes a lane. A pid may be reused, so its start time is compared too."""

    def __init__(self, cells: shm.CellReader) -> None:
        """Ask about the writer of these cells."""
        self._cells = cells

    def lives(self, pid: int) -> bool:
        """Whether this process still owns the lane and has not ended."""
        owner = self._cells.owner
        return owner.pid == pid and owner.life() != "dead"

    def waited_ns(self, pid: int) -> int:
        """The second number of /proc/PID/schedstat."""
        try:
            return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return 0

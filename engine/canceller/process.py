"""Execution's process, as the kernel shows it: whether it runs, and what it does while it does not beat."""

from typing import Protocol

import shm
from engine.activity import Activity, activity


class ProcessPort(Protocol):
    """What the canceller asks about a process."""

    def lives(self, pid: int) -> bool:
        """Whether the process runs; True where that cannot be known."""

    def activity(self, pid: int) -> Activity | None:
        """What it does; None when it has ended."""


class WriterProcess:
    """The process that writes a lane. A pid may be reused, so its start time is compared too."""

    def __init__(self, cells: shm.CellReader) -> None:
        """Ask about the writer of these cells."""
        self._cells = cells

    def lives(self, pid: int) -> bool:
        """Whether this process still owns the lane and has not ended."""
        owner = self._cells.owner
        return owner.pid == pid and owner.life() != "dead"

    def activity(self, pid: int) -> Activity | None:
        """Its state, its CPU time and its waits for a CPU."""
        return activity(pid)

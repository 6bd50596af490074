"""The disk of a run's journal: nothing is flushed, and a closed segment is removed, because no life follows."""

import os
from pathlib import Path

from engine.execution.restore.checkpoint import Request
from engine.execution.restore.disk import DirectDisk


class PassingDisk(DirectDisk):
    """Writes the journal's files, and keeps only the one that is being written."""

    def __init__(self) -> None:
        """Give the files their length without blocks: a full disk ends the run."""
        super().__init__(os.ftruncate)

    def sync(self, descriptor: int) -> None:
        """Leave the file to the page cache: a crash ends the run."""

    def checkpoint(self, request: Request) -> None:
        """Remove the segments that a checkpoint would replace."""
        for number in range(request.segment, 0, -1):
            file = Path(request.directory) / f"journal.{number:08}"
            if not file.exists():
                return
            file.unlink()

"""Requests a checkpoint after each closed segment of the journal, so that the next start does not read it again."""

from engine.execution.config import ExecutionConfig
from engine.execution.journal.journal import Journal
from engine.execution.restore import checkpoint
from engine.execution.restore.disk import Disk
from engine.execution.restore.replay import Replay


class Checkpointer:
    """The checkpoints of this execution's journal."""

    def __init__(self, config: ExecutionConfig, journal: Journal, fill_order: str, disk: Disk) -> None:
        """Begin with the checkpoints that the journal's directory has; `fill_order` is the name of the venue's."""
        self._config = config
        self._journal = journal
        self._fill_order = fill_order
        self._disk = disk
        self._segment = 0  # the last closed one for which a checkpoint was requested

    def restore(self, replay: Replay) -> int:
        """Load the newest good checkpoint into a replay; the segment at whose end it was made, 0: none."""
        self._segment = checkpoint.restore(self._request(), replay, self._journal.file.sequence)
        return self._segment

    def step(self) -> None:
        """Request a checkpoint if a segment was closed since the last one."""
        if self._journal.closed != self._segment:
            self._segment = self._journal.closed
            self._disk.checkpoint(self._request())

    def _request(self) -> checkpoint.Request:
        """The request for a checkpoint after the last closed segment."""
        config = self._config
        return checkpoint.Request(
            config.journal.directory, self._journal.closed, config.instruments, tuple(config.strategies),
            self._fill_order, config.account,
        )  # fmt: skip

"""What reaches execution without the supervisor: an operator's halt, and how long the supervisor has been silent.

    operator_halt   the cell that `engine-ctl halt` writes      HALT   the file in the state directory
    SIGUSR1         to the process of execution                 heartbeat.supervisor   changes while it lives

A halt must work while the supervisor is stopped, frozen or dead, so execution reads all of these itself. It polls them
every `POLL_NS`, after the step has read its lanes; a poll costs a few microseconds. The halt lasts as long as the cell
or the file is set, and only the supervisor clears them, when it resumes.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.lanes.ports import CellReader

if TYPE_CHECKING:
    from engine.model.rows import HaltRow

SIGNAL, COMMAND = "SIGUSR1", "engine-ctl halt"  # ways to ask for a halt, beside the file
POLL_NS = 5_000_000
AWAY_NS = 250_000_000  # between two polls: execution itself did not run, and has missed heartbeats


class Heartbeat:
    """Another role's heartbeat, as polls find it."""

    def __init__(self, cell: CellReader) -> None:
        """Begin without a poll."""
        self.changed = False  # since the first poll: its role lives, or lived in this life of ours
        self._cell = cell
        self._beat = -1
        self._seen_ns = 0  # when a poll last found it changed
        self._polled_ns = 0

    @property
    def begun(self) -> bool:
        """Whether there has been one."""
        return self._cell.sequence(0) > 0

    def silent_ns(self, now_ns: int) -> int:
        """How long it has not changed; without one, since the first poll."""
        beat, away_ns = self._cell.sequence(0), now_ns - self._polled_ns
        self._polled_ns = now_ns
        if beat != self._beat:
            self.changed = self._beat >= 0
            self._beat, self._seen_ns = beat, now_ns
        elif away_ns > AWAY_NS:
            self._seen_ns += away_ns
        return now_ns - self._seen_ns


class Operator:
    """Polls the cell, the file and the signal for a halt, and the supervisor's heartbeat."""

    def __init__(self, word: CellReader, file: Path, heartbeat: CellReader) -> None:
        """Begin without a poll."""
        self.signalled = False  # set by the signal's handler, cleared by execution once it is halted
        self.word_sequence = 0  # how many writes of the cell were read
        self.word: HaltRow | None = None  # the cell, when it halts
        self.cell = self._word = word
        self._file = os.fspath(file)
        self._heartbeat = Heartbeat(heartbeat)

    def asked_by(self) -> str:
        """The way by which an operator asks for a halt now; empty when no operator does."""
        if self.signalled:
            return SIGNAL
        if self._word_halts():
            return COMMAND
        return f"the file {self._file}" if os.access(self._file, os.F_OK) else ""

    def silent_ns(self, now_ns: int) -> int:
        """How long the supervisor's heartbeat has not changed; 0 while there has been none."""
        return self._heartbeat.silent_ns(now_ns) if self._heartbeat.begun else 0

    def _word_halts(self) -> bool:
        self.word_sequence = self._word.sequence(0)
        row = self._word.read(0) if self.word_sequence else None
        self.word = row if row is not None and row.halted else None
        return self.word is not None


class NoOperator:
    """The port of a system without an operator and a supervisor, as in the chaos world."""

    signalled = False
    word_sequence = 0
    word = None
    cell = None

    def asked_by(self) -> str:
        """Return "": no operator asks."""
        return ""

    def silent_ns(self, now_ns: int) -> int:  # noqa: ARG002 - the protocol's signature
        """Return 0: never silent."""
        return 0

"""A role that does almost nothing, for the processes of these tests; it fails or hangs on request."""

from pathlib import Path
from typing import TYPE_CHECKING

import shm
from engine.lanes import EXECUTION, open_lanes
from engine.model.words import SessionState
from engine.role import WorkingOn
from engine.supervisor import operator

if TYPE_CHECKING:
    from engine.config import Config


class Tiny:
    """Counts its steps; a file in the run directory makes it misbehave."""

    def __init__(self, name: str, directory: Path) -> None:
        """Remember where the orders lie."""
        self.name = name
        self.directory = directory
        self.steps = 0

    def step(self, now_ns: int) -> int:
        """Look for orders now and then."""
        del now_ns
        self.steps += 1
        assert not (self.directory / f"{self.name}.fail").exists(), "asked to fail"
        while (self.directory / f"{self.name}.loop").exists():
            pass
        return 0

    def working_on(self) -> WorkingOn | None:
        """A record, when it was asked to fail."""
        return WorkingOn("books", 7, 0, 1) if (self.directory / f"{self.name}.fail").exists() else None

    def lag(self) -> int:
        """It has no inputs."""
        return 0

    def error_count(self) -> int:
        """It counts none."""
        return 0

    def drain(self, now_ns: int) -> bool:
        """Drain at once, and record that it was asked to."""
        del now_ns
        (self.directory / f"{self.name}.drained").touch()
        return True

    def close(self) -> None:
        """Leave a file that shows that it was closed."""
        (self.directory / f"{self.name}.closed").touch()


class TinyExecution(Tiny):
    """Confirms every halt, as execution does."""

    def __init__(self, name: str, config: "Config") -> None:
        """Open what a halt is read from, and where it is confirmed."""
        super().__init__(name, config.paths.run)
        self.word, self.halt = operator.word(config.system.name), shm.CellReader(config.lane("halt"))
        self.sessions = open_lanes(config.system.name, EXECUTION).cell_writer("sessions")
        self.gate = open_lanes(config.system.name, EXECUTION).cell_writer("gate")

    def step(self, now_ns: int) -> int:
        """Confirm what is asked now."""
        rows = [cell.read(0) for cell in (self.word, self.halt)]
        halted = any(row is not None and row.halted for row in rows)
        self.gate.write(0, now_ns, int(halted), 0, self.word.sequence(0), self.halt.sequence(0), 1.0, (0, 0, 0))
        self.sessions.write(0, now_ns, now_ns, now_ns, 0, 1, 0, SessionState.READY, b"", b"tiny", b"")
        return super().step(now_ns)


def build(config: "Config", name: str) -> Tiny:
    """What the runtime calls."""
    if (config.paths.run / f"{name}.refuse").exists():
        msg = "asked to refuse"
        raise ValueError(msg)
    return TinyExecution(name, config) if name == "execution" else Tiny(name, config.paths.run)

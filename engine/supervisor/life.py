"""One life of a system, from `up` to `down`: which file it runs, and the one clock offset that all its processes use.

Kept in `system.json` in the run directory, so that a supervisor that was killed goes on with the same offset: two
offsets in one system would be two clocks. A boot of the machine ends every life, for CLOCK_MONOTONIC begins anew.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.clock import measure_offset_ns
from engine.config.private import open_private
from shm.identity import boot_id


@dataclass(frozen=True, slots=True)
class Life:
    """What system.json says."""

    system: str
    config: str
    offset_ns: int
    boot: str
    supervisor_pid: int
    state: str  # the state directory, so that the file HALT is found without the configuration
    stopping: bool = False  # `down` was begun: a supervisor that comes after goes on with it

    def write(self, path: Path) -> None:
        """Put it in its place whole or not at all."""
        temporary = path.with_suffix(".making")
        with open(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self)) + "\n")
        temporary.replace(path)


def read(path: Path) -> Life | None:
    """The life that is written there, if it is of this boot."""
    try:
        life = Life(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return life if life.boot == boot_id().hex() else None


def guard_pid(lock: Path) -> int:
    """The pid of the guard that holds the lock; 0 where none lives."""
    try:
        pid = int(lock.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return 0
    return pid if b"engine.supervisor.guard" in words else 0


def begin(path: Path, system: str, config: str, state: str) -> Life:
    """Go on with the life that is written there, or begin one with a freshly measured clock."""
    found = read(path)
    offset_ns = found.offset_ns if found else measure_offset_ns()
    life = Life(system, config, offset_ns, boot_id().hex(), os.getpid(), state)
    life.write(path)
    return life

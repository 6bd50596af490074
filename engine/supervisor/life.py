"""One life of a system, from `up` to `down`: its configuration file and the clock offset that all processes use.

Stored in `system.json` in the run directory, so that the supervisor after a killed one uses the same offset: two
offsets in one system would be two clocks. A reboot ends every life, because CLOCK_MONOTONIC starts at 0 again.
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
    """The contents of system.json."""

    system: str
    config: str
    offset_ns: int
    boot: str
    supervisor_pid: int
    state: str  # the state directory, so that engine-ctl halt finds the file HALT without the configuration
    stopping: bool = False  # `down` was begun: the next supervisor continues it

    def write(self, path: Path) -> None:
        """Write the file in one step: a reader sees the old file or the whole new one."""
        temporary = path.with_suffix(".making")
        with open(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self)) + "\n")
        temporary.replace(path)


def read(path: Path) -> Life | None:
    """The life in this file; None without one, or when it is of an earlier boot."""
    try:
        life = Life(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return life if life.boot == boot_id().hex() else None


def guard_pid(lock: Path) -> int:
    """The pid of the guard that holds the lock; 0 when no guard runs."""
    try:
        pid = int(lock.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return 0
    return pid if b"engine.supervisor.guard" in words else 0


def begin(path: Path, system: str, config: str, state: str, *, stopping: bool = False) -> Life:
    """Continue the life in this file, or begin one with a newly measured clock offset.

    A supervisor that continues a `down` is `stopping` from here on: killed before its first step, it is no new start.
    """
    found = read(path)
    offset_ns = found.offset_ns if found else measure_offset_ns()
    life = Life(system, config, offset_ns, boot_id().hex(), os.getpid(), state, stopping)
    life.write(path)
    return life

"""Reads the file of deaths, which the supervisor and the guard write, from where the last life of the role stopped.

The file is a list of JSON lines that is renamed to `.1` when it is full. Its inode and an offset are the place up to
which it was read; after a renaming the rest of the renamed file is read first.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

OLDER = ".1"
READ_MOST = 1 << 20  # bytes of one check; the rest waits for the next one


class Death(NamedTuple):
    """What alerts use of a line: `engine-ctl deaths` shows the whole line."""

    process: str
    roles: tuple[str, ...]
    pid: int
    now_ns: int
    cause: str


class DeathsFile:
    """The lines of the file, each once."""

    def __init__(self, path: Path, inode: int = 0, offset: int = -1) -> None:
        """Continue at this place; offset -1: at the present end, because older deaths are history."""
        self._path = path
        self.inode, self.offset = inode, offset
        if offset < 0:
            found = _stat(path)
            self.inode, self.offset = (found.st_ino, found.st_size) if found else (0, 0)

    def read(self) -> list[Death]:
        """The deaths since the last call."""
        found = _stat(self._path)
        if found is None or (found.st_ino, found.st_size) == (self.inode, self.offset):
            return []
        if found.st_ino == self.inode:
            return self._read_from(self._path)
        older = self._path.with_name(self._path.name + OLDER)
        renamed = _stat(older)
        rest = self._read_from(older) if renamed is not None and renamed.st_ino == self.inode else []
        self.inode, self.offset = found.st_ino, 0
        return rest + self._read_from(self._path)

    def _read_from(self, path: Path) -> list[Death]:
        """The whole lines from the offset on."""
        with path.open("rb") as file:
            file.seek(self.offset)
            whole, newline, _ = file.read(READ_MOST).rpartition(b"\n")
        self.offset += len(whole) + len(newline)
        return [death for line in whole.splitlines() if (death := _death(line)) is not None]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _death(line: bytes) -> Death | None:
    """A line; None for one that a full disk has cut."""
    try:
        tree: dict[str, Any] = json.loads(line)
        return Death(tree["process"], tuple(tree["roles"]), tree["pid"], tree["now_ns"], tree["cause"])
    except (ValueError, KeyError, TypeError):
        return None

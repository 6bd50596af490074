"""The segments that exist: the directory is the registry, there is no other list."""

import os

from shm.cell import CellReader
from shm.header import SegmentError
from shm.ring import RingReader
from shm.segment import DIRECTORY, PREFIX, open_checked, path_of
from shm.words import WordReader


def names(system: str = "", *, aside: bool = False) -> list[str]:
    """Return the names of segments, of one system or of all; with `aside` the segments that `create` set aside.

    A file with our prefix is a segment only if its name is system.lane.
    """
    start = f"{PREFIX}{system}." if system else PREFIX
    found = (file.removeprefix(PREFIX) for file in os.listdir(DIRECTORY) if file.startswith(start))
    return sorted(
        name for name in found
        if all(name.partition("."))
        and not name.endswith(".lock") and not name.startswith("making.") and (".aside-" in name) == aside
    )  # fmt: skip


def systems() -> list[str]:
    """Return every system that has a segment."""
    return sorted({name.split(".")[0] for name in names()})


def attach(name: str) -> RingReader | CellReader | WordReader:
    """Attach read-only to `system.lane`: a ring, cells or words. The lane's name suffices where one system has it."""
    if "." not in name:
        found = [full for full in names() if full.split(".", 1)[1] == name]
        if len(found) != 1:
            msg = f"lane {name!r}: expected exactly one system with this lane, found {', '.join(found) or 'none'}"
            raise SegmentError(msg)
        name = found[0]
    fd, found_header = open_checked(path_of(name), os.O_RDONLY)
    os.close(fd)
    if found_header.kind == "words":
        return WordReader(name)
    return CellReader(name) if found_header.kind == "cells" else RingReader(name)

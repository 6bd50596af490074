"""What there is: the directory of segments is the registry, and nothing else needs to be asked."""

import os

from shm.cell import CellReader
from shm.header import SegmentError
from shm.ring import RingReader
from shm.segment import DIRECTORY, PREFIX, open_checked, path_of


def names(system: str = "", *, aside: bool = False) -> list[str]:
    """Segments by name, of one system or of all; with `aside` those set aside for the post-mortem.

    Only what is named system.lane: another's file under our prefix is nobody's segment.
    """
    start = f"{PREFIX}{system}." if system else PREFIX
    found = (file.removeprefix(PREFIX) for file in os.listdir(DIRECTORY) if file.startswith(start))
    return sorted(
        name for name in found
        if all(name.partition("."))
        and not name.endswith(".lock") and not name.startswith("making.") and (".aside-" in name) == aside
    )  # fmt: skip


def systems() -> list[str]:
    """Every system that has a segment here."""
    return sorted({name.split(".")[0] for name in names()})


def attach(name: str) -> RingReader | CellReader:
    """Attach read-only to `system.lane`, whatever it is; a bare lane's name will do where only one system has it."""
    if "." not in name:
        found = [full for full in names() if full.split(".", 1)[1] == name]
        if len(found) != 1:
            msg = f"lane {name!r}: expected one system that has it, found {', '.join(found) or 'none'}"
            raise SegmentError(msg)
        name = found[0]
    fd, found_header = open_checked(path_of(name), os.O_RDONLY)
    os.close(fd)
    return CellReader(name) if found_header.kind == "cells" else RingReader(name)

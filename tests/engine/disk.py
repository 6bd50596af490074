"""A disk that a test fills: a small file system of its own at a directory. The machine's own is never filled."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MNT_DETACH = 2


class Disk:
    """The file system of a directory."""

    def __init__(self, place: Path, *, own: bool) -> None:
        """`own`: the directory is a small file system of the test."""
        self._file, self.own = place / "filler", own

    def fill(self) -> None:
        """Write until there is no room."""
        assert self.own, "the machine's own disk would be filled"
        with self._file.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * (1 << 16)):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Remove what fills it."""
        self._file.unlink(missing_ok=True)


@contextmanager
def mounted(place: Path, mib: int) -> Iterator[Disk]:
    """A disk of this size at a directory where root may mount one, else the directory as it is."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.getuid() == 0 and not libc.mount(b"tmpfs", bytes(place), b"tmpfs", 0, b"mode=700,size=%dm" % mib)
    try:
        yield Disk(place, own=own)
    finally:
        if own:
            libc.umount2(bytes(place), MNT_DETACH)

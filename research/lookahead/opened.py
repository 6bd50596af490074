"""Which files are opened or read meanwhile, by inotify: also by a library in C, and under another name."""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

IN_ACCESS, IN_OPEN = 0x1, 0x20
HEAD = struct.Struct("iIII")
ROOM = 1 << 16


class Opened:
    """Watches files, and the files directly in directories."""

    def __init__(self, paths: Iterable[Path], mask: int = IN_OPEN) -> None:
        """Watch them from now on: each that is opened, or with IN_ACCESS each that is read."""
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._names = dict[int, Path]()
        for path in paths:
            number = libc.inotify_add_watch(self._fd, os.fsencode(path), mask)
            if number < 0:
                raise ValueError(f"watch: {path} cannot be watched: {os.strerror(ctypes.get_errno())}")
            self._names[number] = path

    def read(self) -> set[str]:
        """The files that were opened since the last read."""
        found = set[str]()
        try:
            while part := os.read(self._fd, ROOM):
                found |= self._files_of(part)
        except BlockingIOError:
            pass
        return found

    def _files_of(self, part: bytes) -> set[str]:
        """The names in a block of events; a directory that is listed is no file."""
        found, at = set[str](), 0
        while at < len(part):
            number, _mask, _cookie, length = HEAD.unpack_from(part, at)
            name = os.fsdecode(part[at + HEAD.size : at + HEAD.size + length].rstrip(b"\0"))
            path = self._names[number] / name if name else self._names[number]
            if path.is_file():
                found.add(str(path))
            at += HEAD.size + length
        return found

    def close(self) -> None:
        """Watch no longer."""
        os.close(self._fd)

"""A file to import: its identity, which is the hash of its bytes, and its bytes unpacked.

A file `<name>.CHECKSUM` beside it, as archives publish one (`<sha256>  <name>`), is verified before anything is read.
"""

import hashlib
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, get_ident
from typing import Any

import pyarrow as pa

from engine.imports.errors import ImportRefusedError

READ = 1 << 20
ENDS_S = 2.0  # in which a thread that reads ahead reads again, and leaves Python
LOOK_S = 0.001
PACKINGS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}
DAMAGED = (zipfile.BadZipFile, EOFError, pa.ArrowInvalid, OSError)


class Source:
    """One file, or several that belong together."""

    def __init__(self, *paths: Path) -> None:
        """Read each file once for its hash; ImportRefusedError for one that does not match its checksum."""
        self.paths = paths
        self.path = paths[0]
        self.hashes = [checked_hash(path) for path in paths]
        joined = "\n".join(self.hashes).encode()
        self.hash = self.hashes[0] if len(paths) == 1 else hashlib.sha256(joined).hexdigest()
        self._stamps = [_stamp(path) for path in paths]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(path.stat().st_size for path in self.paths)

    def check_unchanged(self) -> None:
        """Refuse files that were written while they were read."""
        for path, stamp in zip(self.paths, self._stamps, strict=True):
            if _stamp(path) != stamp:
                raise ImportRefusedError(f"{path}: the file changed while it was read: import it when it is complete")


def checked_hash(path: Path) -> str:
    """The sha256 of a file; refuse one that does not exist, or that differs from its CHECKSUM file."""
    if not path.is_file():
        raise ImportRefusedError(f"{path}: no such file, expected a file to import")
    found = hash_of(path)
    beside = path.with_name(path.name + ".CHECKSUM")
    expected = beside.read_text().split()[0].lower() if beside.is_file() and beside.read_text().split() else found
    if expected != found:
        raise ImportRefusedError(f"{path}: sha256 {found}, {beside.name} has {expected}: download the file again")
    return found


def hash_of(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def unpacked(path: Path) -> Iterator[Any]:
    """Open a file that may be packed by gzip, zstd, or as the only file of a zip; damage is an ImportRefusedError."""
    try:
        with path.open("rb") as raw:
            packing = PACKINGS.get(raw.read(4), PACKINGS.get(_begin(raw, 2), ""))
            raw.seek(0)
            with _opened(path, raw, packing) as stream:
                yield stream
    except (zipfile.BadZipFile, EOFError) as error:
        raise ImportRefusedError(f"{path}: the packed file is damaged ({error}): download it again") from error


def _begin(raw: Any, size: int) -> bytes:
    raw.seek(0)
    begin: bytes = raw.read(size)
    return begin


@contextmanager
def _opened(path: Path, raw: Any, packing: str) -> Iterator[Any]:
    if packing != "zip":  # without Python: a thread of Arrow that still reads ahead cannot end with the process
        with pa.OSFile(str(path)) as plain:
            yield pa.CompressedInputStream(plain, packing) if packing else plain
        return
    with zipfile.ZipFile(raw) as archive:
        members = [one for one in archive.namelist() if not one.endswith("/")]
        if len(members) != 1:
            raise ImportRefusedError(f"{path}: {len(members)} files in the zip ({members[:3]}), expected exactly one")
        with archive.open(members[0]) as member:
            reading = _Member(member)
            try:
                yield pa.PythonFile(reading, "r")
            finally:
                reading.end()


class _Member:
    """A file in a zip that a thread of Arrow reads ahead; it must not be in Python when the process ends."""

    closed = False  # what Arrow looks at

    def __init__(self, member: Any) -> None:
        """Begin at the member's begin."""
        self._member, self._stopped, self._ended, self._reader = member, False, Event(), get_ident()

    def read(self, size: int = -1) -> bytes:
        """Read on; nothing when no reader needs more."""
        self._reader = get_ident()
        found: bytes = b"" if self._stopped else self._member.read(size)
        if not found:
            self._ended.set()
        return found

    def end(self) -> None:
        """Let the thread come to an end: it reads the end of the file, or has stopped before; then it leaves Python."""
        self._stopped = True
        if self._reader == get_ident():
            return
        self._ended.wait(ENDS_S)
        until_s = time.monotonic() + ENDS_S
        while self._reader in sys._current_frames() and time.monotonic() < until_s:  # noqa: SLF001 - CPython's documented name
            time.sleep(LOOK_S)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns

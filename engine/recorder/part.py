"""A part: the records of one lane in one append-only file. docs/history.md describes the format.

    part     head with crc │ block │ block │ …
    block    block head with crc │ rows, or nothing: the block of a gap
    name     <first number, 20 digits>-<creation of the lane>.open while it is written, then .part

A write that a death cut short ends the file: the next life removes that rest, never a whole block. A damaged block with
other bytes after it is no such rest: the disk is damaged, and the file is refused.
"""

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np

from shm.record import Record

MAGIC = b"STEELYARD LANES\0"
VERSION = 1
OPEN, CLOSED, DAMAGED = ".open", ".part", ".damaged"
FIRST = struct.Struct("<16sII")  # magic, version, size of the JSON
CRC = struct.Struct("<I")
BLOCK = struct.Struct("<4sIIIQQqqI")  # mark, kind, number, size, first, after, begin_ns, end_ns, crc of it all
MARK = b"SYLB"
ROWS, GAP = 1, 2
SIZE_MAX = 64 << 20  # of one block, and of a head: a greater size is damage
CELL_FIELDS = {"cell": "u4", "spare_cell": "u4", "writes": "u8", "read_ns": "i8"}  # before each value of a cell

CUT = "the head is not complete: a death cut its write short, and the file has no row: remove it"

Known = tuple[str, str, int, int]  # an instrument's venue, symbol, price decimals, size decimals
Rows = np.ndarray[Any, np.dtype[Any]]


class PartError(ValueError):
    """A part that cannot be read: damaged, or of another version."""


class UnfinishedError(PartError):
    """A part whose head was cut short: it has no row."""


class Head(msgspec.Struct, frozen=True):
    """What a part is about. `stream`: which creation of the lane; a number means nothing in another one."""

    lane: str  # its name in the map
    owner: str  # "" for a lane that exists once
    kind: str  # ring, lossless, cells
    record: str
    size: int  # bytes of a row
    descr: list[list[Any]]  # numpy's description of a row
    stream: str
    first: int  # the number of the first row
    begin_ns: int
    instruments: dict[int, Known]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of a row."""
        return Record.from_descr(self.record, self.size, self.descr).dtype

    @property
    def name(self) -> str:
        """The lane's name in its system."""
        return f"{self.lane}.{self.owner}" if self.owner else self.lane

    def pack(self) -> bytes:
        """Return the bytes, with their crc."""
        text = msgspec.json.encode(self)
        packed = FIRST.pack(MAGIC, VERSION, len(text)) + text
        return packed + CRC.pack(zlib.crc32(packed))


class Block(NamedTuple):
    """A block. Of a gap: the numbers [first, after) were lost between two records of these times."""

    kind: int
    number: int  # of its rows
    first: int
    after: int
    begin_ns: int  # of rows: when they were read
    end_ns: int
    rows: bytes


class PartWriter:
    """Appends blocks to a part; each is in the file whole or not at all."""

    def __init__(self, path: Path, head: Head) -> None:
        """Begin a file. FileExistsError if there is one."""
        self.path, self.head, self.size = path, head, 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_APPEND
        self._file = os.open(path, flags, 0o640)
        try:
            self._write(head.pack())
        except OSError:
            os.close(self._file)
            path.unlink(missing_ok=True)
            raise

    @classmethod
    def continued(cls, path: Path, head: Head, size: int) -> "PartWriter":
        """Continue a file after its last whole block."""
        self = cls.__new__(cls)
        self.path, self.head, self.size = path, head, size
        self._file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_APPEND)
        os.ftruncate(self._file, size)
        return self

    def add_rows(self, rows: Rows, first: int, now_ns: int) -> None:
        """Append the rows with the numbers from `first` on."""
        self._append(ROWS, len(rows), first, first + len(rows), now_ns, now_ns, rows)

    def add_gap(self, first: int, after: int, begin_ns: int, end_ns: int) -> None:
        """Append a gap."""
        self._append(GAP, 0, first, after, begin_ns, end_ns, b"")

    def finish(self) -> None:
        """Close the file and give it the name of a closed part."""
        os.close(self._file)
        self.path.rename(self.path.with_suffix(CLOSED))

    def close(self) -> None:
        """Close the file; the next life continues it."""
        os.close(self._file)

    def _append(
        self, kind: int, count: int, first: int, after: int, begin_ns: int, end_ns: int, rows: "Rows | bytes"
    ) -> None:
        content = memoryview(cast("bytes", rows.view("u1"))) if isinstance(rows, np.ndarray) else memoryview(rows)
        head = BLOCK.pack(MARK, kind, count, len(content), first, after, begin_ns, end_ns, 0)[: -CRC.size]
        self._write(head + CRC.pack(zlib.crc32(content, zlib.crc32(head))), content)

    def _write(self, *pieces: "bytes | memoryview") -> None:
        """Write all or nothing."""
        size = sum(map(len, pieces))
        written = 0
        try:
            written = os.writev(self._file, pieces)
        finally:
            if written != size:
                os.ftruncate(self._file, self.size)
        if written != size:  # the kernel wrote as much as there was room for
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self.size += size


def names_instrument(row: np.dtype[Any]) -> bool:
    """Whether each row is of one instrument."""
    return "instrument" in (row.names or ()) and row["instrument"].shape == ()


def read_head(path: Path) -> tuple[Head, int]:
    """Return a part's head and its size; PartError with the value that was found."""
    with path.open("rb") as file:
        start = file.read(FIRST.size)
        if len(start) < FIRST.size and MAGIC.startswith(start[: len(MAGIC)]):
            raise UnfinishedError(f"{path}: {CUT}")
        if len(start) < FIRST.size or not start.startswith(MAGIC):
            raise PartError(f"{path}: expected a file that begins with {MAGIC!r}, was {start[: len(MAGIC)]!r}")
        _, version, size = FIRST.unpack(start)
        if version != VERSION:
            raise PartError(f"{path}: version {version}, this engine reads version {VERSION}: seal it with its own")
        text = file.read(min(size, SIZE_MAX))
        if os.fstat(file.fileno()).st_size < FIRST.size + size + CRC.size:
            raise UnfinishedError(f"{path}: {CUT}")
        if file.read(CRC.size) != CRC.pack(zlib.crc32(start + text)):
            raise PartError(f"{path}: the crc of the head is wrong: the file is damaged, move it away")
    return msgspec.json.decode(text, type=Head), FIRST.size + size + CRC.size


def read_blocks(path: Path, offset: int) -> Iterator[tuple[Block, int]]:
    """Return each whole block with the offset after it, up to a write that was cut short; PartError for damage."""
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        file.seek(offset)
        while offset < end:
            block, size = _read_block(path, file.read(BLOCK.size), file.read, end - offset)
            if block is None:
                return
            offset += size
            yield block, offset


def _read_block(path: Path, head: bytes, read: Any, left: int) -> tuple[Block | None, int]:
    """Return a block and its size; None for the rest of a write that was cut short."""
    if len(head) < BLOCK.size:
        return None, 0
    mark, kind, count, size, first, after, begin_ns, end_ns, crc = BLOCK.unpack(head)
    if mark != MARK or size > SIZE_MAX:
        return _rest_or_damage(path, head, read, left)
    rows = read(size)
    if len(rows) == size and zlib.crc32(rows, zlib.crc32(head[: -CRC.size])) == crc:
        return Block(kind, count, first, after, begin_ns, end_ns, rows), BLOCK.size + size
    if BLOCK.size + size >= left:
        return None, 0
    return _rest_or_damage(path, b"\1", read, left)


def _rest_or_damage(path: Path, head: bytes, read: Any, left: int) -> tuple[None, int]:
    """Zeros up to the end are space that the kernel reserved and a power failure left empty; all else is damage."""
    while not any(head):
        if not (head := read(1 << 20)):
            return None, 0
    raise PartError(f"{path}: a block {left} bytes before the end is damaged and not the last: move the file away")


def parts_of(directory: Path, suffix: str = CLOSED) -> list[Path]:
    """A lane's parts, oldest first."""
    return sorted(directory.glob(f"*{suffix}"), key=lambda path: (path.stat().st_mtime_ns, path.name))

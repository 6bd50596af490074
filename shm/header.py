"""A segment's first kilobyte: what the segment is. It is written once at creation, and checked at every attach.

layout.h has each field's offset; the fields here are held against it at import. The header ends with the crc32 of
everything before it, and the word `ready`, which is stored last.
"""

import json
import struct
import zlib
from functools import lru_cache
from typing import NamedTuple

from shm._ring import OFFSETS, SY_CELL_HEAD, SY_CELL_SLOTS
from shm.record import Record

MAGIC = b"STEELYRD"
BYTE_ORDER = 0x01020304
ABI_MAJOR, ABI_MINOR = 1, 0
HEADER_SIZE = 4096
HUGE_PAGE = 2 << 20
READY = 0x59444152
FIELDS = {
    "magic": "8s", "byte_order": "I", "abi_major": "H", "abi_minor": "H", "header_size": "I", "flags": "I",
    "record_size": "I", "alignment": "I", "capacity": "Q", "reserve": "Q", "data_offset": "Q", "total_size": "Q",
    "schema_hash": "Q", "stream": "16s", "boot": "16s", "created_ns": "q", "first": "Q", "count": "I",
    "descr_size": "I", "record_name": "32s",
}  # fmt: skip
FORM = struct.Struct("<" + "".join(FIELDS.values()))
DESCR_OFFSET, CHECKSUM_OFFSET, READY_OFFSET = (OFFSETS[field] for field in ("descr", "checksum", "ready"))
FIXED_SIZE = READY_OFFSET + 4
KINDS = ("ring", "lossless", "cells", "words")
LISTS = ("cells", "words")  # kinds that hold a number of records, without a cursor
WAKES = ("never", "idle_edge")
OWNER_EPOCH, OWNER_PID, OWNER_START, OWNER_NAMESPACE, OWNER_BEAT, OWNER_CLEAN = (
    OFFSETS[f"owner_{field}"] for field in ("epoch", "pid", "start", "namespace", "beat", "clean")
)
CURSOR, WAKES_COUNT, REFUSED_COUNT, AHEAD_COUNT = (OFFSETS[field] for field in ("cursor", "wakes", "refused", "ahead"))


def _offsets(fields: dict[str, str]) -> dict[str, int]:
    """Return each field's offset in the packed header."""
    formats = list(fields.values())
    return {field: struct.calcsize("<" + "".join(formats[:place])) for place, field in enumerate(fields)}


assert _offsets(FIELDS).items() <= OFFSETS.items(), "header.py and layout.h disagree"
assert FORM.size == DESCR_OFFSET, "the description follows the last field"


class SegmentError(Exception):
    """A segment cannot be used. The text names the file, what was found and what was expected."""


class Header(NamedTuple):
    """The immutable part of a segment."""

    record: Record
    kind: str
    wake: str
    huge: bool
    capacity: int
    reserve: int
    cells: int
    first: int
    data_offset: int
    total_size: int
    stream: bytes
    boot: bytes
    created_ns: int

    @property
    def data_size(self) -> int:
        """Bytes of slots or cells."""
        return self.total_size - self.data_offset

    @property
    def mirrored(self) -> int:
        """Bytes that are mapped a second time: a ring's slots."""
        return 0 if self.kind in LISTS else self.data_size

    def pack(self) -> bytes:
        """Return the first kilobyte up to the word `ready`, which is stored last."""
        descr = _descr_of(self.record)
        flags = KINDS.index(self.kind) | WAKES.index(self.wake) << 8 | self.huge << 16
        name = self.record.name.encode()
        if DESCR_OFFSET + len(descr) > CHECKSUM_OFFSET or len(name) > 32:  # noqa: PLR2004 - the name's bytes in FIELDS
            room = CHECKSUM_OFFSET - DESCR_OFFSET
            msg = f"record {self.record.name!r}: its description needs {len(descr)} bytes, expected at most {room}"
            raise SegmentError(msg)
        fixed = FORM.pack(
            MAGIC, BYTE_ORDER, ABI_MAJOR, ABI_MINOR, HEADER_SIZE, flags, self.record.size, 8, self.capacity,
            self.reserve, self.data_offset, self.total_size, self.record.schema_hash, self.stream, self.boot,
            self.created_ns, self.first, self.cells, len(descr), name,
        )  # fmt: skip
        body = (fixed + descr).ljust(CHECKSUM_OFFSET, b"\0")
        return body + struct.pack("<I", zlib.crc32(body))


def unpack(path: str, head: bytes, size: int) -> Header:
    """Read and check the first kilobyte of a file of `size` bytes; refuse it with the field that is wrong."""

    def expect(field: str, found: object, *, expected: object, good: bool | None = None) -> None:
        if not (found == expected if good is None else good):
            msg = f"{path}: {field} is {found!r}, expected {expected!r}"
            raise SegmentError(msg)

    expect("size", size, expected=f"at least {HEADER_SIZE}", good=size >= HEADER_SIZE and len(head) >= FIXED_SIZE)
    (magic, order, major, minor, header_size, flags, record_size, alignment, capacity, reserve, data_offset, total_size,
     schema_hash, stream, boot, created_ns, first, count, descr_size, name) = FORM.unpack_from(head)  # fmt: skip
    checksum, ready = struct.unpack_from("<II", head, CHECKSUM_OFFSET)
    expect("magic", magic, expected=MAGIC)
    expect("byte order", hex(order), expected=hex(BYTE_ORDER))
    expect("abi major", major, expected=ABI_MAJOR)
    expect("abi minor", minor, expected=f"at most {ABI_MINOR}", good=minor <= ABI_MINOR)
    expect("ready", hex(ready), expected=hex(READY))
    expect("checksum", hex(checksum), expected=hex(zlib.crc32(head[:CHECKSUM_OFFSET])))
    expect("header size", header_size, expected=HEADER_SIZE)
    expect("record alignment", alignment, expected=8)
    expect("total size", total_size, expected=size)
    expect("kind", flags & 255, expected=f"one of 0..{len(KINDS) - 1}", good=flags & 255 < len(KINDS))
    expect("wake", flags >> 8 & 255, expected=f"one of 0..{len(WAKES) - 1}", good=flags >> 8 & 255 < len(WAKES))
    record = _record(path, name.rstrip(b"\0"), record_size, head[DESCR_OFFSET:][:descr_size])
    expect("schema hash", hex(schema_hash), expected=hex(record.schema_hash))
    kind, wake, huge = KINDS[flags & 255], WAKES[flags >> 8 & 255], bool(flags >> 16 & 1)
    expect("data offset", data_offset, expected=HUGE_PAGE if huge else HEADER_SIZE)
    if kind in LISTS:
        room = (total_size - data_offset) // place_size(kind, record_size)
        expect("count", count, expected=f"1..{room}", good=0 < count <= room)
    else:
        expect("capacity", capacity, expected="a power of two", good=capacity > 1 and not capacity & (capacity - 1))
        expect("capacity", capacity, expected=(total_size - data_offset) // record_size)
        expect("reserve", reserve, expected=f"1..{capacity - 1}", good=0 < reserve < capacity)
    return Header(record, kind, wake, huge, capacity, reserve, count, first, data_offset, total_size, stream, boot,
                  created_ns)  # fmt: skip


def place_size(kind: str, record_size: int) -> int:
    """The bytes of one place of a segment: a cell keeps several copies of its record, each on lines of its own."""
    return SY_CELL_HEAD + SY_CELL_SLOTS * (-(-record_size // 64) * 64) if kind == "cells" else record_size


def _record(path: str, name: bytes, size: int, descr: bytes) -> Record:
    try:
        return _described(name, size, descr)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        msg = f"{path}: the description of its records cannot be read: {error}"
        raise SegmentError(msg) from error


def describe(record: Record) -> None:
    """Keep what opening a segment of these records computes from its header: before a fork, for every child."""
    assert _described(record.name.encode(), record.size, _descr_of(record)).schema_hash == record.schema_hash


def _descr_of(record: Record) -> bytes:
    """The description as it is in a header."""
    return json.dumps(record.descr, separators=(",", ":")).encode()


@lru_cache(maxsize=256)
def _described(name: bytes, size: int, descr: bytes) -> Record:
    """The record of a description, made once in a process: a role opens many lanes of the same records at its start."""
    return Record.from_descr(name.decode(), size, json.loads(descr))

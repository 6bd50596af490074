"""Our own recordings on disk: what they are made of, and reading them. The format is told in docs/recording.md.

    file    header │ block │ block │ …        one file a part; the parts of one recording share its id
    block   head with crc │ entries, packed with zstd
    entry   one frame with its time, connection and kind (see entries.pyx)

A block is on disk whole or it is the torn end: what a crash leaves can be read up to there, and the reader says so.
A block that is spoilt before the end is a damaged disk, and an error.
"""

import logging
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson
import zstandard

from engine.feed.capture.entries import unpack

LOG = logging.getLogger("steelyard.capture")
MAGIC = b"STEELYARD FRAMES"
VERSION = 1
SUFFIX = ".sycap"
HEADER = struct.Struct("<16sHHIq16s12xI")  # magic, version, size, part, begin_ns, id, crc
BLOCK = struct.Struct("<4sIIIqqI")  # mark, packed, unpacked, entries, first_ns, last_ns, crc of all that and the bytes
MARK = b"SYFB"
UNPACKED_MAX = 256 << 20  # of one block: more is no length but damage

Entry = tuple[int, int, int, bytes]  # receive_ns, connection, kind, payload


@dataclass(frozen=True, slots=True)
class Header:
    """What a part says of itself."""

    part: int
    begin_ns: int
    session: bytes

    def pack(self) -> bytes:
        """The bytes, with their crc."""
        fields = MAGIC, VERSION, HEADER.size, self.part, self.begin_ns, self.session
        return HEADER.pack(*fields, zlib.crc32(HEADER.pack(*fields, 0)[:-4]))


def is_recording(path: Path) -> bool:
    """Whether a file begins as ours do."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_header(path: Path, file: BinaryIO) -> Header:
    """The header, or a refusal that says what was found."""
    found = file.read(HEADER.size)
    if len(found) < HEADER.size or not found.startswith(MAGIC):
        msg = f"{path}: expected a recording that begins with {MAGIC!r}, was {found[: len(MAGIC)]!r}"
        raise ValueError(msg)
    _, version, size, part, begin_ns, session, crc = HEADER.unpack(found)
    if version != VERSION or size != HEADER.size:
        msg = f"{path}: version {version} with a header of {size} bytes, expected {VERSION} with {HEADER.size}"
        raise ValueError(msg)
    if crc != zlib.crc32(found[:-4]):
        msg = f"{path}: the header's crc does not hold"
        raise ValueError(msg)
    return Header(part, begin_ns, session)


def read_blocks(path: Path, venue: str = "") -> Iterator[list[Entry]]:
    """The entries of a recording, block by block, up to its torn end if it has one.

    With `venue` only those of one: by the configuration's name or the dialect's.
    """
    wanted: dict[int, bool] = {}

    def meet(told: bytes) -> bool:
        row = orjson.loads(told)
        return not venue or venue in (row["venue"], row["dialect"])

    with path.open("rb") as file:
        read_header(path, file)
        unpacker = zstandard.ZstdDecompressor()
        while head := file.read(BLOCK.size):
            place = file.tell() - len(head)
            block = _read_block(path, file, head)
            if block is None:
                LOG.warning("%s: torn at byte %d, what comes before was read", path, place)
                return
            packed, size = block
            yield unpack(_unpacked(path, place, unpacker, packed, size), wanted, meet)


def _unpacked(path: Path, place: int, unpacker: zstandard.ZstdDecompressor, packed: bytes, size: int) -> bytes:
    try:
        return unpacker.decompress(packed, max_output_size=size)
    except zstandard.ZstdError as error:
        msg = f"{path}: the block at byte {place} cannot be unpacked: {error}"
        raise ValueError(msg) from error


def _read_block(path: Path, file: BinaryIO, head: bytes) -> tuple[bytes, int] | None:
    """A block's packed bytes and unpacked size, None when it is the torn end."""
    place, end = file.tell() - len(head), os.fstat(file.fileno()).st_size
    if len(head) < BLOCK.size:
        return None
    mark, size, unpacked, _, _, _, crc = BLOCK.unpack(head)
    if mark != MARK or unpacked > UNPACKED_MAX:
        if not any(head) and not any(file.read()):  # room that was given to the file and never written
            return None
        msg = f"{path}: no block begins at byte {place}: expected {MARK!r}, was {mark!r}"
        raise ValueError(msg)
    if file.tell() + size > end:
        return None
    packed = file.read(size)
    if zlib.crc32(packed, zlib.crc32(head[:-4])) == crc:
        return packed, unpacked
    if file.tell() == end:
        return None
    msg = f"{path}: the block at byte {place} is damaged, and others follow it"
    raise ValueError(msg)


def read_recording(path: Path, venue: str = "") -> Iterator[Entry]:
    """The entries of a recording, of one venue where named."""
    for block in read_blocks(path, venue):
        yield from block

"""Our own recordings on disk: their parts, and reading them. docs/recording.md describes the format.

    file    header │ block │ block │ …        one file for each part; the parts of a recording share its id
    block   head with crc │ entries, packed with zstd
    entry   one frame with its time, connection and kind (see entries.pyx)

After a crash the last block may be incomplete: the reader stops before it and logs that. A damaged block before the
end is an error of the disk.
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
BLOCK = struct.Struct("<4sIIIqqI")  # mark, packed, unpacked, entries, first_ns, last_ns, crc of these and the bytes
MARK = b"SYFB"
UNPACKED_MAX = 256 << 20  # of one block: a greater length is damage

Entry = tuple[int, int, int, bytes]  # receive_ns, connection, kind, payload


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a part."""

    part: int
    begin_ns: int
    session: bytes

    def pack(self) -> bytes:
        """Return the bytes, with their crc."""
        fields = MAGIC, VERSION, HEADER.size, self.part, self.begin_ns, self.session
        return HEADER.pack(*fields, zlib.crc32(HEADER.pack(*fields, 0)[:-4]))


def is_recording(path: Path) -> bool:
    """Whether a file begins like one of ours."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_header(path: Path, file: BinaryIO) -> Header:
    """Return the header; raise ValueError with the value found."""
    found = file.read(HEADER.size)
    if len(found) < HEADER.size or not found.startswith(MAGIC):
        msg = f"{path}: expected a recording that begins with {MAGIC!r}, was {found[: len(MAGIC)]!r}"
        raise ValueError(msg)
    _, version, size, part, begin_ns, session, crc = HEADER.unpack(found)
    if version != VERSION or size != HEADER.size:
        msg = f"{path}: version {version} with a header of {size} bytes, expected {VERSION} with {HEADER.size}"
        raise ValueError(msg)
    if crc != zlib.crc32(found[:-4]):
        msg = f"{path}: the header's crc is wrong: the file is damaged"
        raise ValueError(msg)
    return Header(part, begin_ns, session)


def read_blocks(path: Path, venue: str = "") -> Iterator[list[Entry]]:
    """Return the entries of a recording, block by block, up to an incomplete last block.

    With `venue` only that venue's entries: by its name in the configuration, or its dialect's.
    """
    wanted: dict[int, bool] = {}

    def meet(description: bytes) -> bool:
        row = orjson.loads(description)
        return not venue or venue in (row["venue"], row["dialect"])

    with path.open("rb") as file:
        read_header(path, file)
        unpacker = zstandard.ZstdDecompressor()
        while head := file.read(BLOCK.size):
            place = file.tell() - len(head)
            block = _read_block(path, file, head)
            if block is None:
                LOG.warning("%s: the block at byte %d is incomplete, the blocks before it were read", path, place)
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
    """Return a block's packed bytes and unpacked size, None if it is an incomplete last block."""
    place, end = file.tell() - len(head), os.fstat(file.fileno()).st_size
    if len(head) < BLOCK.size:
        return None
    mark, size, unpacked, _, _, _, crc = BLOCK.unpack(head)
    if mark != MARK or unpacked > UNPACKED_MAX:
        if not any(head) and not any(file.read()):  # space that was reserved and never written
            return None
        msg = f"{path}: expected a block at byte {place} that begins with {MARK!r}, was {mark!r}"
        raise ValueError(msg)
    if file.tell() + size > end:
        return None
    packed = file.read(size)
    if zlib.crc32(packed, zlib.crc32(head[:-4])) == crc:
        return packed, unpacked
    if file.tell() == end:
        return None
    msg = f"{path}: the block at byte {place} is damaged, and it is not the last one"
    raise ValueError(msg)


def read_recording(path: Path, venue: str = "") -> Iterator[Entry]:
    """Return the entries of a recording, of one venue if given."""
    for block in read_blocks(path, venue):
        yield from block

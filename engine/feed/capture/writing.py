"""Writes a recording: packed blocks of entries, each one on the disk whole or not at all; parts by size and time."""

import os
import struct
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zstandard

from engine.feed.capture.entries import count_of
from engine.feed.capture.recording import BLOCK, MARK, Header

LEVEL = 3
SECOND_NS = 1_000_000_000
CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Limits:
    """When a part ends; 0: never."""

    size: int = 0
    age_ns: int = 0


class RecordingWriter:
    """One recording, in as many parts as its limits require."""

    def __init__(
        self, path: Path, now_ns: int, limits: Limits | None = None, openings: Callable[[], bytes] = lambda: b""
    ) -> None:
        """Begin the first part; `openings` returns each part's first entries. Raise FileExistsError if it exists."""
        self._path, self._limits, self._openings = path, limits or Limits(), openings
        self._session = uuid.uuid4().bytes
        self._packer = zstandard.ZstdCompressor(level=LEVEL)
        self.part = self.size = self.octets = self.blocks = 0
        self._begin_ns = now_ns
        self.paths: list[Path] = []
        self._file = self._begin(now_ns)

    def write(self, entries: bytes, count: int, first_ns: int, last_ns: int, now_ns: int) -> None:
        """Write one block; begin another part first if this one is full."""
        if self._is_full(now_ns):
            self._end()
            self.part += 1
            self._file = self._begin(now_ns)
            opening = self._openings()
            if opening:
                self._write(opening, count_of(opening), now_ns, now_ns)
        self._write(entries, count, first_ns, last_ns)

    def close(self) -> None:
        """End the last part and flush it to the disk."""
        self._end()

    def _write(self, entries: bytes, count: int, first_ns: int, last_ns: int) -> None:
        packed = self._packer.compress(entries)
        head = BLOCK.pack(MARK, len(packed), len(entries), count, first_ns, last_ns, 0)[: -CRC.size]
        self._put(head + CRC.pack(zlib.crc32(packed, zlib.crc32(head))) + packed)
        self.blocks += 1

    def _put(self, content: bytes) -> None:
        """Write all or nothing: if the disk is full, keep the blocks before."""
        try:
            written = 0
            while written < len(content):
                written += os.write(self._file, content[written:] if written else content)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(content)
        self.octets += len(content)

    def _begin(self, now_ns: int) -> int:
        path = self._path if not self.part else self._path.with_suffix(f".{self.part:04d}{self._path.suffix}")
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self.paths.append(path)
        self.size, self._begin_ns = 0, now_ns
        self._put(Header(self.part, now_ns, self._session).pack())
        return self._file

    def _is_full(self, now_ns: int) -> bool:
        size, age_ns = self._limits.size, self._limits.age_ns
        return bool((size and self.size >= size) or (age_ns and now_ns - self._begin_ns >= age_ns))

    def _end(self) -> None:
        try:
            os.fsync(self._file)
        finally:
            os.close(self._file)

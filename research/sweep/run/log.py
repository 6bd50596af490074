"""The log of a sweep's trials: one record for each that has ended, appended by the driver alone.

length u32 │ crc32 u32 │ MessagePack of a Row        a torn end is not read, and the next driver cuts it off
"""

import errno
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec

HEAD = struct.Struct("<II")


class Row(msgspec.Struct, frozen=True):
    """One trial. `error` is empty, or the reason for which there are no figures."""

    number: int
    parameters: dict[str, Any]
    error: str = ""
    figures: dict[str, float | int] = {}
    slices: list[float] = []
    seconds: float = 0.0  # how long it ran; not in the table, which is the same for every run


def encode(row: Row) -> bytes:
    """A row as one record."""
    body = msgspec.msgpack.encode(row)
    return HEAD.pack(len(body), zlib.crc32(body)) + body


class Log:
    """Reads the records that have been added since the last read."""

    def __init__(self, path: Path) -> None:
        """From the first record on; a log that does not exist yet is empty."""
        self.path, self.end = path, 0
        self._decoder = msgspec.msgpack.Decoder(Row)

    def read(self) -> list[Row]:
        """The new rows that are whole."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.end)
                found = file.read()
        except FileNotFoundError:
            return []
        rows, at = [], 0
        while body := _body_at(found, at):
            rows.append(self._decoder.decode(body))
            at += HEAD.size + len(body)
        self.end += at
        return rows


def _body_at(found: bytes, at: int) -> bytes:
    """The body of the record at a place; empty when it is not whole."""
    if len(found) - at < HEAD.size:
        return b""
    length, crc = HEAD.unpack_from(found, at)
    body = found[at + HEAD.size : at + HEAD.size + length]
    return body if len(body) == length and zlib.crc32(body) == crc else b""


class LogWriter:
    """Appends rows; its process holds the lock of the sweep."""

    def __init__(self, path: Path) -> None:
        """Read what is there, and cut off a torn end."""
        log, self._path = Log(path), path
        self.rows = {row.number: row for row in log.read()}
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._fd, log.end)

    def append(self, row: Row) -> None:
        """Add one row, in one write; a full disk takes all of it or nothing."""
        record, end = encode(row), os.fstat(self._fd).st_size
        if os.write(self._fd, record) < len(record):
            os.ftruncate(self._fd, end)
            msg = f"{self._path}: no room for the row of trial {row.number}: make room, then resume the sweep"
            raise OSError(errno.ENOSPC, msg)
        self.rows[row.number] = row

    def close(self) -> None:
        """Bring the log to the disk."""
        os.fsync(self._fd)
        os.close(self._fd)

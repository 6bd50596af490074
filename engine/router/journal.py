"""The router's journal: every decision is in this file before anything is published.

    length 4 │ crc32 4 │ one of the structs below      one `write` a decision: it survives SIGKILL, on disk by policy

A death can tear only the last record, which is cut off at the next start: nothing followed from it. A wrong record with
whole ones after it is damage, and the router does not start: what the damaged record decided has happened. While the
disk is full no parent begins and no child is made; the end of a child is kept in memory and written when there is room.
The file is written anew at each start, and when it has grown to `RENEW_BYTES`, with the records of what still matters.
"""

import fcntl
import logging
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from zlib import crc32

import msgspec

from engine.config.private import make_private, open_private, sync_directory

HEAD = struct.Struct("<II")
RENEW_BYTES = 4 << 20
RECORD_MOST = 4096  # bytes of a record: a longer length is damage

logger = logging.getLogger("engine.router")


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A record."""


class Begun(Entry, frozen=True, array_like=True, tag="begun"):
    """A parent; in a renewed file with what its ended children filled."""

    intent: bytes
    now_ns: int
    deadline_ns: int
    filled: int = 0
    children: int = 0  # made so far


class Sent(Entry, frozen=True, array_like=True, tag="sent"):
    """A child: the intent that goes to its execution, and its size in the route's numbers."""

    parent: int
    number: int
    size: int
    intent: bytes


class Ended(Entry, frozen=True, array_like=True, tag="ended"):
    """A child's end, with what it filled; again where its execution corrects that end."""

    parent: int
    child: int
    filled: int
    guessed: bool = False  # its fills are not known: it counts as filled in full


class Stopped(Entry, frozen=True, array_like=True, tag="stopped"):
    """A parent makes no further child."""

    parent: int
    why: str
    expired: bool


class Done(Entry, frozen=True, array_like=True, tag="done"):
    """A parent's end."""

    parent: int


class Counted(Entry, frozen=True, array_like=True, tag="counted"):
    """The count of the newest intent of the router."""

    count: int


class Known(Entry, frozen=True, array_like=True, tag="known"):
    """The newest parent of a strategy whose records a renewed file has no more."""

    strategy: int
    intent_id: int


class Followed(Entry, frozen=True, array_like=True, tag="followed"):
    """The commands of an operator up to here were followed; `life` names the ring."""

    life: int
    cursor: int


class Granted(Entry, frozen=True, array_like=True, tag="granted"):
    """An account's budget of the cap that spans accounts, in millionths of a dollar."""

    account: str
    version: int
    amount: int


Record = Begun | Sent | Ended | Stopped | Done | Counted | Known | Followed | Granted
DECODER, ENCODER = msgspec.msgpack.Decoder(Record), msgspec.msgpack.Encoder()


class JournalHeldError(Exception):
    """Another router writes this journal."""


class JournalDamageError(Exception):
    """A record in the middle of the file cannot be read."""


class Journal:
    """The file, for its one writer."""

    def __init__(self, path: Path, *, each: bool = False, sync_ns: int = 0) -> None:
        """Open or create the file. `each` flushes it to disk at every write, `sync_ns` at most so often (0: never)."""
        make_private(path.parent)
        self._path, self._each, self._sync_ns = path, each, sync_ns
        self._lock = open_private(path.with_suffix(".lock"), os.O_WRONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"{path}: written by another router, expected a directory of this system's own"
            raise JournalHeldError(msg) from None
        self._file = open_private(path, os.O_RDWR | os.O_APPEND)
        self._waiting = b""  # what the disk had no room for
        self._full = False  # whether the last write failed: logged once
        self._dirty, self._synced_ns, self._size = False, 0, 0

    @property
    def room(self) -> bool:
        """Whether the disk took the last write."""
        return not self._waiting

    @property
    def large(self) -> bool:
        """Whether the file is to be written anew."""
        return self._size > RENEW_BYTES

    def replay(self) -> Iterator[Record]:
        """Every whole record; what a death tore off at the end is removed, damage elsewhere is a JournalDamageError."""
        data, at = self._path.read_bytes(), 0
        while (record := _record_at(data, at)) is not None:
            yield DECODER.decode(record)
            at += HEAD.size + len(record)
        if at < len(data):
            self._check_torn(data, at)
            logger.warning(
                "the journal's last record was torn by a death and is removed", extra={"bytes": len(data) - at}
            )
            os.ftruncate(self._file, at)
        self._size = at

    def _check_torn(self, data: bytes, at: int) -> None:
        """Raise where a whole record follows the wrong one."""
        after = next((one for one in range(at + 1, len(data)) if _record_at(data, one) is not None), None)
        if after is not None:
            msg = (
                f"{self._path}: the record at byte {at} is damaged and whole records follow from byte {after}, expected"
                " a wrong record only at the end. Stop the system and restore the file from a copy; or compare the"
                " orders and positions with the venues and move the file away: no parent in it is continued then"
            )
            raise JournalDamageError(msg)

    def write(self, *records: Record) -> bool:
        """Write decisions that nothing has followed from yet; False, and nothing is written, without room."""
        self.settle()
        return self.room and self._append(b"".join(map(_framed, records)))

    def note(self, record: Record) -> None:
        """Write what has happened already; without room it waits, and so does everything that `write` would write."""
        self._waiting += _framed(record)
        self.settle()

    def settle(self, now_ns: int = 0) -> None:
        """Write what waits, and flush to disk when that is due."""
        if self._waiting and self._append(self._waiting):
            self._waiting = b""
        if self._dirty and self._sync_ns and now_ns >= self._synced_ns + self._sync_ns:
            os.fdatasync(self._file)
            self._dirty, self._synced_ns = False, now_ns

    def renew(self, records: Iterable[Record]) -> None:
        """Replace the file's records by these, in one step."""
        made = self._path.with_suffix(".made")
        data = b"".join(map(_framed, records)) + self._waiting
        descriptor = open_private(made, os.O_RDWR | os.O_APPEND | os.O_TRUNC)
        try:
            _write_whole(descriptor, data)
            os.fsync(descriptor)
        except OSError as error:
            os.close(descriptor)
            logger.warning("the journal was not written anew, it grows on", extra={"error": str(error)})
            return
        made.replace(self._path)
        sync_directory(self._path.parent)
        os.close(self._file)
        self._file, self._size, self._waiting = descriptor, len(data), b""

    def close(self) -> None:
        """Flush and close."""
        self.settle()
        os.fdatasync(self._file)
        os.close(self._file)
        os.close(self._lock)

    def _append(self, data: bytes) -> bool:
        """Write whole records, or none of them."""
        try:
            _write_whole(self._file, data)
            if self._each:
                os.fdatasync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            if not self._full:
                logger.error("the journal has no room: no child is sent", extra={"error": str(error)})  # noqa: TRY400
            self._full = True
            return False
        if self._full:
            logger.warning("the journal has room again: children are sent")
        self._full = False
        self._size += len(data)
        self._dirty = not self._each
        return True


def _write_whole(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _framed(record: Record) -> bytes:
    data = ENCODER.encode(record)
    assert len(data) <= RECORD_MOST, (len(data), record)
    return HEAD.pack(len(data), crc32(data)) + data


def _record_at(data: bytes, at: int) -> bytes | None:
    """The record at this place; None at the end and where it is torn."""
    if at + HEAD.size > len(data):
        return None
    size, crc = HEAD.unpack_from(data, at)
    if size > RECORD_MOST:
        return None
    record = data[at + HEAD.size : at + HEAD.size + size]
    return record if record and len(record) == size and crc32(record) == crc else None

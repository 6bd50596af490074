"""The journal on disk: segments of fixed size, reserved before they are needed, filled by appending records.

    journal.00000001 │ record │ record │ … │ zeros              journal.00000002 │ zeros (reserved ahead)

The file reserves the next segment when the current one is half full, so it finds a full disk while there is still
space for exits: `full` becomes true, entries stop, cancels continue. Records that do not fit even then wait in memory,
and are written when the disk has space again. A record is whole when its checksum is right and its number follows that
of the record before it. The first record that is not whole ends the journal, and everything after it is overwritten
with zeros, so that no old bytes look like new records. A segment is on the disk before the next one is begun, so a
death can tear only the last one: opening reads it whole, and the end of each other one. During a flush no record is
written, because a write to a page that is being flushed waits for the disk; the records wait in memory meanwhile.
"""

import errno
import logging
import os
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from engine.config.private import make_private, open_private, sync_directory
from engine.execution.journal.journal_record import count_whole
from engine.model import records

SIZE = records.JOURNAL.size
OFFSETS = {field.name: field.offset for field in records.JOURNAL.fields}
VERSION_AT, PAYLOAD_AT = OFFSETS["version"], OFFSETS["payload"]
RETRY_NS = 1_000_000_000
PIECE = 1024 * SIZE  # bytes that are read at a time
ZEROS = bytes(PIECE)

logger = logging.getLogger("engine.execution")


class JournalVersionError(Exception):
    """The journal was written by a program with another journal format."""


class FileDisk(Protocol):
    """The slow disk operations: one flush at a time, and one file that is being made."""

    def reserve(self, descriptor: int, size: int, /) -> None:
        """Make the file this long, with allocated blocks, or raise OSError."""

    def prepare(self, path: Path, size: int) -> None:
        """Begin to make a file with allocated blocks; `prepared` gives it when it exists."""

    def prepared(self, *, wait: bool = False) -> int | None:
        """The descriptor of the file that `prepare` began to make, -1 if there was no space, None: not yet."""

    def sync(self, descriptor: int) -> None:
        """Begin to flush the file."""

    def synced(self) -> bool:
        """Whether the flush is over; OSError if it failed."""

    def wait(self) -> None:
        """Wait until the flush is over."""

    def close(self) -> None:
        """Close what is open."""


def is_whole(record: bytes) -> bool:
    """Whether a record was written completely."""
    return len(record) == SIZE and count_whole(record) == 1


def sequence_of(record: bytes) -> int:
    """A record's number."""
    return int.from_bytes(record[:8], "little")


def reserve_disk(descriptor: int, size: int) -> None:
    """Make the file this long, with allocated blocks, or raise OSError."""
    os.posix_fallocate(descriptor, 0, size)


def make_file(path: Path, size: int, reserve: Callable[[int, int], None]) -> int:
    """Make a file with allocated blocks and flush its name; its descriptor, or -1 and no file if that fails."""
    descriptor = -1
    try:
        path.unlink(missing_ok=True)  # a link that another user planted; its target is not touched
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        reserve(descriptor, size)
        sync_directory(path.parent)
    except OSError:
        if descriptor >= 0:
            os.close(descriptor)
            path.unlink()
        return -1
    return descriptor


def segments(directory: Path) -> list[Path]:
    """The segments in order."""
    return sorted(directory.glob("journal.[0-9]*"))


def read_whole(path: Path, expected: int = 0) -> bytes:
    """The whole records at a segment's beginning, as in `count_whole`; the zeros of reserved space are not read."""
    found = bytearray()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            whole = piece[: count_whole(piece, expected) * SIZE]
            found += whole
            if len(whole) < PIECE:
                break
            expected = sequence_of(whole[-SIZE:]) + 1
    return bytes(found)


def is_zero(path: Path, at: int) -> bool:
    """Whether a file has only zeros after this offset; compared in pieces, because most of a segment is zeros."""
    piece = bytearray(PIECE)
    with path.open("rb") as file:
        file.seek(at)
        while size := file.readinto(piece):
            if piece[:size] != ZEROS[:size]:
                return False
    return True


def read_segments(directory: Path, after: int = 0, expected: int = 0, until: int = sys.maxsize) -> Iterator[bytes]:
    """Yield the whole records of each segment with a number in (`after`, `until`], up to the first incomplete record.

    The first sequence must be `expected`; 0 accepts any.
    """
    for path in segments(directory):
        if not after < number_of(path) <= until:
            continue
        whole = read_whole(path, expected)
        if whole:
            expected = sequence_of(whole[-SIZE:]) + 1
            yield whole
        if len(whole) // SIZE < path.stat().st_size // SIZE:
            return


def read_records(directory: Path) -> Iterator[bytes]:
    """Every whole record in order."""
    for whole in read_segments(directory):
        yield from (whole[at : at + SIZE] for at in range(0, len(whole), SIZE))


def find_tail(paths: list[Path]) -> Path | None:
    """The segment in which the journal ends: the last one whose first record follows the last of the one before."""
    for before, path in reversed(list(pairwise(paths))):
        first, last = read_at(path, 0), read_at(before, before.stat().st_size // SIZE * SIZE - SIZE)
        if is_whole(first) and is_whole(last) and sequence_of(first) == sequence_of(last) + 1:
            return path
    return paths[0] if paths else None


def read_at(path: Path, at: int) -> bytes:
    """The record at this offset; fewer bytes at the end of the file, none before its beginning."""
    with path.open("rb") as file:
        return os.pread(file.fileno(), SIZE, at) if at >= 0 else b""


def number_of(path: Path) -> int:
    """A segment's number."""
    return int(path.name.split(".")[1])


class JournalFile:
    """Appends to the segments. One process writes, by the lock of the lane in shared memory."""

    def __init__(self, directory: Path, segment_size: int, disk: FileDisk) -> None:
        """Open after the last whole record, and overwrite the bytes after it with zeros."""
        self._current = self._spare = -1  # file descriptors
        self.full = False  # the disk has no space for the next segment
        self.choked = False  # nor for the last write, although its blocks were reserved
        self.directory = directory
        self.number = 0  # of the current segment
        self._segment_size = segment_size // SIZE * SIZE  # whole records
        self._disk = disk
        self._backlog = bytearray()
        self._retry_ns = 0
        self._at = self._end = 0  # in the current segment: where to write, and where its space ends
        self._dirty = False  # written since the last flush began
        self._preparing = False  # the next segment is being made
        self.sequence = 0  # of the last record that was found at opening
        self.tail_number, self.tail = 0, b""  # the segment in which that record was found, and its whole records
        make_private(directory)
        refuse_planted(directory)
        refuse_other_version(directory)
        self._open_tail()

    def append(self, data: bytes, now_ns: int) -> None:
        """Write whole records, or keep them in memory while the disk has no space or is being flushed."""
        self._backlog += data
        while self._backlog and self._disk.synced() and (self._at < self._end or self._roll(now_ns)):
            written = self._write(self._backlog[: self._end - self._at])
            if self.choked:
                return
            del self._backlog[:written]
            self._at += written
            self._dirty = True

    def _write(self, data: bytearray) -> int:
        """Write as much as possible; a file system that copies on write may have no space even for reserved blocks."""
        try:
            written = os.pwrite(self._current, data, self._at)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self.choked = True
            return 0
        self.choked = False
        return written

    def look_ahead(self, now_ns: int) -> None:
        """Reserve the next segment in good time; while the disk is full, try again every second."""
        if self._spare < 0 and (self._preparing or self._at * 2 >= self._end):
            self._reserve_spare(now_ns)
        if self._backlog and (self._spare >= 0 or self._at < self._end):
            self.append(b"", now_ns)

    @property
    def waiting(self) -> int:
        """How many records wait in memory."""
        return len(self._backlog) // SIZE

    def begin_flush(self) -> None:
        """Begin to flush the written records; those written during a flush are for the next one."""
        if self._dirty and self._disk.synced():
            self._dirty = False
            self._disk.sync(self._current)

    def flush(self) -> None:
        """Write and flush every record for which the disk has space."""
        self._disk.wait()
        self._flush()
        while self._backlog and self._has_room():
            self.append(b"", 0)
            if self.choked:
                return
            self._disk.wait()
            self._flush()

    def close(self) -> None:
        """Flush, and close the files."""
        self.flush()
        self._await_spare()
        self.abandon()
        self._disk.close()

    def abandon(self) -> None:
        """Close the files as they are, as the death of the process does."""
        for descriptor in (self._current, self._spare):
            if descriptor >= 0:
                os.close(descriptor)
        self._current = self._spare = -1

    def __del__(self) -> None:
        """Close the files of a journal that is dropped."""
        self.abandon()

    def _flush(self) -> None:
        """Flush, and return when it is done."""
        if self._dirty:
            os.fdatasync(self._current)
            self._dirty = False

    def _roll(self, now_ns: int) -> bool:
        """Continue in the next segment, if the disk has space for one and the current one is flushed."""
        if self._spare < 0:
            self._reserve_spare(now_ns)
        if self._spare < 0:
            return False
        self.begin_flush()
        if self._dirty or not self._disk.synced():
            return False
        if self._current >= 0:
            os.close(self._current)
        self._current, self._spare = self._spare, -1
        self.number, self._at, self._end = self.number + 1, 0, self._segment_size
        return True

    def _reserve_spare(self, now_ns: int) -> None:
        """Have the disk make the next segment, and use it when it exists, or remember that the disk is full."""
        if not self._preparing and now_ns >= self._retry_ns:
            self._preparing = True
            self._disk.prepare(self.directory / f"journal.{self.number + 1:08}", self._segment_size)
        if self._preparing:
            self._collect_spare(now_ns, wait=False)

    def _has_room(self) -> bool:
        """Whether something can be written, now or when the segment that is being made exists."""
        if self._at >= self._end and self._spare < 0:
            self._await_spare()
        return self._spare >= 0 or self._at < self._end

    def _await_spare(self) -> None:
        """Wait for the segment that is being made."""
        if self._preparing:
            self._collect_spare(0, wait=True)

    def _collect_spare(self, now_ns: int, *, wait: bool) -> None:
        """Use the next segment, if it exists."""
        descriptor = self._disk.prepared(wait=wait)
        if descriptor is None:
            return
        self._preparing, self._spare = False, descriptor
        self.full = descriptor < 0
        if self.full:
            self._retry_ns = now_ns + RETRY_NS

    def _open_tail(self) -> None:
        """Find the last whole record, keep or remove the segments after it, and zero what follows it in its own."""
        paths = segments(self.directory)
        tail = find_tail(paths)
        if tail is not None:
            for path in paths[paths.index(tail) + 1 :]:
                self._open_later(path, number_of(tail) + 1)
            self.tail_number, self.tail = number_of(tail), read_whole(tail)
            self._at = len(self.tail)
            self.sequence = sequence_of(self.tail[-SIZE:])
            self.number = self.tail_number
            self._current = open_private(tail, os.O_RDWR)
            size = os.fstat(self._current).st_size
            if not is_zero(tail, self._at):
                warn_of_torn(tail, tail.read_bytes()[self._at :], self.sequence)
                os.ftruncate(self._current, self._at)
            self._end = self._reserve_rest(size)
        self.look_ahead(0)
        self._await_spare()  # whether the disk is full must be known before the first intent

    def _open_later(self, path: Path, following: int) -> None:
        """Keep the segment after the last record's if it was reserved ahead; remove any other."""
        if number_of(path) != following or not self._keep_reserved(path):
            warn_of_torn(path, path.read_bytes(), 0)
            path.unlink()

    def _keep_reserved(self, path: Path) -> bool:
        """Use a segment that was reserved ahead, all zeros; False for any other, and where the disk has no space."""
        if path.stat().st_size != self._segment_size or not is_zero(path, 0):
            return False
        descriptor = open_private(path, os.O_RDWR)
        try:
            self._disk.reserve(descriptor, self._segment_size)  # a death may have come before its blocks and its name
            sync_directory(self.directory)
        except OSError:
            os.close(descriptor)
            return False
        self._spare = descriptor
        return True

    def _reserve_rest(self, size: int) -> int:
        """Reserve what follows the last record, zeros; if the disk has no space for them, end the segment there.

        A full segment stays as it is, also where the configured size has grown: a checkpoint may end with it.
        """
        if self._at == size:
            return size
        try:
            self._disk.reserve(self._current, max(size, self._segment_size))
        except OSError:
            os.ftruncate(self._current, self._at)  # some file systems keep the blocks that they could reserve
            self.full = True
            return self._at
        return max(size, self._segment_size)


def refuse_planted(directory: Path) -> None:
    """Refuse a segment that is a link, a pipe or another user's file: it would be read and written as ours."""
    for path in segments(directory):
        os.close(open_private(path, os.O_RDONLY))


def refuse_other_version(directory: Path) -> None:
    """Refuse a journal whose first record has another version; its head has the same form in every version.

    This is checked before anything else, because records of another size look like a torn journal, which is wiped.
    """
    for first in segments(directory)[:1]:
        with first.open("rb") as file:
            head = file.read(PAYLOAD_AT)
        version = head[VERSION_AT] if len(head) == PAYLOAD_AT else records.JOURNAL_VERSION
        if version != records.JOURNAL_VERSION and head[:8] != bytes(8):
            msg = (
                f"{directory}: the journal has format {version}, this program reads format {records.JOURNAL_VERSION}."
                " With the release that wrote it, close its orders and positions and run engine-ctl journal"
                " --set-aside, then start this one"
            )
            raise JournalVersionError(msg)


def warn_of_torn(path: Path, rest: bytes, sequence: int) -> None:
    """Log what is dropped after the last whole record; reserved space is zeros and no loss."""
    if torn := len(rest.rstrip(b"\0")):
        of = {"file": str(path), "after_record": sequence, "bytes": torn}
        logger.warning("the journal's last record is torn: it is dropped, and execution asks the venue", extra=of)

"""Segments: named mappings that outlive the processes which made them.

A segment is made under a temporary name, its space really reserved and its header written, and only then linked to its
name: nobody ever sees half of one. It is never resized. Who finds an old one of the same shape goes on with it; one of
another shape whose owner is dead is set aside for the post-mortem; a living owner's is never touched.
"""

import contextlib
import errno
import fcntl
import os
import re
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

import posix_ipc

from shm import header, identity
from shm._ring import SY_CELL_HEAD, SY_CELL_SLOTS, Mapping
from shm.header import HEADER_SIZE, HUGE_PAGE, READY, READY_OFFSET, Header, SegmentError
from shm.lock import try_lock
from shm.record import Record

DIRECTORY = "/dev/shm"  # noqa: S108 - where POSIX shared memory lives
PREFIX = "steelyard."
NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
PAGE = 4096
MODE = 0o640


def path_of(name: str) -> str:
    """The file of `system.lane`; the full name with its prefix is taken too."""
    name = name.removeprefix(PREFIX)
    if not NAME.fullmatch(name):
        msg = f"a segment's name is system.lane in letters, digits, - and _, was {name!r}"
        raise SegmentError(msg)
    return f"{DIRECTORY}/{PREFIX}{name}"


class Shape(NamedTuple):
    """What is asked of a new segment."""

    record: Record
    kind: str = "ring"
    capacity: int = 0
    reserve: int = 0
    cells: int = 1
    wake: str = "never"
    start: int = 0
    huge: bool = False

    def check(self) -> None:
        """Refuse a shape that cannot work, by the value that is wrong."""
        if self.kind not in header.KINDS or self.wake not in header.WAKES:
            msg = f"kind {self.kind!r} and wake {self.wake!r}: expected one of {header.KINDS} and one of {header.WAKES}"
            raise SegmentError(msg)
        if self.kind == "cells":
            if not 0 < self.cells < 1 << 32:
                msg = f"count must be in 1..2^32-1, was {self.cells}"
                raise SegmentError(msg)
            return
        if self.capacity < 2 or self.capacity & (self.capacity - 1):  # noqa: PLR2004 - one being written, one to read
            msg = f"capacity must be a power of two of at least 2, was {self.capacity}"
            raise SegmentError(msg)
        if not 0 < self.reserve < self.capacity:
            msg = f"reserve must be in 1..{self.capacity - 1} (below the capacity), was {self.reserve}"
            raise SegmentError(msg)
        if self.capacity * self.record.size % (HUGE_PAGE if self.huge else PAGE):
            msg = f"{self.capacity} records of {self.record.size} bytes do not fill whole pages: raise the capacity"
            raise SegmentError(msg)
        if not 0 <= self.start < 1 << 64:
            msg = f"start must be in 0..2^64-1, was {self.start}"
            raise SegmentError(msg)

    def header(self) -> Header:
        """The header a segment of this shape gets."""
        self.check()
        offset = HUGE_PAGE if self.huge else HEADER_SIZE
        if self.kind == "cells":
            size = self.cells * (SY_CELL_HEAD + SY_CELL_SLOTS * (-(-self.record.size // 64) * 64))
        else:
            size = self.capacity * self.record.size
        total = -(-(offset + size) // PAGE) * PAGE
        stream, boot = os.urandom(16), identity.boot_id()
        return Header(self.record, self.kind, self.wake, self.huge, self.capacity, self.reserve, self.cells, self.start,
                      offset, total, stream, boot, time.time_ns())  # fmt: skip

    def fits(self, found: Header) -> bool:
        """May an existing segment go on as this one? Its start does not matter: it has a cursor."""
        same = (found.record.schema_hash, found.kind, found.wake, found.huge, found.boot) == (
            self.record.schema_hash, self.kind, self.wake, self.huge, identity.boot_id(),
        )  # fmt: skip
        if self.kind == "cells":
            return same and found.cells == self.cells
        return same and (found.capacity, found.reserve) == (self.capacity, self.reserve)


def create(
    name: str, record: Record, kind: str = "ring", *, capacity: int = 0, reserve: int = 0, count: int = 1,
    wake: str = "never", start: int = 0, huge: bool = False, mode: int = MODE,
) -> bool:  # fmt: skip
    """Make the segment, or go on with one of the same shape: True when it was made anew.

    One of another shape is set aside under `….aside-<time>` if its owner is dead; a living owner's refuses.
    """
    shape = Shape(record, kind, capacity, reserve, count, wake, start, huge)
    fresh = shape.header()
    path = path_of(name)
    if huge:
        _expect_huge_pages()
    with _turn():
        if os.path.exists(path) and _fits(path, shape):
            return False
        with _writer_absent(path):
            if os.path.exists(path):
                os.rename(path, f"{path}.aside-{time.time_ns()}")
            _make(path, fresh, mode)
    return True


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """One maker or remover at a time: they wait for each other, and are never taken for a living writer."""
    directory = os.open(DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


@contextlib.contextmanager
def _writer_absent(path: str) -> Iterator[None]:
    """Hold the writer's lock, so that none comes; refuse if one lives."""
    lock = try_lock(path + ".lock")
    if lock is None:
        state = "another shape is in use by" if os.path.exists(path) else "its lock is held, though it is gone, by"
        msg = f"{path}: {state} a living writer"
        raise SegmentError(msg)
    try:
        yield
    finally:
        os.close(lock)


def _fits(path: str, shape: Shape) -> bool:
    try:
        fd, found = open_checked(path, os.O_RDONLY)
    except SegmentError:
        return False
    os.close(fd)
    return shape.fits(found)


def _make(path: str, fresh: Header, mode: int) -> None:
    temporary = f"/{PREFIX}making.{os.urandom(16).hex()}"
    memory = posix_ipc.SharedMemory(temporary, posix_ipc.O_CREX, mode=mode)
    try:
        os.fchmod(memory.fd, mode)
        _reserve(path, memory.fd, fresh.total_size)
        mapping = Mapping(memory.fd, fresh.total_size, fresh.data_offset, 0, writable=True, huge=fresh.huge)
        mapping.write(0, fresh.pack())
        if fresh.kind != "cells":
            mapping.store(header.CURSOR, fresh.first)
        mapping.store(READY_OFFSET - 4, int.from_bytes(fresh.pack()[-4:], "little") | READY << 32)
        with contextlib.suppress(FileExistsError):  # another maker of the same shape was first: its segment is as good
            os.link(DIRECTORY + temporary, path)
    finally:
        memory.close_fd()
        posix_ipc.unlink_shared_memory(temporary)


def _reserve(path: str, fd: int, size: int) -> None:
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.ENOMEM):
            raise
        free = os.statvfs(DIRECTORY)
        msg = f"{path}: {size} bytes do not fit in {DIRECTORY}, {free.f_bavail * free.f_frsize} are free"
        raise SegmentError(msg) from error


def _expect_huge_pages() -> None:
    setting = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
    text = "absent"
    if os.path.exists(setting):
        with open(setting) as file:
            text = file.read()
    if not any(f"[{word}]" in text for word in ("always", "within_size", "advise", "force")):
        msg = f"huge pages were asked for, but {setting} says {text.strip()!r}: expected advise or always"
        raise SegmentError(msg)


def open_checked(path: str, flags: int) -> tuple[int, Header]:
    """Open a segment's file and check its header: the descriptor and what it is."""
    try:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        msg = f"{path}: no such segment"
        raise SegmentError(msg) from None
    try:
        return fd, header.unpack(path, os.pread(fd, header.FIXED_SIZE, 0), os.fstat(fd).st_size)
    except BaseException:
        os.close(fd)
        raise


def expect_record(path: str, found: Record, wanted: Record) -> None:
    """Refuse a segment of other records: a reader of an older or newer schema must not guess."""
    if found.schema_hash != wanted.schema_hash:
        msg = (f"{path}: record is {found.name} {found.schema_hash:#x} ({found.descr}), "
               f"expected {wanted.name} {wanted.schema_hash:#x} ({wanted.descr})")  # fmt: skip
        raise SegmentError(msg)


def remove(name: str) -> None:
    """Remove a segment and its lock; refuse while its writer lives. What is not there is fine."""
    path = path_of(name)
    if not (os.path.exists(path) or os.path.exists(path + ".lock")):
        return
    with _turn():
        lock = try_lock(path + ".lock")
        if lock is None:
            msg = f"{path}: its writer lives (pid {read_owner(path).pid}), not removed"
            raise SegmentError(msg)
        try:
            for file in (path, path + ".lock"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file)
        finally:
            os.close(lock)


def read_owner(path: str) -> identity.Owner:
    """Who wrote last, read without mapping."""
    with open(path, "rb") as file:
        words = os.pread(file.fileno(), 32, header.OWNER_EPOCH)
    _, pid, start, namespace = struct.unpack("<4Q", words.ljust(32, b"\0"))
    return identity.Owner(pid, start, namespace)

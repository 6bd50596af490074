"""Attaching: how a writer and a reader open a segment, and what both can read of it."""

import os
import time

from shm import header
from shm._ring import Mapping
from shm.header import Header, SegmentError
from shm.identity import Owner
from shm.lock import try_lock
from shm.record import Record
from shm.segment import expect_record, expect_there, open_checked, path_of, read_owner

CLOSED = 1  # of OWNER_CLEAN; 0: the writer is alive or died, 2: it was freed without close
DYING_NS = 100_000_000


def map_segment(
    name: str, record: Record | None, kinds: tuple[str, ...], *, populate: bool, lock: bool
) -> tuple[str, Header, Mapping, os.stat_result]:
    """Map a segment read-only; refuse one of other records or another kind."""
    path = path_of(name)
    fd, found = open_checked(path, os.O_RDONLY)
    try:
        _expect_kind(path, found, kinds)
        if record is not None:
            expect_record(path, found.record, record)
        mapping = _map(path, fd, found, populate=populate, lock=lock)
        return path, found, mapping, os.fstat(fd)
    finally:
        os.close(fd)


def own_segment(
    name: str, record: Record, kinds: tuple[str, ...], *, populate: bool, lock: bool
) -> tuple[str, Header, Mapping]:
    """Become the one writer: lock the lane, check the header, begin a new epoch at the present cursor."""
    path = path_of(name)
    expect_there(path)  # before the lock: a lane that does not exist gets no lock file
    held = try_lock(path + ".lock")
    if held is None:
        msg = f"{path}: another writer lives: a lane has one writer at a time"
        raise SegmentError(msg)
    try:
        fd, found = open_checked(path, os.O_RDWR)
        try:
            _expect_kind(path, found, kinds)
            expect_record(path, found.record, record)
            _expect_no_owner(path)
            mapping = _map(path, fd, found, populate=populate, lock=lock, writable=True, lock_fd=held)
        finally:
            os.close(fd)
    except BaseException:
        os.close(held)
        raise
    _begin_epoch(mapping)
    return path, found, mapping


def _expect_kind(path: str, found: Header, kinds: tuple[str, ...]) -> None:
    if found.kind not in kinds:
        msg = f"{path}: kind is {found.kind}, expected {' or '.join(kinds)}"
        raise SegmentError(msg)


def _expect_no_owner(path: str) -> None:
    """Refuse a lane whose owner is alive without the lock: the lock's file was deleted.

    A killed process still looks alive for a moment after the kernel freed its lock, so the check is repeated.
    """
    until = time.monotonic_ns() + DYING_NS
    while (owner := _other_living_owner(path)) is not None:
        if time.monotonic_ns() > until:
            msg = f"{path}: another writer lives (pid {owner.pid}), although it has lost its lock: stop that process"
            raise SegmentError(msg)
        time.sleep(0.001)


def _other_living_owner(path: str) -> Owner | None:
    owner, clean = read_owner(path)
    return None if clean or owner.pid == os.getpid() or owner.life() != "alive" else owner


def _map(
    path: str, fd: int, found: Header, *, populate: bool, lock: bool, writable: bool = False, lock_fd: int = -1
) -> Mapping:
    total, offset, mirrored, huge = found.total_size, found.data_offset, found.mirrored, found.huge
    try:
        return Mapping(
            fd, total, offset, mirrored, writable=writable, populate=populate, lock=lock, huge=huge, lock_fd=lock_fd
        )
    except OSError as error:
        hint = " (mlock counts all of them: raise RLIMIT_MEMLOCK)" if lock else ""
        msg = f"{path}: cannot map {found.total_size} bytes: {error.strerror}{hint}"
        raise SegmentError(msg) from error


def _begin_epoch(mapping: Mapping) -> None:
    me = Owner.me()
    mapping.store(header.OWNER_CLEAN, 0)
    mapping.store(header.OWNER_PID, me.pid)
    mapping.store(header.OWNER_START, me.start)
    mapping.store(header.OWNER_NAMESPACE, me.namespace)
    mapping.store(header.OWNER_BEAT, time.monotonic_ns())
    mapping.store(header.OWNER_EPOCH, mapping.load(header.OWNER_EPOCH) + 1)


class Owned:
    """What every writer has: its segment and the segment's lock."""

    _mapping: Mapping
    path: str

    @property
    def epoch(self) -> int:
        """The number of this life of the lane's writer."""
        return self._mapping.load(header.OWNER_EPOCH)

    def beat(self) -> None:
        """Store the present time as the writer's sign of life."""
        self._mapping.store(header.OWNER_BEAT, time.monotonic_ns())

    def close(self) -> None:
        """Close the lane cleanly; closing twice, or in a forked child, does nothing."""
        self._mapping.retire()


class Attached:
    """What every reader can read of the segment and its writer."""

    _mapping: Mapping
    _file: os.stat_result
    path: str

    @property
    def epoch(self) -> int:
        """The number of the present life of the lane's writer; it grows by one at each restart."""
        return self._mapping.load(header.OWNER_EPOCH)

    @property
    def owner(self) -> Owner:
        """The last writer's identity."""
        load = self._mapping.load
        return Owner(load(header.OWNER_PID), load(header.OWNER_START), load(header.OWNER_NAMESPACE))

    @property
    def beat_ns(self) -> int:
        """CLOCK_MONOTONIC when the writer opened the lane, or its last `beat`."""
        return self._mapping.load(header.OWNER_BEAT)

    @property
    def closed_cleanly(self) -> bool:
        """Whether the last writer closed the lane; False after a death, and when it was freed without close."""
        return self._mapping.load(header.OWNER_CLEAN) == CLOSED

    def replaced(self) -> bool:
        """Whether the file was removed or created again: this reader gets nothing any more, attach again."""
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            return True
        return not os.path.samestat(now, self._file)

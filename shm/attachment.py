"""Attaching: what a writer and a reader have in common, and how each finds its segment."""

import os
import time

from shm import header
from shm._ring import Mapping
from shm.header import Header, SegmentError
from shm.identity import Owner
from shm.lock import try_lock
from shm.record import Record
from shm.segment import expect_record, open_checked, path_of


def map_segment(
    name: str, record: Record | None, kinds: tuple[str, ...], *, populate: bool, lock: bool
) -> tuple[str, Header, Mapping, os.stat_result]:
    """Map a segment read-only, if it holds these records in one of these kinds."""
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
    """Become the one writer: take the lock, check the header, begin a new epoch at the cursor that is there."""
    path = path_of(name)
    held = try_lock(path + ".lock")
    if held is None:
        msg = f"{path}: another writer lives, and a lane has one"
        raise SegmentError(msg)
    try:
        fd, found = open_checked(path, os.O_RDWR)
        try:
            _expect_kind(path, found, kinds)
            expect_record(path, found.record, record)
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


def _map(
    path: str, fd: int, found: Header, *, populate: bool, lock: bool, writable: bool = False, lock_fd: int = -1
) -> Mapping:
    total, offset, mirrored, huge = found.total_size, found.data_offset, found.mirrored, found.huge
    try:
        return Mapping(
            fd, total, offset, mirrored, writable=writable, populate=populate, lock=lock, huge=huge, lock_fd=lock_fd
        )
    except OSError as error:
        hint = " (mlock: raise RLIMIT_MEMLOCK)" if lock else ""
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
    """What every writer can say and do about its segment."""

    _mapping: Mapping
    path: str

    @property
    def epoch(self) -> int:
        """Which life of the lane's writer this is."""
        return self._mapping.load(header.OWNER_EPOCH)

    def beat(self) -> None:
        """Say that the writer lives."""
        self._mapping.store(header.OWNER_BEAT, time.monotonic_ns())

    def close(self) -> None:
        """Close cleanly and give the lane up; closing twice is closing once."""
        if not self._closed:
            self._mapping.store(header.OWNER_CLEAN, 1)
            self._mapping.retire()
            self._closed = True

    _closed = False


class Attached:
    """What every reader can say about the segment and its writer."""

    _mapping: Mapping
    _file: os.stat_result
    path: str

    @property
    def epoch(self) -> int:
        """Which life of the lane's writer; it grows by one at each restart."""
        return self._mapping.load(header.OWNER_EPOCH)

    @property
    def owner(self) -> Owner:
        """The last writer's identity."""
        load = self._mapping.load
        return Owner(load(header.OWNER_PID), load(header.OWNER_START), load(header.OWNER_NAMESPACE))

    @property
    def beat_ns(self) -> int:
        """CLOCK_MONOTONIC when the writer opened the lane or last beat."""
        return self._mapping.load(header.OWNER_BEAT)

    @property
    def closed_cleanly(self) -> bool:
        """True when the last writer closed the lane rather than died."""
        return bool(self._mapping.load(header.OWNER_CLEAN))

    def replaced(self) -> bool:
        """True when the file was removed or made anew: nothing comes here any more, attach again."""
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            return True
        return not os.path.samestat(now, self._file)

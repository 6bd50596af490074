"""Segments: named mappings that outlive the processes which made them.

A segment is created under a temporary name, its space is reserved and its header written, and then it is linked to its
name: no process sees half of a segment. A segment is never resized. `create` keeps an old segment of the same shape. It
renames one of another shape whose owner is dead, and refuses while the owner is alive.
"""

import contextlib
import errno
import fcntl
import operator
import os
import re
import stat
import struct
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import posix_ipc

from shm import header, identity
from shm._ring import Mapping
from shm.header import HEADER_SIZE, HUGE_PAGE, READY, READY_OFFSET, Header, SegmentError
from shm.lock import open_own, try_lock
from shm.record import Record

DIRECTORY = "/dev/shm"  # noqa: S108 - where POSIX shared memory lives
PREFIX = "steelyard."
NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
LONGEST_NAME = 200  # a file name has 255: the rest is for the prefix and the suffixes
PAGE = 4096
MODE = 0o640
HUGE_MOUNTS = ("always", "within_size", "advise")
TURN_NS = 20_000_000_000
FAILING_NS = 100_000_000


def path_of(name: str) -> str:
    """Return the file of `system.lane`; a name with the prefix is accepted too."""
    name = name.removeprefix(PREFIX)
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        msg = f"expected a name system.lane of letters, digits, - and _, was {name!r}"
        raise SegmentError(msg)
    if name.endswith(".lock") or name.startswith("making."):
        msg = f"segment name {name!r} is reserved for a lane's lock or a temporary file: choose another"
        raise SegmentError(msg)
    return f"{DIRECTORY}/{PREFIX}{name}"


def _new_path_of(name: str) -> str:
    path = path_of(name)
    if ".aside-" in name or name.startswith(PREFIX):
        msg = f"segment name {name!r} is reserved: .aside- marks renamed segments, and the prefix is added for you"
        raise SegmentError(msg)
    return path


class Shape(NamedTuple):
    """The shape of a new segment."""

    record: Record
    kind: str = "ring"
    capacity: int = 0
    reserve: int = 0
    cells: int = 1
    wake: str = "never"
    start: int = 0
    huge: bool = False

    def check(self) -> None:
        """Refuse a shape that cannot work, with the wrong value."""
        if self.kind not in header.KINDS or self.wake not in header.WAKES:
            msg = f"kind {self.kind!r} and wake {self.wake!r}: expected one of {header.KINDS} and one of {header.WAKES}"
            raise SegmentError(msg)
        if self.kind in header.LISTS:
            if not 0 < self.cells < 1 << 32:
                msg = f"count must be in 1..2^32-1, was {self.cells}"
                raise SegmentError(msg)
            return
        if self.capacity < 2 or self.capacity & (self.capacity - 1):  # noqa: PLR2004 - one slot to write, one to read
            msg = f"capacity must be a power of two of at least 2, was {self.capacity}"
            raise SegmentError(msg)
        if not 0 < self.reserve < self.capacity:
            msg = f"reserve must be in 1..{self.capacity - 1} (below the capacity), was {self.reserve}"
            raise SegmentError(msg)
        if self.capacity * self.record.size % (HUGE_PAGE if self.huge else PAGE):
            msg = f"{self.capacity} records of {self.record.size} bytes do not fill whole pages: raise the capacity"
            raise SegmentError(msg)
        if not 0 <= self.start < 1 << 63:
            msg = f"start must be in 0..2^63-1, was {self.start}"
            raise SegmentError(msg)
        _expect_pages()

    def header(self) -> Header:
        """Return the header of a new segment of this shape."""
        self.check()
        offset = HUGE_PAGE if self.huge else HEADER_SIZE
        places = self.cells if self.kind in header.LISTS else self.capacity
        size = places * header.place_size(self.kind, self.record.size)
        total = -(-(offset + size) // PAGE) * PAGE
        if total >= 1 << 63:
            msg = f"a segment of {total} bytes is too large for a file: lower the capacity or the count"
            raise SegmentError(msg)
        stream, boot = os.urandom(16), identity.boot_id()
        return Header(self.record, self.kind, self.wake, self.huge, self.capacity, self.reserve, self.cells, self.start,
                      offset, total, stream, boot, time.time_ns())  # fmt: skip

    def fits(self, found: Header) -> bool:
        """Whether an existing segment has this shape; its start does not matter, because it has a cursor."""
        same = (found.record.schema_hash, found.kind, found.wake, found.huge, found.boot) == (
            self.record.schema_hash, self.kind, self.wake, self.huge, identity.boot_id(),
        )  # fmt: skip
        if self.kind in header.LISTS:
            return same and found.cells == self.cells
        return same and (found.capacity, found.reserve) == (self.capacity, self.reserve)


def create(
    name: str, record: Record, kind: str = "ring", *, capacity: int = 0, reserve: int = 0, count: int = 1,
    wake: str = "never", start: int = 0, huge: bool = False, mode: int = MODE, node: int | None = None,
) -> bool:  # fmt: skip
    """Create the segment, or keep one of the same shape; return whether it was created.

    A segment of another shape is renamed to `….aside-<time>` if its owner is dead, and refused if the owner is alive.
    All memory of a new segment is reserved here, on this NUMA `node`; without one, as the caller's own memory.
    """
    capacity, reserve, count, start = map(operator.index, (capacity, reserve, count, start))  # numpy's are not int
    shape = Shape(record, kind, capacity, reserve, count, wake, start, huge)
    path, fresh = _new_path_of(name), shape.header()
    if not 0 <= mode <= 0o777:  # noqa: PLR2004 - the permission bits
        msg = f"{path}: mode must be in 0..0o777, was {mode:#o}"
        raise SegmentError(msg)
    if huge:
        _expect_huge_pages()
    with _as_segment_error(path), _one_creator():
        if os.path.lexists(path) and _fits(path, shape):
            return False
        with _writer_absent(path):
            if os.path.lexists(path):
                os.rename(path, f"{path}.aside-{time.time_ns()}")
            _write_new(path, fresh, mode, node)
    return True


@contextlib.contextmanager
def _as_segment_error(path: str) -> Iterator[None]:
    """Raise an error of the operating system as a SegmentError that names the file."""
    try:
        yield
    except OSError as error:
        msg = f"{path}: {error.strerror} ({error.filename or DIRECTORY})"
        raise SegmentError(msg) from error


@contextlib.contextmanager
def _one_creator() -> Iterator[None]:
    """Let one process of a user create or remove segments at a time; the others wait.

    The lock file is the user's own: no other user can hold it and block every creation.
    """
    path = f"{DIRECTORY}/{PREFIX}making.{os.geteuid()}.lock"
    fd = open_own(path)
    try:
        if _poll(lambda: _flocked(fd), TURN_NS) is None:
            msg = f"{path}: another process that creates or removes segments has held this lock for {TURN_NS / 1e9:g} s"
            raise SegmentError(msg)
        _sweep()
        yield
    finally:
        os.close(fd)


def _flocked(fd: int) -> int | None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return fd


def _poll(attempt: Callable[[], int | None], within_ns: int) -> int | None:
    """Repeat an attempt until it returns a value, or the time is over; return its last result."""
    until = time.monotonic_ns() + within_ns
    while (found := attempt()) is None and time.monotonic_ns() < until:
        time.sleep(0.001)
    return found


def _sweep() -> None:
    """Remove the temporary files of a killed process: we hold the lock, so no other process of ours is creating one."""
    for file in os.listdir(DIRECTORY):
        if not file.startswith(f"{PREFIX}making.") or file.endswith(".lock"):
            continue
        with contextlib.suppress(FileNotFoundError):
            if os.lstat(f"{DIRECTORY}/{file}").st_uid == os.geteuid():
                os.unlink(f"{DIRECTORY}/{file}")


@contextlib.contextmanager
def _writer_absent(path: str) -> Iterator[None]:
    """Hold the writer's lock, so that no writer opens the lane; refuse if one holds it for longer than an attempt."""
    lock = _poll(lambda: try_lock(path + ".lock"), FAILING_NS)
    if lock is None:
        there = os.path.lexists(path)
        state = "a segment of another shape is in use by" if there else "the file is gone, but its lock is held by"
        msg = f"{path}: {state} a living writer; stop it first"
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


def _write_new(path: str, fresh: Header, mode: int, node: int | None) -> None:
    chosen = fresh.huge or node is not None  # which pages: before they are reserved
    temporary = f"/{PREFIX}making.{os.urandom(16).hex()}"
    memory = posix_ipc.SharedMemory(temporary, posix_ipc.O_CREX, mode=mode)
    try:
        os.fchmod(memory.fd, mode)
        if chosen:
            os.ftruncate(memory.fd, fresh.total_size)
        else:
            _reserve(path, memory.fd, fresh.total_size)
        mapping = Mapping(memory.fd, fresh.total_size, fresh.data_offset, 0, writable=True, huge=fresh.huge)
        if node is not None:
            _bind(path, mapping, node)
        if fresh.huge:
            mapping.populate(0, fresh.total_size)
        if chosen:
            _reserve(path, memory.fd, fresh.total_size)
        mapping.write(0, fresh.pack())
        if fresh.kind not in header.LISTS:
            mapping.store(header.CURSOR, fresh.first)
        mapping.store(READY_OFFSET - 4, int.from_bytes(fresh.pack()[-4:], "little") | READY << 32)
        os.link(DIRECTORY + temporary, path)
    finally:
        memory.close_fd()
        with contextlib.suppress(posix_ipc.ExistentialError):  # removed by a process that does not use the lock
            posix_ipc.unlink_shared_memory(temporary)


def _bind(path: str, mapping: Mapping, node: int) -> None:
    try:
        mapping.bind(node)
    except (OSError, ValueError) as error:
        msg = (f"{path}: its memory cannot be of NUMA node {node} ({error}): expected a node that this process may "
               "use, and in a container CAP_SYS_NICE")  # fmt: skip
        raise SegmentError(msg) from error


def _reserve(path: str, fd: int, size: int) -> None:
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.ENOMEM):
            raise
        free = os.statvfs(DIRECTORY)
        msg = f"{path}: {size} bytes do not fit in {DIRECTORY}, {free.f_bavail * free.f_frsize} are free"
        raise SegmentError(msg) from error


def _expect_pages() -> None:
    """Refuse a kernel with other pages: a ring's slots begin at the second page and are mapped twice."""
    size = os.sysconf("SC_PAGE_SIZE")
    if size != PAGE:
        msg = f"this kernel's pages have {size} bytes: a ring needs pages of {PAGE}"
        raise SegmentError(msg)


def _expect_huge_pages() -> None:
    """Refuse huge pages that /dev/shm's mount option does not give, unless the kernel's setting overrules it."""
    overruled, mounted = _kernel_setting(), _mount_setting()
    if overruled == "deny" or (overruled != "force" and mounted not in HUGE_MOUNTS):
        msg = (f"huge pages were requested, but {DIRECTORY} is mounted huge={mounted} (kernel: {overruled}): "
               f"mount -o remount,huge=advise {DIRECTORY}")  # fmt: skip
        raise SegmentError(msg)


def _kernel_setting() -> str:
    setting = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
    if not os.path.exists(setting):
        return "deny"
    with open(setting) as file:
        return file.read().partition("[")[2].partition("]")[0]


def _mount_setting() -> str:
    options = ""
    with open("/proc/mounts") as file:
        for line in file:  # the last mount on a directory is the visible one
            words = line.split()
            options = words[3] if words[1] == DIRECTORY else options
    found = [option.removeprefix("huge=") for option in options.split(",") if option.startswith("huge=")]
    return found[0] if found else "never"


def open_checked(path: str, flags: int) -> tuple[int, Header]:
    """Open a segment's file and check its header; return the descriptor and the header."""
    try:
        fd = os.open(
            path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        )  # opening a pipe of that name must not block
    except FileNotFoundError:
        msg = f"{path}: no such segment"
        raise SegmentError(msg) from None
    except OSError as error:
        msg = f"{path}: cannot be opened: {error.strerror}"
        raise SegmentError(msg) from error
    try:
        expect_file(path, fd)
        return fd, header.unpack(path, os.pread(fd, header.FIXED_SIZE, 0), os.fstat(fd).st_size)
    except BaseException:
        os.close(fd)
        raise


def expect_file(path: str, fd: int) -> None:
    """Refuse a directory or a device with a segment's name."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        msg = f"{path}: not a regular file"
        raise SegmentError(msg)


def expect_there(path: str) -> None:
    """Refuse a segment that does not exist."""
    if not os.path.lexists(path):
        msg = f"{path}: no such segment"
        raise SegmentError(msg)


def expect_record(path: str, found: Record, wanted: Record) -> None:
    """Refuse a segment of other records: the reader is of an older or newer schema."""
    if found.schema_hash != wanted.schema_hash:
        msg = (f"{path}: record is {found.name} {found.schema_hash:#x} ({found.descr}), "
               f"expected {wanted.name} {wanted.schema_hash:#x} ({wanted.descr})")  # fmt: skip
        raise SegmentError(msg)


def remove(name: str) -> None:
    """Remove a segment and its lock, if they exist; refuse while its writer is alive."""
    path = path_of(name)
    if not (os.path.lexists(path) or os.path.lexists(path + ".lock")):
        return
    with _as_segment_error(path), _one_creator():
        lock = try_lock(path + ".lock")
        if lock is None:
            msg = f"{path}: not removed: its writer lives (pid {read_owner(path)[0].pid or 'not known'})"
            raise SegmentError(msg)
        try:
            for file in (path, path + ".lock"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file)
        finally:
            os.close(lock)


def read_owner(path: str) -> tuple[identity.Owner, int]:
    """Return the last writer, and how it ended (0: it is alive or was killed), read without a mapping."""
    try:
        with open(path, "rb") as file:
            words = os.pread(file.fileno(), 48, header.OWNER_EPOCH)
    except FileNotFoundError:
        words = b""
    _, pid, start, namespace, _, clean = struct.unpack("<6Q", words.ljust(48, b"\0"))
    return identity.Owner(pid, start, namespace), clean

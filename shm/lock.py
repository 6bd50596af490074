"""One writer: an open-file-description lock on a file beside the lane, opened for nothing else and never mapped.

Not POSIX F_SETLK, which is lost when anything in the process closes the same file; not a lock on the ring, which a
read-only reader could hold against the writer's restart. The kernel frees it when the writer dies, whatever killed it.
"""

import errno
import fcntl
import os
import struct

from shm.header import SegmentError

F_OFD_SETLK = 37
WRITE_LOCK = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def try_lock(path: str) -> int | None:
    """Take the lane's lock: its descriptor, or None while another writer lives."""
    while True:
        fd = open_own(path)
        try:
            fcntl.fcntl(fd, F_OFD_SETLK, WRITE_LOCK)
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return None
            raise
        if _is_still(path, fd):
            return fd
        os.close(fd)  # removed between our open and our lock: another file bears the name


def open_own(path: str) -> int:
    """Open a lock's file, made where there is none: 0600, so that only its user can hold it, and never a link."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        msg = f"{path}: the lock cannot be opened: {error.strerror}"
        raise SegmentError(msg) from error


def _is_still(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False

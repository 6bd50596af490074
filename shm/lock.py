"""The lock of a lane's one writer: an open-file-description lock on a file beside the lane, which is never mapped.

Not POSIX F_SETLK: the process loses that lock when any part of it closes the same file. Not a lock on the ring's own
file: a read-only reader could hold that lock while the writer restarts. The kernel frees the lock when the writer dies.
"""

import contextlib
import errno
import fcntl
import os
import struct

from shm.header import SegmentError

F_OFD_SETLK = 37
WRITE_LOCK = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def try_lock(path: str) -> int | None:
    """Lock the lane; return the lock's descriptor, or None while another writer holds the lock."""
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
        os.close(fd)  # removed between our open and our lock: the name is another file's now


def open_own(path: str) -> int:
    """Open a lock's file, or create it with mode 0600, so that no other user can lock it; refuse a link.

    A file that exists is opened without O_CREAT: the kernel refuses O_CREAT on another user's file in /dev/shm, also to
    a user whom the file's mode allows to write (fs.protected_regular).
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        msg = f"{path}: the lock cannot be opened: {error.strerror}"
        raise SegmentError(msg) from error


def _is_still(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False

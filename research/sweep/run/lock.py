"""The lock of a sweep's one driver, which the kernel frees at any death of the driver."""

import fcntl
import os
import struct
from pathlib import Path

from shm.lock import WRITE_LOCK, try_lock

F_OFD_GETLK = 36
TYPE = struct.Struct("h")


def lock(path: Path) -> int:
    """Lock a sweep for this process; the lock's descriptor."""
    fd = try_lock(str(path))
    if fd is None:
        raise BlockingIOError(f"{path}: another process runs this sweep: attach to it")
    return fd


def is_locked(path: Path) -> bool:
    """Whether a process runs the sweep; asking does not lock it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return bool(TYPE.unpack_from(fcntl.fcntl(fd, F_OFD_GETLK, WRITE_LOCK))[0] != fcntl.F_UNLCK)
    finally:
        os.close(fd)

"""The directory of a recorder: `parts/` as recorded, `store/` as sealed, and a lock for the one writer of each."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

LOCK, PARTS, STORE = "lock", "parts", "store"


def lock(directory: Path, *, wait: bool = False) -> int:
    """Become the one writer of a directory; the descriptor that holds the lock.

    If there is another writer: BlockingIOError, or with `wait` wait until it has ended.
    """
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def locked(directory: Path, *, wait: bool = False) -> Iterator[None]:
    """Be the one writer of a directory, as `lock`."""
    descriptor = lock(directory, wait=wait)
    try:
        yield
    finally:
        os.close(descriptor)

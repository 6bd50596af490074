"""The directory of a recorder: `parts/` as recorded, `store/` as sealed, and a lock for the one writer of each."""

import fcntl
import os
from pathlib import Path

LOCK, PARTS, STORE = "lock", "parts", "store"


def lock(directory: Path) -> int:
    """Become the one writer of a directory; the descriptor that holds the lock. BlockingIOError if there is another."""
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor

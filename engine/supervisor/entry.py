"""What the supervisor's and the guard's processes share: exit codes, the lock of the only one, signals and the wait."""

import fcntl
import logging
import os
import select
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine import log
from engine.config import Config, ConfigError, Paths, load
from engine.config.private import open_private
from shm import SegmentError

EXIT_ORDERS_LEFT = 1
EXIT_WRONG_WORLD, EXIT_OTHER_LIVES, EXIT_CONFIG = 69, 75, 78
WAIT_MS = 20  # between two looks at beats and at the HALT file; deaths and commands wake at once

logger = logging.getLogger(__name__)


def enter(who: str, lock_of: Callable[[Paths], Path], run: Callable[[Config, int], int], file: str) -> int:
    """Load the file, be the system's only one, run with the lock; an expected failure is a line and an exit code."""
    log.begin(who)
    try:
        config = load(file)
        config.paths.make()
        path = lock_of(config.paths)
        lock = take_lock(path)
        if lock is None:
            logger.critical("another %s of this system lives", who, extra={"lock": str(path)})
            return EXIT_OTHER_LIVES
        return run(config, lock)
    except ConfigError as error:
        logger.critical(str(error))
        return EXIT_CONFIG
    except (SegmentError, OSError, ValueError) as error:
        logger.critical(str(error))
        return EXIT_WRONG_WORLD


def take_lock(path: Path) -> int | None:
    """Be the one supervisor of the system; None while another lives."""
    descriptor = open_private(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def wake_on_signals(actions: Mapping[signal.Signals, Callable[[], None]]) -> int:
    """Turn signals into what they ask for; the descriptor that wakes the wait."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in actions:
        signal.signal(number, lambda found, _: actions[signal.Signals(found)]())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return reading


def wait(descriptors: Sequence[int]) -> None:
    """Until a death, a command, a signal or the next look."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    if any(descriptor == descriptors[-1] for descriptor, _ in poll.poll(WAIT_MS)):
        os.read(descriptors[-1], 4096)

"""What the processes of the supervisor and the guard share: exit codes, the lock, signals and the wait."""

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
EXIT_WRONG_WORLD, EXIT_WRONG_SELF, EXIT_OTHER_RUNS, EXIT_CONFIG = 69, 70, 75, 78
WAIT_MS = 20  # how often heartbeats and the HALT file are read; a death or a command wakes the process at once

logger = logging.getLogger(__name__)


def enter(who: str, lock_of: Callable[[Paths], Path], run: Callable[[Config, int], int], file: str) -> int:
    """Load the file, lock, run with the lock held; an expected failure is one log line and an exit code."""
    log.begin(who)
    try:
        config = load(file)
        config.paths.make()
        path = lock_of(config.paths)
        lock = acquire_lock(path)
        if lock is None:
            logger.critical("another %s of this system runs", who, extra={"lock": str(path)})
            return EXIT_OTHER_RUNS
        return run(config, lock)
    except ConfigError as error:
        logger.critical(str(error))
        return EXIT_CONFIG
    except (SegmentError, OSError, ValueError) as error:
        logger.critical(str(error))
        return EXIT_WRONG_WORLD


def acquire_lock(path: Path) -> int | None:
    """The descriptor of the locked file; None while another process holds the lock."""
    descriptor = open_private(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def open_log(path: Path) -> int:
    """Open a process's log for appending, after a full one was renamed."""
    log.make_room(path)
    return open_private(path, os.O_WRONLY | os.O_APPEND)


def wake_on_signals(actions: Mapping[signal.Signals, Callable[[], None]]) -> int:
    """Call the action of each signal; returns the descriptor that wakes `wait`."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in actions:
        signal.signal(number, lambda found, _: actions[signal.Signals(found)]())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return reading


def wait(descriptors: Sequence[int]) -> None:
    """Wait for a death, a command or a signal, WAIT_MS at most."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    if any(descriptor == descriptors[-1] for descriptor, _ in poll.poll(WAIT_MS)):
        os.read(descriptors[-1], 4096)

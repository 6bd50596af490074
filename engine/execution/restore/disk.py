"""What the journal asks of the disk that may take long: room, a flush, a checkpoint.

`DirectDisk` does everything before it returns: deterministic, for chaos and proof. `PatientDisk` is for a life: a
flush (1.2 ms and more) and room for the next segment (its blocks, and its name in the directory) run in a thread that
does nothing else and holds no GIL while the kernel works; a checkpoint is made by a process of its own, so that the
step which asks pays for its start alone (about 0.5 ms, once a segment).
"""

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Protocol

import msgspec

from engine.execution.journal.journal_file import FileDisk, make_file, reserve_disk
from engine.execution.restore.checkpoint import Request, advance

logger = logging.getLogger("engine.execution.restore.disk")

MARKS = "STEELYARD_"  # by these a supervisor knows its own children, and this is none of them


class Disk(FileDisk, Protocol):
    """All of it."""

    def checkpoint(self, request: Request) -> None:
        """Have a checkpoint made behind the last closed segment."""


class DirectDisk:
    """Everything at once, and nothing left open."""

    def __init__(self, reserve: Callable[[int, int], None] = reserve_disk) -> None:
        """Reserve room in this way."""
        self.reserve = reserve
        self._made = -1

    def prepare(self, path: Path, size: int) -> None:
        """Make a file of real blocks."""
        self._made = make_file(path, size, self.reserve)

    def prepared(self, *, wait: bool = False) -> int:  # noqa: ARG002 - the disk's shape
        """What was made."""
        return self._made

    def sync(self, descriptor: int) -> None:
        """Have what was written stand on the disk."""
        os.fdatasync(descriptor)

    def synced(self) -> bool:
        """Whether the last flush is over: always."""
        return True

    def wait(self) -> None:
        """Wait for the last flush: never."""

    def checkpoint(self, request: Request) -> None:
        """Make one."""
        advance(request)

    def close(self) -> None:
        """Let go of nothing."""


class PatientDisk:
    """Flushes and new files in a thread, checkpoints in a process."""

    def __init__(self, reserve: Callable[[int, int], None] = reserve_disk) -> None:
        """Reserve room in this way; the thread begins with the first thing to do."""
        self.reserve = reserve
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._over, self._made = Event(), Event()
        self._over.set()
        self._error: OSError | None = None
        self._file = -1
        self._thread: Thread | None = None
        self._child = 0

    def sync(self, descriptor: int) -> None:
        """Begin a flush; the one before is over, and the descriptor stays open until this one is."""
        assert self._over.is_set()
        self._over.clear()
        self._ask(partial(self._flush, descriptor))
        self._reap()

    def prepare(self, path: Path, size: int) -> None:
        """Begin to make a file of real blocks: the more of them, the longer it takes."""
        self._made.clear()
        self._ask(partial(self._make, path, size))

    def prepared(self, *, wait: bool = False) -> int | None:
        """The file, -1 where there was no room for it, None while it is being made."""
        return self._file if self._made.wait(None if wait else 0) else None

    def synced(self) -> bool:
        """Whether the last flush is over. One that failed is raised: what it was to keep may be lost."""
        if not self._over.is_set():
            return False
        if self._error is not None:
            raise self._error
        return True

    def wait(self) -> None:
        """Wait for the last flush."""
        self._over.wait()
        self.synced()

    def checkpoint(self, request: Request) -> None:
        """Have one made; while the last is still being made this one is left out, the next makes up for it."""
        self._reap()
        if self._child:
            return
        descriptor = os.memfd_create("checkpoint-request")
        try:
            os.write(descriptor, msgspec.json.encode(request))
            os.lseek(descriptor, 0, os.SEEK_SET)
            self._child = self._start(descriptor)
        except OSError as error:
            logger.warning("no checkpoint", extra={"segment": request.segment, "why": error.strerror})
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """End the thread; a checkpoint being made is finished without us."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()

    def _ask(self, job: Callable[[], None]) -> None:
        """Have the thread do it, behind what it was asked before."""
        if self._thread is None:
            self._thread = Thread(target=self._work, name="journal-disk", daemon=True)
            self._thread.start()
        self._asked.put(job)

    def _work(self) -> None:
        """The thread: one thing after another."""
        while (job := self._asked.get()) is not None:
            job()

    def _flush(self, descriptor: int) -> None:
        """In the thread."""
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            self._error = error
        self._over.set()

    def _make(self, path: Path, size: int) -> None:
        """In the thread."""
        self._file = make_file(path, size, self.reserve)
        self._made.set()

    def _start(self, request: int) -> int:
        """Start the process, and put it at the lowest class and away from the cores that we are pinned to."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(MARKS)}
        child = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "engine.execution.restore.checkpoint_process"],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, request, 0)],
            setpgroup=0,
        )
        with contextlib.suppress(OSError):  # it is slower to get there, or in the way, but no less right
            os.sched_setscheduler(child, os.SCHED_IDLE, os.sched_param(0))
            if others := set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0):
                os.sched_setaffinity(child, others)
        return child

    def _reap(self) -> None:
        """Take note of a process that has ended."""
        if not self._child:
            return
        with contextlib.suppress(ChildProcessError):  # somebody else in this process reaps
            child, status = os.waitpid(self._child, os.WNOHANG)
            if not child:
                return
            if status:
                logger.warning("a checkpoint failed", extra={"exit": os.waitstatus_to_exitcode(status)})
        self._child = 0

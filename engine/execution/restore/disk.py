"""The slow disk operations of the journal: space, a flush, a checkpoint.

`DirectDisk` does everything before it returns: it is deterministic, for the chaos world and for tests. `PatientDisk` is
for production: a flush (1.2 ms and more) and the space for the next segment (its blocks, and its name in the directory)
run in a thread of their own that holds no GIL while the kernel works. A checkpoint is made by a process of its
own, so that the step that requests it waits only for the process to start (about 0.5 ms, once a segment).
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

MARKS = "STEELYARD_"  # a supervisor finds its children by these variables; the checkpoint process is not its child


class Disk(FileDisk, Protocol):
    """Everything that the journal and the checkpoints need of the disk."""

    def checkpoint(self, request: Request) -> None:
        """Make a checkpoint of the last closed segment, or begin to."""


class DirectDisk:
    """Does everything before it returns."""

    def __init__(self, reserve: Callable[[int, int], None] = reserve_disk) -> None:
        """Reserve space by this function."""
        self.reserve = reserve
        self._made = -1

    def prepare(self, path: Path, size: int) -> None:
        """Make a file with allocated blocks."""
        self._made = make_file(path, size, self.reserve)

    def prepared(self, *, wait: bool = False) -> int:  # noqa: ARG002 - the protocol's signature
        """The descriptor of the file that was made; -1 if there was no space."""
        return self._made

    def sync(self, descriptor: int) -> None:
        """Flush the file to the disk."""
        os.fdatasync(descriptor)

    def synced(self) -> bool:
        """Whether the last flush is over: always."""
        return True

    def wait(self) -> None:
        """Return at once: the last flush is over."""

    def checkpoint(self, request: Request) -> None:
        """Make a checkpoint."""
        advance(request)

    def close(self) -> None:
        """Do nothing: no thread and no process is left."""


class PatientDisk:
    """Flushes and new files in a thread, checkpoints in a process."""

    def __init__(self, reserve: Callable[[int, int], None] = reserve_disk) -> None:
        """Reserve space by this function; the thread starts with the first job."""
        self.reserve = reserve
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._over, self._made = Event(), Event()
        self._over.set()
        self._error: OSError | None = None
        self._file = -1
        self._thread: Thread | None = None
        self._child = 0

    def sync(self, descriptor: int) -> None:
        """Begin a flush. The flush before it must be over; the descriptor must stay open until this one is over."""
        assert self._over.is_set()
        self._over.clear()
        self._ask(partial(self._flush, descriptor))
        self._reap()

    def prepare(self, path: Path, size: int) -> None:
        """Begin to make a file with allocated blocks, slower for a larger file."""
        self._made.clear()
        self._ask(partial(self._make, path, size))

    def prepared(self, *, wait: bool = False) -> int | None:
        """The file's descriptor, -1 if there was no space for it, None while it is being made."""
        return self._file if self._made.wait(None if wait else 0) else None

    def synced(self) -> bool:
        """Whether the last flush is over. OSError if it failed: the data may be lost."""
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
        """Start a process that makes a checkpoint, unless the last one still runs; the next request covers both."""
        self._reap()
        if self._child:
            return
        descriptor = os.memfd_create("checkpoint-request")
        try:
            os.write(descriptor, msgspec.json.encode(request))
            os.lseek(descriptor, 0, os.SEEK_SET)
            self._child = self._start(descriptor)
        except OSError as error:
            logger.warning("a checkpoint was not made", extra={"segment": request.segment, "why": error.strerror})
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """End the thread. A process that makes a checkpoint finishes by itself."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()

    def _ask(self, job: Callable[[], None]) -> None:
        """Give the thread a job, to be done after those before it."""
        if self._thread is None:
            self._thread = Thread(target=self._work, name="journal-disk", daemon=True)
            self._thread.start()
        self._asked.put(job)

    def _work(self) -> None:
        """Run the jobs, in the thread."""
        while (job := self._asked.get()) is not None:
            job()

    def _flush(self, descriptor: int) -> None:
        """Flush a file, in the thread."""
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            self._error = error
        self._over.set()

    def _make(self, path: Path, size: int) -> None:
        """Make a file, in the thread."""
        self._file = make_file(path, size, self.reserve)
        self._made.set()

    def _start(self, request: int) -> int:
        """Start the process, with idle priority and on other cores than ours; its pid."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(MARKS)}
        child = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "engine.execution.restore.checkpoint_process"],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, request, 0)],
            setpgroup=0,
        )
        with contextlib.suppress(OSError):  # an optional setting: without it the child may use time of our cores
            os.sched_setscheduler(child, os.SCHED_IDLE, os.sched_param(0))
            if others := set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0):
                os.sched_setaffinity(child, others)
        return child

    def _reap(self) -> None:
        """Collect the exit status of a process that has ended."""
        if not self._child:
            return
        with contextlib.suppress(ChildProcessError):  # other code in this process has collected it
            child, status = os.waitpid(self._child, os.WNOHANG)
            if not child:
                return
            if status:
                logger.warning("a checkpoint failed", extra={"exit": os.waitstatus_to_exitcode(status)})
        self._child = 0

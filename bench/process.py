"""Pinned worker processes: each runs one function on one core and hands its answer back over a pipe."""

import contextlib
import ctypes
import gc
import os
import pickle
import select
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct("<Q")
PATIENCE_S = 30
PR_SET_PDEATHSIG = 1


class WorkerError(Exception):
    """A worker failed or did not answer: the text is its traceback, or states that it sent no answer."""


class Channel:
    """The worker's end: report that it is ready, wait for the signal to begin."""

    def __init__(self, inward: int, outward: int) -> None:
        """Over two descriptors of the worker's own."""
        self._inward, self._outward = inward, outward

    def ready(self) -> None:
        """Report this side as ready, and wait until the other side is ready too."""
        self.answer(None)
        os.read(self._inward, 1)

    def answer(self, value: object) -> None:
        """Hand a value to the parent."""
        body = pickle.dumps(value)
        os.write(self._outward, LENGTH.pack(len(body)))
        with open(self._outward, "wb", closefd=False) as stream:
            stream.write(body)


class Worker:
    """One forked process: pinned, without garbage collection, and killed in the end.

    It does not end with its function, because a queue's thread may still be sending then.
    """

    def __init__(self, core: int, function: Callable[[Channel], object]) -> None:
        """Start it on `core`."""
        inward, self._outward = os.pipe()
        self._inward, outward = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._inward)
            os.close(self._outward)
            _live(core, function, Channel(inward, outward))
        os.close(inward)
        os.close(outward)

    def begin(self) -> None:
        """Give the word."""
        os.write(self._outward, b"!")

    def answer(self) -> Any:
        """The next value from the worker; its failure is raised here."""
        size = LENGTH.unpack(self._read(LENGTH.size))[0]
        value = pickle.loads(self._read(size))  # noqa: S301 - from our own child
        if isinstance(value, WorkerError):
            raise value
        return value

    def _read(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            if not select.select([self._inward], [], [], PATIENCE_S)[0]:
                raise WorkerError(f"no answer within {PATIENCE_S} s")
            part = os.read(self._inward, size - len(found))
            if not part:
                raise WorkerError("the worker ended without an answer")
            found += part
        return found

    def stop(self) -> None:
        """Stop it (SIGSTOP)."""
        os.kill(self.pid, signal.SIGSTOP)

    def end(self) -> None:
        """Kill it if it still lives, and reap it."""
        os.close(self._inward)
        os.close(self._outward)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _live(core: int, function: Callable[[Channel], object], channel: Channel) -> None:
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.sched_setaffinity(0, {core})
        gc.collect()
        gc.disable()
        channel.answer(function(channel))
    except BaseException:  # noqa: BLE001 - the parent gets the traceback of every error
        channel.answer(WorkerError(traceback.format_exc()))
    while True:
        signal.pause()


def together(*workers: Worker) -> list[Any]:
    """Wait until all are ready, in their order, give all the word, and gather their answers; none survives."""
    try:
        for worker in workers:
            worker.answer()
        for worker in workers:
            worker.begin()
        return [worker.answer() for worker in workers]
    finally:
        for worker in workers:
            worker.end()

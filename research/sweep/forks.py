"""Runs trials in children of this process: a fork for each trial.

A child shares what its parent has loaded, and the mapped data; it has the memory and the modules of no other trial, so
a strategy that keeps state in its module gives the same rows for any number of workers. A child dies with its parent.
"""

import ctypes
import gc
import os
import select
import signal
import traceback
from typing import Any, NamedTuple

import msgspec

from research.sweep.log import Row
from research.sweep.trial import Runner

PR_SET_PDEATHSIG = 1
CHUNK = 1 << 16


class Child(NamedTuple):
    """A running trial."""

    pid: int
    number: int
    found: bytearray  # what it has written so far


class Died(NamedTuple):
    """A trial whose process ended without a row."""

    number: int
    why: str


class Forks:
    """At most so many children at once."""

    def __init__(self, runner: Runner, workers: int, close: list[int]) -> None:
        """Begin without a child; `close` are descriptors that a child must not keep."""
        self.runner, self.room = runner, workers
        self._close, self._children = close, dict[int, Child]()
        self._decoder = msgspec.msgpack.Decoder(Row)
        gc.collect()
        gc.freeze()  # a collection in a child would copy every page that it visits

    def start(self, number: int, parameters: dict[str, Any]) -> None:
        """Fork a child for a trial."""
        inward, outward = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _live(self.runner, number, parameters, outward, parent, [inward, *self._close, *self._children])
        os.close(outward)
        self._children[inward] = Child(pid, number, bytearray())

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._children)

    def pids(self) -> list[int]:
        """The processes that run."""
        return [one.pid for one in self._children.values()]

    def ended(self, timeout_s: float) -> list[Row | Died]:
        """The trials that have ended; waits for the first, no longer than this."""
        ready = select.select(list(self._children), [], [], timeout_s)[0]
        return [one for fd in ready if (one := self._read(fd)) is not None]

    def _read(self, fd: int) -> Row | Died | None:
        """Read a part of a row; at its end, the row."""
        child = self._children[fd]
        part = os.read(fd, CHUNK)
        child.found.extend(part)
        if part:
            return None
        del self._children[fd]
        os.close(fd)
        status = os.waitpid(child.pid, 0)[1]
        if status == 0:
            return self._decoder.decode(child.found)
        code = os.waitstatus_to_exitcode(status)
        return Died(child.number, f"signal {-code}" if code < 0 else f"exit code {code}")

    def close(self) -> None:
        """Kill and reap every child."""
        for fd, child in self._children.items():
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            os.close(fd)
        self._children.clear()


def _live(runner: Runner, number: int, parameters: dict[str, Any], outward: int, parent: int, close: list[int]) -> None:
    """The life of a child: one trial, one row; never returns."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            for one in (signal.SIGINT, signal.SIGTERM):
                signal.signal(one, signal.SIG_DFL)
            for fd in close:
                os.close(fd)
            with os.fdopen(outward, "wb") as pipe:
                pipe.write(msgspec.msgpack.encode(runner.run(number, parameters)))
            code = 0
    except BaseException:  # noqa: BLE001 - the driver's output has the reason
        traceback.print_exc()
    finally:
        os._exit(code)

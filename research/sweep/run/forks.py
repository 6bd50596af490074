"""Runs passes in children of this process: a fork for each pass.

A child shares what its parent has loaded, and the mapped data; it has the memory and the modules of no other pass, so
a strategy that keeps state in its module gives the same rows for any number of workers. A child dies with its parent.
A pass of several trials has a bound of memory; beyond it, it ends without rows, and smaller passes follow.
"""

import ctypes
import gc
import os
import resource
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import NamedTuple

import msgspec

from research.sweep.run.log import Row
from research.sweep.run.passes import Ended, Pass, SharedStateError
from research.sweep.trial import Runner

PR_SET_PDEATHSIG = 1
CHUNK = 1 << 16
PASS_BYTES = 1 << 30  # of memory that a pass of several trials may add, at most
PAGE, DATA_PAGES = os.sysconf("SC_PAGE_SIZE"), 5  # the place in /proc/self/statm


class Child(NamedTuple):
    """A running pass."""

    pid: int
    trials: Pass
    found: bytearray  # what it has written so far


class Forks:
    """At most so many children at once."""

    def __init__(self, runner: Runner, workers: int, close: list[int]) -> None:
        """Begin without a child; `close` are descriptors that a child must not keep."""
        self.runner, self.room = runner, workers
        self._close, self._children = close, dict[int, Child]()
        self._decoder = msgspec.msgpack.Decoder(list[Row])
        gc.collect()
        gc.freeze()  # a collection in a child would copy every page that it visits

    def start(self, trials: Pass) -> None:
        """Fork a child for a pass."""
        inward, outward = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            bound = min(PASS_BYTES, _free_bytes() // (2 * self.room)) if len(trials) > 1 else 0
            _live(self.runner, trials, bound, outward, parent, [inward, *self._close, *self._children])
        os.close(outward)
        self._children[inward] = Child(pid, trials, bytearray())

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._children)

    def pids(self) -> list[int]:
        """The processes that run."""
        return [one.pid for one in self._children.values()]

    def ended(self, timeout_s: float) -> list[Ended]:
        """The passes that have ended; waits for the first, no longer than this."""
        ready = select.select(list(self._children), [], [], timeout_s)[0]
        return [one for fd in ready if (one := self._read(fd)) is not None]

    def _read(self, fd: int) -> Ended | None:
        """Read a part of the rows; at their end, the rows."""
        child = self._children[fd]
        part = os.read(fd, CHUNK)
        child.found.extend(part)
        if part:
            return None
        del self._children[fd]
        os.close(fd)
        status = os.waitpid(child.pid, 0)[1]
        if status == 0:
            return Ended(child.trials, self._decoder.decode(child.found))
        code = os.waitstatus_to_exitcode(status)
        return Ended(child.trials, [], f"signal {-code}" if code < 0 else f"exit code {code}")

    def close(self) -> None:
        """Kill and reap every child."""
        for fd, child in self._children.items():
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            os.close(fd)
        self._children.clear()


def _free_bytes() -> int:
    """The memory that the machine can still give."""
    words = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return 1024 * int(words["MemAvailable"].split()[0])


def _bound_memory(bound: int) -> None:
    """Let this process add so much memory of its own; beyond it, an allocation fails."""
    used = PAGE * int(Path("/proc/self/statm").read_text().split()[DATA_PAGES])
    resource.setrlimit(resource.RLIMIT_DATA, (used + bound, resource.RLIM_INFINITY))


def _live(runner: Runner, trials: Pass, bound: int, outward: int, parent: int, close: list[int]) -> None:
    """The life of a child: one pass; never returns. `bound` is 0 without a bound of memory."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            for one in (signal.SIGINT, signal.SIGTERM):
                signal.signal(one, signal.SIG_DFL)
            for fd in close:
                os.close(fd)
            if bound:
                _bound_memory(bound)
            with os.fdopen(outward, "wb") as pipe:
                pipe.write(msgspec.msgpack.encode(runner.run(trials)))
            code = 0
    except (MemoryError, SharedStateError) as error:
        sys.stderr.write(f"{len(trials)} trials in one pass: {type(error).__name__}: {error}\n")
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - the driver's output has the reason
        traceback.print_exc()
    finally:
        os._exit(code)

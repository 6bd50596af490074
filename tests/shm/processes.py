"""Children by fork: each runs one function and ends with its test."""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Child:
    """A process that runs a function and exits with what it returned (0 for None; 70 after an exception)."""

    def __init__(self, work: Callable[[], int | None]) -> None:
        """Fork."""
        self.pid = os.fork()
        self.status: int | None = None
        if self.pid == 0:
            code = 70
            try:
                code = work() or 0
            except BaseException:  # noqa: BLE001 - a child must never return into pytest
                traceback.print_exc()
            finally:
                os._exit(code)

    def send(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.status is None:
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Reap it: its exit code, or minus the signal that killed it."""
        if self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def ended(self) -> bool:
        """Look whether it has exited, without waiting."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def kill(self) -> int:
        """Kill and reap it."""
        self.send(signal.SIGKILL)
        return self.wait()


@contextmanager
def children(*works: Callable[[], int | None]) -> Iterator[list[Child]]:
    """Run several, and kill what still runs at the end."""
    found = [Child(work) for work in works]
    try:
        yield found
    finally:
        for child in found:
            child.kill()


def within(seconds: float, done: Callable[[], bool]) -> bool:
    """Look again and again, giving the processor away, until it is done or the time is over."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            return False
        os.sched_yield()
    return True

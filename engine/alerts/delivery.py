"""Delivers messages: a port of the role, because a target can hang.

`DirectDelivery` sends before `begin` returns: it is deterministic, for tests. `ThreadDelivery` is for production: each
target has a thread, so that an endpoint that hangs for 30 s stops neither the checks nor the other targets. A target
that is not done after `LIMIT_NS` has its connection closed, which ends its call.

    begin("phone", message)     its thread sends
    finished()                  [("phone", Sent())] once it is done; the descriptor `fileno` is readable then
"""

import os
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from engine.alerts.message import Message
from engine.alerts.outbox import Outcome
from engine.alerts.targets import Target

LIMIT_NS = 45_000_000_000


class Delivery(Protocol):
    """Sends messages, one at a time for each target."""

    @property
    def fileno(self) -> int:
        """A descriptor that is readable when a message is done; -1: none."""

    def begin(self, target: str, message: Message, now_ns: int) -> None:
        """Begin to send; the last message of this target must be done."""

    def finished(self, now_ns: int) -> list[tuple[str, Outcome]]:
        """The outcomes since the last call, by target."""

    def close(self) -> None:
        """End; what is in flight may still arrive."""


class DirectDelivery:
    """Sends before `begin` returns."""

    fileno = -1

    def __init__(self, targets: Mapping[str, Target]) -> None:
        """Send to these targets, by name."""
        self._targets = targets
        self._done: list[tuple[str, Outcome]] = []

    def begin(self, target: str, message: Message, now_ns: int) -> None:
        """Send."""
        del now_ns
        self._done.append((target, self._targets[target].send(message)))

    def finished(self, now_ns: int) -> list[tuple[str, Outcome]]:
        """The outcomes since the last call."""
        del now_ns
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Do nothing: nothing is left."""


class Worker:
    """The thread of one target."""

    def __init__(self, name: str, target: Target, done: "deque[tuple[str, Outcome]]", wake: int) -> None:
        """Start the thread."""
        self.name, self.target = name, target
        self.begin_ns = 0  # of the message in flight; 0: none
        self._done, self._wake = done, wake
        self._asked: SimpleQueue[Message | None] = SimpleQueue()
        self.thread = Thread(target=self._work, name=f"alerts-{name}", daemon=True)
        self.thread.start()

    def begin(self, message: Message, now_ns: int) -> None:
        """Give the thread a message."""
        assert not self.begin_ns, f"{self.name}: a message is in flight"
        self.begin_ns = now_ns
        self._asked.put(message)

    def end(self) -> None:
        """Let the thread end after the message in flight."""
        self._asked.put(None)

    def _work(self) -> None:
        """Send each message, in the thread."""
        while (message := self._asked.get()) is not None:
            self._done.append((self.name, self.target.send(message)))
            with suppress(OSError):  # the role has closed the descriptor: it does not wait any more
                os.eventfd_write(self._wake, 1)


class ThreadDelivery:
    """Sends in a thread of each target."""

    def __init__(self, targets: Mapping[str, Target], limit_ns: int = LIMIT_NS) -> None:
        """Start the threads."""
        self.fileno = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._done: deque[tuple[str, Outcome]] = deque()
        self._limit_ns = limit_ns
        self._workers = {name: Worker(name, one, self._done, self.fileno) for name, one in targets.items()}

    def begin(self, target: str, message: Message, now_ns: int) -> None:
        """Begin to send in the target's thread."""
        self._workers[target].begin(message, now_ns)

    def finished(self, now_ns: int) -> list[tuple[str, Outcome]]:
        """The outcomes since the last call; ends the calls that have reached the limit."""
        with suppress(BlockingIOError):
            os.eventfd_read(self.fileno)
        found = [self._done.popleft() for _ in range(len(self._done))]
        for name, _ in found:
            self._workers[name].begin_ns = 0
        for worker in self._workers.values():
            assert worker.thread.is_alive(), f"the thread of the target {worker.name} has failed: see the log above"
            if worker.begin_ns and now_ns - worker.begin_ns > self._limit_ns:
                worker.target.abort()
        return found

    def close(self) -> None:
        """End the threads; one that hangs ends with the process."""
        for worker in self._workers.values():
            worker.end()
        if not any(worker.begin_ns for worker in self._workers.values()):  # else a thread still writes to it
            os.close(self.fileno)

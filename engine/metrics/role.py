"""The role metrics: reads the system every `every_ms`, and gives each reading to the server, which answers from it.

    lanes, cells, meters, machine ─▶ Reading.read ─▶ Exposition ─▶ MetricsServer: /metrics, /healthz, /readyz
                                                            └─▶ Pusher: OTLP, with [metrics.otlp]

The role reads as a looker: nothing waits for it, and it writes no lane but its heartbeat and its own meters. An answer
is never older than the last step; the server refuses to call the system healthy from a reading that is old.
"""

import time
from typing import Protocol

from engine.metrics.exposition import Exposition

WAIT_S = 0.02


class Reads(Protocol):
    """Reads the system."""

    errors: int

    def read(self, now_ns: int) -> Exposition:
        """Everything that is exported, at this time."""


class Serves(Protocol):
    """Answers the requests."""

    def serve(self, exposition: Exposition) -> None:
        """Answer from this reading from now on."""

    def close(self) -> None:
        """Stop answering."""


class Pushes(Protocol):
    """Sends readings to a collector."""

    def offer(self, exposition: Exposition) -> None:
        """Send this reading next."""

    def close(self) -> None:
        """Stop sending."""


class MetricsRole:
    """Takes readings and shows them."""

    def __init__(self, name: str, reading: Reads, server: Serves, every_ns: int, pusher: Pushes | None = None) -> None:
        """Show the first reading at the first step."""
        self.name, self._reading, self._server, self._every_ns = name, reading, server, every_ns
        self._pusher = pusher
        self._next_ns = 0

    def step(self, now_ns: int) -> int:
        """Take a reading when it is due."""
        if now_ns < self._next_ns:
            return 0
        self._next_ns = now_ns + self._every_ns
        exposition = self._reading.read(now_ns)
        self._server.serve(exposition)
        if self._pusher is not None:
            self._pusher.offer(exposition)
        return 1

    def lag(self) -> int:
        """Zero: it reads the newest, and owes no record."""
        return 0

    def error_count(self) -> int:
        """How many lanes could not be read."""
        return self._reading.errors

    def wait(self, timeout_ns: int) -> bool:
        """Sleep. A reader that waits on a lane would cost its writer a system call."""
        time.sleep(min(timeout_ns / 1e9, WAIT_S))
        return True

    def drain(self, now_ns: int) -> bool:
        """Nothing is left to do."""
        del now_ns
        return True

    def close(self) -> None:
        """Stop answering and sending."""
        self._server.close()
        if self._pusher is not None:
            self._pusher.close()

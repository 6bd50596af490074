"""Keeps the frames between the role, which makes them, and the connections, which send them. Nothing is queued.

The newest deltas are kept, bounded in number and bytes. A client that is further behind gets a snapshot: the role makes
one at its next step, for every client that waits for one. A slow client costs no memory: its frames are dropped.
"""

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DELTAS, BYTES = 128, 4 << 20


class Hub:
    """The role publishes, connections in another thread fetch. `wake` is called in the role's thread after a frame."""

    def __init__(self) -> None:
        """Empty."""
        self._lock = threading.Lock()
        self._deltas: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._snapshot: tuple[int, bytes] | None = None
        self._wanted = False
        self.clients = 0
        self.wake: Callable[[], None] = lambda: None

    @property
    def snapshot_wanted(self) -> bool:
        """Whether a client waits for a snapshot."""
        return self._wanted

    @property
    def kept_bytes(self) -> int:
        """The bytes of the deltas that are kept, for all clients together."""
        return self._bytes

    def publish(self, number: int, delta: bytes, snapshot: bytes | None) -> None:
        """Add a frame; with a snapshot that includes it."""
        with self._lock:
            self._deltas.append((number, delta))
            self._bytes += len(delta)
            while len(self._deltas) > DELTAS or self._bytes > BYTES:
                self._bytes -= len(self._deltas.popleft()[1])
            if snapshot is not None:
                self._snapshot, self._wanted = (number, snapshot), False
        self.wake()

    def fetch(self, after: int) -> tuple[int, bytes]:
        """The newest frame's number, and what a client with frame `after` (0: none) must get; empty: nothing."""
        with self._lock:
            newest = self._deltas[-1][0] if self._deltas else 0
            if after and after == newest:
                return after, b""
            if after and self._deltas and self._deltas[0][0] <= after + 1:
                return newest, b"".join(delta for number, delta in self._deltas if number > after)
            if self._snapshot is not None and self._snapshot[0] >= max(
                after, self._deltas[0][0] if self._deltas else 0
            ):
                number, snapshot = self._snapshot
                return newest, snapshot + b"".join(delta for at, delta in self._deltas if at > number)
            self._wanted = True
            return after, b""

"""Streams that open to a key's owner alone: what proves the owner is put into a message last, below every record.

    feed ─ subscribe ─▶ tap, recorder ─▶ SealedStream ─ with its signature or token ─▶ socket
                                             └ held until the seal is ready

The feed, its dialect and whoever records what was said never see a secret; a recording can be given away.
"""

from collections import deque
from typing import Any, Protocol

from engine.venues.port import FramePort, PortState


class Seal(Protocol):
    """Proves to a venue whose a message is."""

    @property
    def failure(self) -> str:
        """Why there is nothing to prove it by; empty while there may be."""

    def ready(self, now_ns: int) -> bool:
        """Whether a message can be sealed at this time; looks after what is needed for it."""

    def seal(self, payload: bytes) -> bytes:
        """Put in what the venue wants to see."""

    def interests(self) -> list[Any]:
        """What a sleeper is woken by."""

    def close(self) -> None:
        """Let go of what was needed."""


class SealedStream:
    """A `FramePort` whose messages wait for their seal; all else is the port's own."""

    def __init__(self, port: FramePort, seal: Seal) -> None:
        """Take a port that was begun."""
        self._port, self._seal = port, seal
        self._look = getattr(port, "look", port.poll)
        self._rehearse = getattr(port, "rehearse", None)
        self._held: deque[bytes] = deque()
        self._now_ns = 0
        self._failure = ""

    @property
    def state(self) -> PortState:
        """The port's; without a seal there is nothing to stay open for."""
        return PortState.CLOSED if self._failure else self._port.state

    @property
    def error(self) -> str:
        """The seal's failure, or the port's."""
        return self._failure or self._port.error

    @property
    def receive_ns(self) -> int:
        """The port's."""
        return self._port.receive_ns

    @property
    def unfinished(self) -> bool:
        """The port's: whether a message has begun and not ended."""
        return bool(getattr(self._port, "unfinished", False))

    def poll(self, now_ns: int) -> list[bytes]:
        """The port's frames."""
        self._now_ns = now_ns
        if self._held:
            self._push()
        return self._port.poll(now_ns)

    def look(self, now_ns: int) -> list[bytes] | None:
        """The same, but None where nothing came and nothing else has changed either, where the port can tell."""
        self._now_ns = now_ns
        if self._held:
            return self.poll(now_ns)
        return self._look(now_ns)

    def rehearse(self, frame: bytes) -> None:
        """Go through the port's motions of taking a frame, where it has any."""
        if self._rehearse is not None:
            self._rehearse(frame)

    def send(self, payload: bytes) -> bool:
        """Send as soon as it can be sealed; False when the connection is not open."""
        if self.state is not PortState.OPEN:
            return False
        self._held.append(payload)
        self._push()
        return not self._failure

    def close(self) -> None:
        """Close both."""
        self._held.clear()
        self._seal.close()
        self._port.close()

    def interests(self) -> list[Any]:
        """What a sleeper is woken by."""
        return [*self._port.interests(), *self._seal.interests()]  # type: ignore[attr-defined]

    def _push(self) -> None:
        """Send what waits, in its order."""
        while self._held and self._seal.ready(self._now_ns):
            if not self._port.send(self._seal.seal(self._held.popleft())):
                self._fail("a message could not be sent")
        if self._seal.failure:
            self._fail(self._seal.failure)

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self.close()

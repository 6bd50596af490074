"""Streams that need a key: the signature is added to a message last, after the recorder has copied the message.

    feed ─ subscribe ─▶ tap, recorder ─▶ SignedStream ─ with its signature or token ─▶ socket
                                             └ held until the signer is ready

The feed, its dialect and the recorder never see a secret, so a recording can be given away.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from engine.venues.port import PortState, RequestPort, StreamPort


class MessageSigner(Protocol):
    """Adds the signature or token that proves to a venue who sends a message."""

    @property
    def failure(self) -> str:
        """Why no message can be signed any more; empty while one may be."""

    def ready(self, now_ns: int) -> bool:
        """Whether a message can be signed at this time; asks the venue for what is missing."""

    def sign(self, payload: bytes) -> bytes:
        """The message with its proof."""

    def interests(self) -> list[Any]:
        """What a sleeping process waits for."""

    def close(self) -> None:
        """Close what was opened."""


MakeSigner: TypeAlias = Callable[[Callable[[], RequestPort]], MessageSigner]  # from a REST port that nothing records


class SignedStream:
    """A `StreamPort` that signs what is sent; everything else is the inner port's."""

    def __init__(self, port: StreamPort, signer: MessageSigner) -> None:
        """Sign what is sent on this port."""
        self._port, self._signer = port, signer
        self._held: deque[bytes] = deque()
        self._now_ns = 0
        self._failure = ""

    @property
    def state(self) -> PortState:
        """The port's; CLOSED once nothing can be signed any more."""
        return PortState.CLOSED if self._failure else self._port.state

    @property
    def error(self) -> str:
        """The signer's failure, or the port's."""
        return self._failure or self._port.error

    @property
    def receive_ns(self) -> int:
        """The port's."""
        return self._port.receive_ns

    @property
    def unfinished(self) -> bool:
        """The port's."""
        return self._port.unfinished

    @property
    def recorded(self) -> bool:
        """The port's."""
        return self._port.recorded

    @property
    def reports_quiet(self) -> bool:
        """The port's."""
        return self._port.reports_quiet

    def poll(self, now_ns: int) -> list[bytes]:
        """The port's frames."""
        self._now_ns = now_ns
        if self._held:
            self._push()
        return self._port.poll(now_ns)

    def poll_if_changed(self, now_ns: int) -> list[bytes] | None:
        """The same, but None where the port knows that nothing has changed."""
        self._now_ns = now_ns
        if self._held:
            return self.poll(now_ns)
        return self._port.poll_if_changed(now_ns)

    def warm(self, payload: bytes) -> None:
        """The port's."""
        self._port.warm(payload)

    def rehearse(self, frame: bytes) -> None:
        """The port's."""
        self._port.rehearse(frame)

    def send(self, payload: bytes) -> bool:
        """Send as soon as the message can be signed; False when the connection is not open."""
        if self.state is not PortState.OPEN:
            return False
        self._held.append(payload)
        self._push()
        return not self._failure

    def close(self) -> None:
        """Close both."""
        self._held.clear()
        self._signer.close()
        self._port.close()

    def fileno(self) -> int:
        """The port's."""
        return self._port.fileno()

    def interests(self) -> list[Any]:
        """What a sleeping process waits for."""
        return [*self._port.interests(), *self._signer.interests()]

    def _push(self) -> None:
        """Send the held messages in order."""
        while self._held and self._signer.ready(self._now_ns):
            if not self._port.send(self._signer.sign(self._held.popleft())):
                self._fail("a message could not be sent")
        if self._signer.failure:
            self._fail(self._signer.failure)

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self.close()

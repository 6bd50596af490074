"""A WebSocket connection to the venue, without the socket."""

from abc import ABC, abstractmethod
from typing import Protocol


class Owner(Protocol):
    """What a connection needs of its venue."""

    changed: dict["Session", None]

    def receive(self, session: "Session", message: str | bytes, now_ns: int) -> None:
        """Receive a text frame on a session."""


class Session(ABC):
    """One connection: `receive` gets messages in, `drain` gets messages out.

    The venue's `changed` collects the sessions with messages to send, so that a server need not check all of them.
    """

    def __init__(self, path: str, unit: int, now_ns: int, venue: Owner) -> None:
        """A new connection."""
        self.path, self.unit, self.connected_ns = path, unit, now_ns
        self.closed = False
        self.close_code, self.close_reason = 1000, ""
        self._outgoing: list[bytes] = []
        self._owner = venue

    def receive(self, message: str | bytes, now_ns: int) -> None:
        """Receive a text frame; the venue first does what was due before it."""
        self._owner.receive(self, message, now_ns)

    @abstractmethod
    def read(self, message: str | bytes, now_ns: int) -> None:
        """Read one text frame."""

    def push(self, payload: bytes) -> None:
        """Queue a message; a closed session drops it."""
        if not self.closed:
            self._outgoing.append(payload)
            self._owner.changed[self] = None

    def drain(self) -> list[bytes]:
        """Remove and return the queued messages, in order."""
        queued, self._outgoing = self._outgoing, []
        return queued

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection from the venue's side."""
        if not self.closed:
            self.closed, self.close_code, self.close_reason = True, code, reason
            self._owner.changed[self] = None

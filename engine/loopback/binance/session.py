"""A WebSocket connection to the venue, without the socket."""

from abc import ABC, abstractmethod
from typing import Protocol


class Owner(Protocol):
    """What a connection needs of the venue it leads to."""

    changed: dict["Session", None]

    def receive(self, session: "Session", message: str | bytes, now_ns: int) -> None:
        """A text frame arrives on a session."""


class Session(ABC):
    """One connection: what came in is received, what goes out is taken.

    The venue's `changed` collects the sessions somebody should look at, so that a server need not look at all of them.
    """

    def __init__(self, path: str, unit: int, now_ns: int, venue: Owner) -> None:
        """A connection just made."""
        self.path, self.unit, self.connected_ns = path, unit, now_ns
        self.closed = False
        self.close_code, self.close_reason = 1000, ""
        self._outgoing: list[bytes] = []
        self._owner = venue

    def receive(self, message: str | bytes, now_ns: int) -> None:
        """A text frame arrives; what was due at the venue before it happens first."""
        self._owner.receive(self, message, now_ns)

    @abstractmethod
    def read(self, message: str | bytes, now_ns: int) -> None:
        """Read one text frame."""

    def push(self, payload: bytes) -> None:
        """Let a message go out; a closed session drops it."""
        if not self.closed:
            self._outgoing.append(payload)
            self._owner.changed[self] = None

    def take(self) -> list[bytes]:
        """What has to go out, in order."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection from the venue's side."""
        if not self.closed:
            self.closed, self.close_code, self.close_reason = True, code, reason
            self._owner.changed[self] = None

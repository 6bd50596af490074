"""What a role needs of a network, and nothing more: the same roles run over sockets and inside the chaos.

A port never blocks. `poll` hands over what has arrived since the last call; a lost connection is a state, seen at the
next poll, never an exception out of the blue.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class PortState(IntEnum):
    """Where a connection stands."""

    CONNECTING = 1
    OPEN = 2
    CLOSED = 3  # for good: make another


class TimedFrames(list[bytes]):
    """Frames that came at moments of their own, from a port that is no socket: `times` has one for each."""

    def __init__(self, frames: Iterable[bytes] = (), times: Iterable[int] = ()) -> None:
        """Take these frames and when each was received."""
        super().__init__(frames)
        self.times = list(times)

    def join(self, others: "TimedFrames") -> None:
        """Put others behind these."""
        self.extend(others)
        self.times.extend(others.times)


class FramePort(Protocol):
    """A message stream: a WebSocket, or the chaos's stand-in for one."""

    @property
    def state(self) -> PortState:
        """Where the connection stands after the last poll."""

    @property
    def error(self) -> str:
        """Why it closed, or empty."""

    @property
    def receive_ns(self) -> int:
        """When the last poll's bytes were read from the socket."""

    def poll(self, now_ns: int) -> list[bytes]:
        """Complete messages since the last call, in order; control frames are answered inside."""

    def send(self, payload: bytes) -> bool:
        """Queue one text message and push it out; False when the connection is not open."""

    def close(self) -> None:
        """Close and forget."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer to a request, or its failure: status 0 means that no answer came (`error` says why)."""

    request_id: int
    status: int
    headers: dict[str, str]
    body: bytes
    error: str = ""


class RequestPort(Protocol):
    """Requests and answers: HTTP/1.1 over kept connections, or the chaos's stand-in."""

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Start a request; its id comes back in the response."""

    def poll(self, now_ns: int) -> list[Response]:
        """Answers and failures since the last call."""

    def close(self) -> None:
        """Close and forget."""

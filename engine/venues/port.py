"""What a role needs of a network, and nothing more: the same roles run over sockets and inside the chaos.

    StreamPort      messages of one connection, both ways       StreamDefaults      what a port without sockets answers
    RequestPort     requests and their answers                  RequestDefaults     the same

A port never blocks. `poll` returns what has arrived since the last call; a lost connection is a state that the next
poll shows, never an exception. A role calls every method of its port without asking first whether it is there: a port
that cannot do something inherits the default, which does nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol


class PortState(IntEnum):
    """How far a connection is."""

    CONNECTING = 1
    OPEN = 2
    CLOSED = 3  # the end: make another port


class TimedFrames(list[bytes]):
    """Frames that were received at different times, from a port that is no socket: `times` has one for each."""

    def __init__(self, frames: Iterable[bytes] = (), times: Iterable[int] = ()) -> None:
        """Keep these frames and the time at which each was received."""
        super().__init__(frames)
        self.times = list(times)

    def join(self, others: "TimedFrames") -> None:
        """Append others."""
        self.extend(others)
        self.times.extend(others.times)


class StreamPort(Protocol):
    """A message stream: a WebSocket, or what replaces one in the chaos, in a replay and in tests."""

    @property
    def state(self) -> PortState:
        """How far the connection was at the last poll."""

    @property
    def error(self) -> str:
        """Why it closed, or empty."""

    @property
    def receive_ns(self) -> int:
        """When the last poll's bytes were read from the socket."""

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun and not ended: such bytes do not show that the peer is alive."""

    @property
    def recorded(self) -> bool:
        """Whether the messages come from a recording: nothing that is sent gets an answer."""

    @property
    def reports_quiet(self) -> bool:
        """Whether `poll_if_changed` returns None when nothing has changed; else each look counts as a change."""

    def poll(self, now_ns: int) -> list[bytes]:
        """Complete messages since the last call, in order; control frames are answered inside."""

    def poll_if_changed(self, now_ns: int) -> list[bytes] | None:
        """The same as `poll`, but None where the port knows that nothing arrived and its state is as it was."""

    def send(self, payload: bytes) -> bool:
        """Queue one text message and push it out; False when the connection is not open."""

    def warm(self, payload: bytes) -> None:
        """Run the code of `send` without sending, so that the processor's caches keep it."""

    def rehearse(self, frame: bytes) -> None:
        """Run the code that receives a frame without receiving one, for the same reason."""

    def fileno(self) -> int:
        """The descriptor that a sleeping process waits for; -1 without one."""

    def interests(self) -> list[Any]:
        """What a `Waiter` waits for."""

    def close(self) -> None:
        """Close and forget."""


class StreamDefaults:
    """The answers of a stream without a socket: it has no descriptor, and nothing to keep warm."""

    unfinished = recorded = reports_quiet = False

    def poll_if_changed(self, now_ns: int) -> list[bytes] | None:
        """Poll: this port does not know whether something has changed."""
        return self.poll(now_ns)  # type: ignore[attr-defined, no-any-return]

    def warm(self, payload: bytes) -> None:
        """Do nothing."""

    def rehearse(self, frame: bytes) -> None:
        """Do nothing."""

    def fileno(self) -> int:
        """No descriptor."""
        return -1

    def interests(self) -> list[Any]:
        """Nothing to wait for."""
        return []


@dataclass(frozen=True, slots=True)
class Response:
    """An answer to a request, or its failure: status 0 means that no answer came (`error` has the reason)."""

    request_id: int
    status: int
    headers: dict[str, str]
    body: bytes
    error: str = ""


class RequestPort(Protocol):
    """Requests and answers: HTTP/1.1 over kept connections, or what replaces it in the chaos, a replay and tests."""

    @property
    def busy(self) -> bool:
        """Whether a request is under way or an answer waits; True where the port does not know."""

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Start a request; its id comes back in the response."""

    def poll(self, now_ns: int) -> list[Response]:
        """Answers and failures since the last call."""

    def interests(self) -> list[Any]:
        """What a `Waiter` waits for."""

    def close(self) -> None:
        """Close and forget."""


class RequestDefaults:
    """The answers of a request port without sockets: it does not know whether it is busy."""

    busy = True

    def interests(self) -> list[Any]:
        """Nothing to wait for."""
        return []

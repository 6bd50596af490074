"""The network of the chaos: carries messages between the roles' ports and the venue's sessions, with latency.

    role ── send ──▶ (due) ──▶ venue.receive          each direction of a connection keeps the order of its messages;
    role ◀── poll ── (due) ◀── session.drain          messages of different connections may overtake each other

Latencies are drawn from the seed: mostly small, sometimes a hundred times larger.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from engine.venues.port import PortState, RequestDefaults, Response, StreamDefaults

if TYPE_CHECKING:
    from engine.loopback.binance.rest import Exchange
    from engine.loopback.binance.session import Session
    from engine.loopback.binance.venue import BinanceVenue

SLOW_PERMILLE = 3


@dataclass(frozen=True, slots=True)
class Latency:
    """The range of the latency of one message."""

    least_ns: int = 50_000
    most_ns: int = 400_000
    slow_ns: int = 30_000_000  # the maximum of a slow message


class Network:
    """All connections, and the messages on their way to the venue."""

    def __init__(self, venue: "BinanceVenue", seed: int, latency: Latency) -> None:
        """Begin without connections."""
        self.venue = venue
        self.now_ns = venue.now_ns
        self._random = Random(f"network:{seed}")  # noqa: S311 - a chaos must be repeatable
        self._latency = latency
        self._count = 0
        self._due: list[tuple[int, int, Callable[[int], None]]] = []
        self._streams: list[SimulatedStream] = []
        self._requests: list[SimulatedRequests] = []

    def step(self, now_ns: int) -> None:
        """Deliver what is due to the venue, each at its time, step the venue, and carry its messages back."""
        while self._due and self._due[0][0] <= now_ns:
            due_ns, _, act = heapq.heappop(self._due)
            self.now_ns = due_ns
            act(due_ns)
        self.now_ns = now_ns
        self.venue.step(now_ns)
        self.venue.changed.clear()
        for stream in self._streams:
            stream.carry_back(now_ns)
        for port in self._requests:
            port.carry_back(now_ns)
        self._streams = [stream for stream in self._streams if not stream.over]
        self._requests = [port for port in self._requests if not port.over]

    def stream(self, path: str) -> "SimulatedStream":
        """Open a WebSocket connection."""
        stream = SimulatedStream(self, path)
        self._streams.append(stream)
        return stream

    def requests(self) -> "SimulatedRequests":
        """Open a port for REST requests."""
        port = SimulatedRequests(self)
        self._requests.append(port)
        return port

    def later(self, due_ns: int, act: Callable[[int], None]) -> None:
        """Call `act` at the venue when it is due."""
        self._count += 1
        heapq.heappush(self._due, (due_ns, self._count, act))

    def draw_latency_ns(self) -> int:
        """Draw the latency of one message."""
        if self._random.randrange(1_000) < SLOW_PERMILLE:
            return self._random.randrange(self._latency.least_ns, self._latency.slow_ns)
        return self._random.randrange(self._latency.least_ns, self._latency.most_ns)

    def cut(self, kind: str) -> None:
        """Close every connection of a kind."""
        self.venue.disconnect(kind, "cut by the chaos")


class SimulatedStream(StreamDefaults):
    """A `StreamPort` on one session of the venue."""

    def __init__(self, network: Network, path: str) -> None:
        """Start to connect."""
        self.state = PortState.CONNECTING
        self.error = ""
        self.receive_ns = network.now_ns
        self._network = network
        self._session: Session | None = None
        self._up_ns = self._down_ns = network.now_ns
        self._arriving: deque[tuple[int, bytes | None]] = deque()  # None: the connection's end
        self._open_ns = 0
        self._left = self._ended = False
        network.later(self._upward(), lambda due_ns: self._connect(path, due_ns))

    def poll(self, now_ns: int) -> list[bytes]:
        """The frames that have arrived by now."""
        if self.state is PortState.CONNECTING and self._session is not None and self._open_ns <= now_ns:
            self.state = PortState.OPEN
        frames: list[bytes] = []
        while self._arriving and self._arriving[0][0] <= now_ns and self.state is PortState.OPEN:
            frame = self._arriving.popleft()[1]
            if frame is None:
                self.state, self.error = PortState.CLOSED, "closed by the venue"
            else:
                frames.append(frame)
        if frames:
            self.receive_ns = now_ns
        return frames

    def send(self, payload: bytes) -> bool:
        """Send a message; False when the connection is not open."""
        if self.state is not PortState.OPEN:
            return False
        self._network.later(self._upward(), lambda due_ns: self._arrive(payload, due_ns))
        return True

    def close(self) -> None:
        """Close the connection; called by the role or, after its death, by the cleanup."""
        if not self._left:
            self._left, self.state = True, PortState.CLOSED
            self._network.later(self._upward(), self._end)

    def carry_back(self, now_ns: int) -> None:
        """Send the session's messages back to the role; called at every step of the network."""
        session = self._session
        if session is None or self._ended:
            return
        for frame in session.drain():
            self._arriving.append((self._downward(now_ns), frame))
        if session.closed:
            self._ended = True
            self._arriving.append((self._downward(now_ns), None))

    @property
    def over(self) -> bool:
        """Whether both sides have closed."""
        return self._left and self._ended

    def _connect(self, path: str, due_ns: int) -> None:
        self._session = self._network.venue.connect(path, due_ns)
        self._open_ns = self._downward(due_ns)

    def _arrive(self, payload: bytes, due_ns: int) -> None:
        assert self._session is not None, "a message overtook its connection"
        self._network.venue.receive(self._session, payload, due_ns)

    def _end(self, due_ns: int) -> None:
        assert self._session is not None, "an end overtook its connection"
        self._network.venue.step(due_ns)
        self._network.venue.disconnect(self._session, "closed by the client")
        self._ended = True

    def _upward(self) -> int:
        self._up_ns = max(self._up_ns, self._network.now_ns + self._network.draw_latency_ns())
        return self._up_ns

    def _downward(self, now_ns: int) -> int:
        self._down_ns = max(self._down_ns, now_ns + self._network.draw_latency_ns())
        return self._down_ns


class SimulatedRequests(RequestDefaults):
    """A `RequestPort` on the venue's REST side."""

    def __init__(self, network: Network) -> None:
        """Begin without requests."""
        self._network = network
        self._count = 0
        self._open: dict[int, Exchange] = {}
        self._arriving: list[tuple[int, Response]] = []
        self._left = False

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Send a request; its number."""
        self._count += 1
        number = self._count
        due_ns = max(now_ns, self._network.now_ns) + self._network.draw_latency_ns()
        self._network.later(due_ns, lambda at_ns: self._arrive(number, (method, target, headers, body), at_ns))
        return number

    def poll(self, now_ns: int) -> list[Response]:
        """The answers that have arrived by now."""
        arrived = sorted((one for one in self._arriving if one[0] <= now_ns), key=lambda one: one[0])
        self._arriving = [one for one in self._arriving if one[0] > now_ns]
        return [response for _, response in arrived]

    def close(self) -> None:
        """Drop all further answers."""
        self._left = True

    def carry_back(self, now_ns: int) -> None:
        """Send the finished answers back to the role."""
        for number, exchange in list(self._open.items()):
            if exchange.answer is not None:
                del self._open[number]
                status, headers, body = exchange.answer
                error = "" if status else "connection reset"
                response = Response(number, status, headers, body, error)
                self._arriving.append((now_ns + self._network.draw_latency_ns(), response))

    @property
    def over(self) -> bool:
        """Whether the port is closed."""
        return self._left

    def _arrive(self, number: int, request: tuple[str, str, dict[str, str], bytes], due_ns: int) -> None:
        self._open[number] = self._network.venue.request(*request, due_ns)

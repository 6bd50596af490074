"""HTTP/1.1 over kept connections as a `RequestPort`: never waits, and never sends a request twice.

    request -> [backlog] -> a free connection -> h11 -> Response
                                 |
                                 lost, late, broken -> Response with status 0 and the reason

A failure shows whether the request can have reached the venue: `error` begins with "not sent: " when no byte of the
request left, and with "sent: " when it may have arrived. Only a request of the first kind may be repeated without a
check; this port repeats neither.
"""

from collections import deque
from itertools import count

from engine.venues.port import Response
from engine.venues.wire.dial import Place
from engine.venues.wire.exchange import Exchange, Request
from engine.venues.wire.options import HttpOptions, Interest


class HttpPort:
    """Requests to one server, one at a time on each connection."""

    def __init__(self, url: str, options: HttpOptions | None = None) -> None:
        """Requests go to the host of this URL; connections are made when they are needed."""
        self._place = Place.of(url)
        self._options = options or HttpOptions()
        self._exchanges: list[Exchange] = []
        self._backlog: deque[Request] = deque()
        self._answers: list[Response] = []
        self._ids = count(1)

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Start a request; its id comes back in the response."""
        deadline_ns = now_ns + self._options.request_timeout_ns
        request = Request(next(self._ids), method, target, headers, body, deadline_ns)
        if len(self._backlog) >= self._options.backlog_limit:
            self._answers.append(request.failed(f"not sent: {len(self._backlog)} requests wait already"))
        else:
            self._backlog.append(request)
            self._hand_out(now_ns)
        return request.request_id

    def poll(self, now_ns: int) -> list[Response]:
        """Answers and failures since the last call."""
        for exchange in self._exchanges:
            answer = exchange.advance(now_ns)
            if answer is not None:
                self._answers.append(answer)
        self._exchanges = [exchange for exchange in self._exchanges if not exchange.closed]
        self._expire(now_ns)
        if self._backlog:
            self._hand_out(now_ns)
        answers, self._answers = self._answers, []
        return answers

    def interests(self) -> list[Interest]:
        """What a `Waiter` waits for."""
        return [interest for exchange in self._exchanges for interest in exchange.interests()]

    @property
    def busy(self) -> bool:
        """Whether a request is under way, or an answer was not polled yet."""
        return bool(self._backlog or self._answers) or not all(exchange.idle for exchange in self._exchanges)

    @property
    def connections(self) -> int:
        """How many connections there are, in use or kept."""
        return len(self._exchanges)

    def close(self) -> None:
        """Close and forget; requests under way get no answer."""
        for exchange in self._exchanges:
            exchange.close()
        self._exchanges.clear()
        self._backlog.clear()

    def _hand_out(self, now_ns: int) -> None:
        """Give waiting requests to free connections, kept ones first; close those that the venue closed meanwhile."""
        for exchange in self._exchanges:
            if self._backlog and exchange.idle and exchange.still_open():
                exchange.begin(self._backlog.popleft(), now_ns)
        self._exchanges = [exchange for exchange in self._exchanges if not exchange.closed]
        while self._backlog and len(self._exchanges) < self._options.connection_limit:
            exchange = Exchange(self._place, self._options)
            self._exchanges.append(exchange)
            exchange.begin(self._backlog.popleft(), now_ns)

    def _expire(self, now_ns: int) -> None:
        """Fail the requests that waited too long for a connection, oldest first."""
        while self._backlog and now_ns >= self._backlog[0].deadline_ns:
            self._answers.append(self._backlog.popleft().failed("not sent: no connection was free in time"))

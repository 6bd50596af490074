"""The session at the venue: connect, measure its clock, log on, subscribe, and keep every request's fate known.

    down ─▶ connecting ─▶ clock ─▶ logon ─▶ subscribe ─▶ up          any failure: down, and again after a pause

Every request is remembered until its answer. One that is not answered in time, or whose connection ended, is answered
here with UNKNOWN, so whoever sent it always hears. A venue that does not answer the clock's question is mute: the
connection is given up. One that refuses to tell the time lives: it is asked again when it is due, or may be.
"""

import logging
from collections.abc import Callable
from enum import IntEnum
from itertools import count
from typing import NamedTuple, Protocol

from engine.execution.config import ExecutionOptions
from engine.execution.orders.order import Order
from engine.execution.seams import ExecutionPorts
from engine.venues.port import PortState, StreamPort
from engine.venues.trading.clock import VenueClock
from engine.venues.trading.news import Frame, News, Outcome, UnreadableError

logger = logging.getLogger("engine.execution")

MILLISECOND_NS = 1_000_000
SILENCE_MOST_NS = 3 * 86_400_000 * MILLISECOND_NS  # the longest ban that a venue is known to give
CLOCK_SAMPLES = 3  # before the first signed request


class Ask(IntEnum):
    """What a request was."""

    TIME = 1
    LOGON = 2
    SUBSCRIBE = 3
    PLACE = 4
    CANCEL = 5
    REPLACE = 6
    STATUS = 7
    STRANGER = 8  # one order by the venue's id
    OPEN_ORDERS = 9
    FILLS_OF = 10
    FILLS_FROM = 11
    FILLS_LAST = 12
    BALANCES = 13
    RIGHT = 14  # whether this key and account may place orders


class Stage(IntEnum):
    """Where the session stands."""

    DOWN = 0
    CONNECTING = 1
    CLOCK = 2
    LOGON = 3
    SUBSCRIBE = 4
    UP = 5


UP, CONNECTING, PLACE = Stage.UP, Stage.CONNECTING, Ask.PLACE
CLOSED = PortState.CLOSED
NO_DENIAL = (0, "")
BARRED = -2010, "the account may not trade (account.status: canTrade is false)"
REPORT, ANSWER = Frame.REPORT, Frame.ANSWER


class Request(NamedTuple):
    """A request that waits for its answer. `number` is an instrument or a venue's id, as its kind has it."""

    kind: int
    sent_ns: int
    order: Order | None = None
    other: Order | None = None
    instrument: int = 0
    number: int = 0


class Listener(Protocol):
    """Who is told what the venue says."""

    def on_up(self, now_ns: int) -> None:
        """The session stands."""

    def on_down(self, now_ns: int) -> None:
        """The session ended; every open request has been answered with UNKNOWN."""

    def on_answer(self, request: Request, news: News, now_ns: int) -> None:
        """An answer, or the word that there will be none."""

    def on_report(self, news: News, now_ns: int) -> None:
        """Unasked news of an order."""

    def on_transfer(self, asset: str, amount: int, now_ns: int) -> None:
        """A deposit or a withdrawal, at FEE_DECIMALS."""

    def on_unreadable(self, error: UnreadableError, now_ns: int) -> None:
        """The venue said something that cannot be read, whatever it was."""


class Gateway:
    """One session at a time."""

    def __init__(self, config: ExecutionOptions, ports: ExecutionPorts, listener: Listener) -> None:
        """Begin down, to connect at the first step."""
        self.clock = VenueClock()
        self.wire = ports.wire
        self.stage = Stage.DOWN
        self.connects = 0
        self.error = ""  # why the last session ended, or the present one has not begun
        self.code = 0  # the venue's, where it was the venue that refused or ended it
        self.denied = NO_DENIAL  # why the venue takes no order, where this key or account has no right to place one
        self._connect = ports.connect
        self._listener = listener
        self._port: StreamPort | None = None
        self._requests: dict[int, Request] = {}
        self.numbers = count(1)  # ids of requests
        self._answer_timeout_ns = config.answer_timeout_ns
        self._clock_interval_ns = config.clock_interval_ns
        self._clock_ns = 0
        self._samples = 0
        self._retry_least_ns = self._pause_ns = config.retry_least_ns
        self._retry_most_ns = config.retry_most_ns
        self.retry_ns = 0
        self._began_ns = 0

    @property
    def up(self) -> bool:
        """Whether requests may be sent."""
        return self.stage is UP

    def step(self, now_ns: int) -> int:
        """Read what has come, notice what has not, keep the session going."""
        port = self._port
        if port is None:
            return self._start(now_ns)
        frames = port.poll(now_ns)
        for frame in frames:
            self._take(frame, now_ns)
            if self._port is not port:
                return len(frames)
        if port.state is CLOSED:
            self.drop(now_ns, port.error or "closed")
        elif self.stage is CONNECTING:
            self._await_open(now_ns)
        else:
            self._watch(now_ns)
        return len(frames)

    def expiry_ns(self, now_ns: int) -> int:
        """When a request stamped now must have been refused, by the venue's clock."""
        return self.clock.venue_ns(now_ns) + self.wire.receive_window_ns

    def send(self, request: Request, write: Callable[[int], bytes]) -> bool:
        """Send a request and remember it; False when nothing left."""
        request_id = next(self.numbers)
        if self._port is None or not self._port.send(write(request_id)):
            return False
        self._requests[request_id] = request
        return True

    def next_id(self) -> int:
        """The id for a request that is sent with `push`."""
        return next(self.numbers)

    def push(self, request_id: int, request: Request, payload: bytes) -> bool:
        """Send bytes that carry this id, and remember the request; False when nothing left."""
        left = self.transmit(payload)
        if left:
            self.remember(request_id, request)
        return left

    def transmit(self, payload: bytes) -> bool:
        """Send bytes whose request is remembered next; False when nothing left."""
        return self._port is not None and self._port.send(payload)

    def warm(self, payload: bytes) -> None:
        """Have the port go the way of these bytes without sending them."""
        if self._port is not None:
            self._port.warm(payload)

    def remember(self, request_id: int, request: Request) -> None:
        """Expect the answer to a request that has left."""
        self._requests[request_id] = request

    def measure(self, now_ns: int) -> None:
        """Ask for the venue's clock."""
        self._clock_ns = now_ns + self._clock_interval_ns
        self.send(Request(Ask.TIME, now_ns), self.wire.time)

    def drop(self, now_ns: int, why: str, until_ns: int = 0, code: int = 0) -> None:
        """Give the connection up; everything unanswered is unknown. The next is not begun before `until_ns`.

        `code` is the venue's, where the venue refused or ended the session.
        """
        if self._port is not None:
            self._port.close()
        self._port = None
        was_up, self.stage, self.denied = self.up, Stage.DOWN, NO_DENIAL
        self.retry_ns = max(now_ns + self._pause_ns, until_ns)
        if was_up or why != self.error:  # the same again and again is said once
            logger.warning("session ended", extra={"why": why, "again_ms": (self.retry_ns - now_ns) // MILLISECOND_NS})
        self.error, self.code = why, code
        self._pause_ns = min(self._retry_most_ns, self._pause_ns * 2)
        unanswered, self._requests = self._requests, {}
        for request in unanswered.values():
            if request.kind >= PLACE:
                self._listener.on_answer(request, News(Frame.ANSWER, outcome=Outcome.UNKNOWN), now_ns)
        if was_up:
            self._listener.on_down(now_ns)

    def filenos(self) -> list[int]:
        """The connection's descriptor, where it has one."""
        number = self._port.fileno() if self._port is not None else -1
        return [number] if number >= 0 else []

    def close(self) -> None:
        """Close the connection for good."""
        if self._port is not None:
            self._port.close()
            self._port = None
        self.stage = Stage.DOWN

    def _start(self, now_ns: int) -> int:
        """Connect, when the pause is over."""
        if now_ns < self.retry_ns:
            return 0
        self.connects += 1
        self._port = self._connect(now_ns)
        self._began_ns = now_ns
        self.stage = Stage.CONNECTING
        return 1

    def _await_open(self, now_ns: int) -> None:
        """The first question on a connection is the venue's time: nothing can be stamped before its answer."""
        assert self._port is not None
        if self._port.state is PortState.OPEN:
            self.stage, self._samples = Stage.CLOCK, 0
            self.measure(now_ns)
        elif now_ns - self._began_ns > self._answer_timeout_ns:
            self.drop(now_ns, "no connection in time")

    def _take(self, frame: bytes, now_ns: int) -> None:
        """Read one frame and pass its news on."""
        try:
            news = self.wire.read(frame)
        except UnreadableError as error:
            self._listener.on_unreadable(error, now_ns)
            return
        if news.retry_after_ns:  # asked for more, it would leave orders at the venue that nobody looks after
            news.retry_after_ns = min(news.retry_after_ns, self.clock.venue_ns(now_ns) + SILENCE_MOST_NS)
        if news.kind == REPORT:
            self._listener.on_report(news, now_ns)
        elif news.kind == ANSWER:
            request = self._requests.pop(news.request_id, None)
            if request is None:
                return  # told twice, or after it was given up: its order has been asked about
            if request.kind >= PLACE:
                self._listener.on_answer(request, news, now_ns)
            else:
                self._advance_readable(request, news, now_ns)
        elif news.kind == Frame.TRANSFER:
            self._listener.on_transfer(news.text, news.amount, now_ns)
        elif news.kind == Frame.SHUTDOWN:
            self.drop(now_ns, f"ended by the venue: {news.error} {news.text}".rstrip(), code=news.error)

    def _advance_readable(self, request: Request, news: News, now_ns: int) -> None:
        """The session's own answers; one that cannot be read is as good as none."""
        try:
            self._advance(request, news, now_ns)
        except UnreadableError as error:
            self._listener.on_unreadable(error, now_ns)
            self._refused(request, News(Frame.ANSWER, outcome=Outcome.UNKNOWN, text=error.why), now_ns)

    def _advance(self, request: Request, news: News, now_ns: int) -> None:
        """The session's own answers lead from stage to stage."""
        if news.outcome != Outcome.ACCEPTED:
            self._refused(request, news, now_ns)
        elif request.kind == Ask.TIME:
            self.clock.sample(request.sent_ns, now_ns, self.wire.read_time(news.body))
            self._samples += 1
            if self.stage is Stage.CLOCK and self._samples < CLOCK_SAMPLES:
                self.measure(now_ns)
            elif self.stage is Stage.CLOCK:
                self.stage = Stage.LOGON
                venue_ns = self.clock.venue_ns(now_ns)
                self.send(Request(Ask.LOGON, now_ns), lambda number: self.wire.logon(number, venue_ns))
        elif request.kind == Ask.LOGON:
            self.stage = Stage.SUBSCRIBE
            self.send(Request(Ask.SUBSCRIBE, now_ns), self.wire.subscribe)
        else:
            self.stage = Stage.UP
            self._pause_ns = self._retry_least_ns
            self._listener.on_up(now_ns)

    def _refused(self, request: Request, news: News, now_ns: int) -> None:
        """The venue said no, or not now: without a clock or a logon there is no session, but one that stands lives."""
        until_ns = news.retry_after_ns - self.clock.offset_ns if news.retry_after_ns else 0
        why = f"{Ask(request.kind).name.lower()} refused: {news.error} {news.text}".rstrip()
        if request.kind == Ask.TIME and self.stage is UP:
            self._clock_ns = max(self._clock_ns, until_ns)
            logger.warning("the venue's clock was not told", extra={"why": why})
        else:
            self.drop(now_ns, why, until_ns, news.error)

    def _watch(self, now_ns: int) -> None:
        """Answer in the venue's stead what it did not answer in time, and measure its clock when due."""
        while self._requests:
            request_id, request = next(iter(self._requests.items()))
            if now_ns - request.sent_ns <= self._answer_timeout_ns:
                break
            if request.kind < Ask.PLACE:
                self.drop(now_ns, "mute")
                return
            del self._requests[request_id]
            self._listener.on_answer(request, News(Frame.ANSWER, outcome=Outcome.UNKNOWN), now_ns)
        if self.stage is UP and now_ns >= self._clock_ns:
            self.measure(now_ns)

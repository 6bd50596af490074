"""How a session at Binance comes up and stays up, and that every request is answered.

    down ─▶ connecting ─▶ clock ─▶ logon ─▶ subscribe, limits ─▶ up          any failure: down, and again after a pause

Every request is kept until its answer. If the answer does not come within `answer_timeout_ns`, or the connection ends,
the request is answered here with UNKNOWN. If the venue does not answer a request for its time, the connection is
closed. If it refuses that request, the connection stays, and the request is repeated when it is due or allowed again.

Each answer has the venue's limits with their use, which correct the budget. Those of the account's orders are only in
the answers about orders, so the session asks for them before it is up: the first order leaves with every limit known.
"""

import logging
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from itertools import count

from engine.meters import current as meters
from engine.meters.table import place_of
from engine.venues.binance.trading.reader import BARRED, BinanceTrading
from engine.venues.binance.trading.requests import COSTS, OF_SESSION
from engine.venues.port import PortState, StreamPort
from engine.venues.session import (
    UNANSWERED,
    Answer,
    Ask,
    Denial,
    Request,
    SessionListener,
    SessionOptions,
    Stage,
)
from engine.venues.trading.budget import Cost, VenueBudget
from engine.venues.trading.clearance import Clearance
from engine.venues.trading.clock import VenueClock
from engine.venues.trading.news import Frame, News, Outcome, UnreadableError
from engine.venues.trading.right import TradingRight

SESSION_LOSSES = place_of("session_losses")
logger = logging.getLogger("engine.execution")

MILLISECOND_NS = 1_000_000
SILENCE_MOST_NS = 3 * 86_400_000 * MILLISECOND_NS  # the longest ban that Binance gives
CLOCK_SAMPLES = 3  # before the first signed request
FRAMES_MOST = 16  # in one step, those of four orders: intents that have come are read before the rest


class Step(IntEnum):
    """The session's own requests, beside those of `Ask`."""

    LIMITS = -4
    TIME = -3
    LOGON = -2
    SUBSCRIBE = -1


UP, CONNECTING = Stage.UP, Stage.CONNECTING
CLOSED = PortState.CLOSED
REPORT, ANSWER = Frame.REPORT, Frame.ANSWER
ACCEPTED, REPLACE = Outcome.ACCEPTED, Ask.REPLACE
ORDER_ANSWERS = frozenset({Ask.PLACE, Ask.STATUS, Ask.OWNER})
FILL_ANSWERS = frozenset({Ask.FILLS_OF, Ask.FILLS_SINCE, Ask.NEWEST_FILL})


class Stages:
    """The half of a session that execution does not ask for: connection, clock, logon, answers."""

    def __init__(
        self,
        wire: BinanceTrading,
        connect: Callable[[int], StreamPort],
        options: SessionOptions,
        listener: SessionListener,
    ) -> None:
        """Begin down, to connect at the first step; `connect` begins a connection at a time."""
        self.clock = VenueClock()
        self.budget = VenueBudget(self.clock)
        self.clearance = Clearance()
        self.receive_window_ns = wire.receive_window_ns
        self.stage = Stage.DOWN
        self.connects = 0
        self.error = ""
        self.code = ""
        self.retry_ns = 0
        self._wire, self._connect, self._options, self._listener = wire, connect, options, listener
        self._right = TradingRight()
        self._port: StreamPort | None = None
        self._frames: deque[bytes] = deque()  # that were received and not read yet
        self._requests: dict[int, Request] = {}
        self._numbers = count(1)  # ids of requests
        self._clock_ns = self._began_ns = 0
        self._samples = 0
        self._pause_ns = options.retry_least_ns

    @property
    def up(self) -> bool:
        """Whether requests may be sent."""
        return self.stage is UP

    @property
    def denied(self) -> Denial:
        """Why the venue accepts no order from this key or account."""
        return self._right.denied

    def step(self, now_ns: int) -> int:
        """Read what has arrived, answer what is overdue, keep the session up: how many frames were read.

        What one step does not read is read by the next ones, before anything else is received or overdue.
        """
        port, frames = self._port, self._frames
        if port is None:
            return self._start(now_ns)
        if not frames:
            frames.extend(port.poll(now_ns))
        count = min(len(frames), FRAMES_MOST)
        for _ in range(count):
            self._receive(frames.popleft(), now_ns)
            if self._port is not port:
                return count
        if frames:
            return count
        if port.state is CLOSED:
            self._drop(now_ns, port.error or "closed")
        elif self.stage is CONNECTING:
            self._await_open(now_ns)
        else:
            self._watch(now_ns)
        return count

    def filenos(self) -> list[int]:
        """The connection's descriptor, where it has one."""
        number = self._port.fileno() if self._port is not None else -1
        return [number] if number >= 0 else []

    def close(self) -> None:
        """Close the connection; the session makes no other one."""
        if self._port is not None:
            self._port.close()
            self._port = None
        self.stage = Stage.DOWN

    def _send(self, number: int, payload: bytes, request: Request) -> bool:
        """Send a request and keep it until its answer; False when nothing left."""
        if self._port is None or not self._port.send(payload):
            return False
        self._requests[number] = request
        self.budget.spend(_cost(request), request.sent_ns)
        return True

    def _drop(self, now_ns: int, why: str, until_ns: int = 0, code: str = "") -> None:
        """Give the connection up; everything unanswered is unknown. The next is not begun before `until_ns`.

        `code` is the venue's, where the venue refused or ended the session.
        """
        if self._port is not None:
            self._port.close()
        self._port = None
        self._frames.clear()
        was_up, self.stage = self.up, Stage.DOWN
        self._right.reset()
        self.retry_ns = max(now_ns + self._pause_ns, until_ns)
        if was_up or why != self.error:  # the same reason again and again is logged once
            logger.warning("session ended", extra={"why": why, "again_ms": (self.retry_ns - now_ns) // MILLISECOND_NS})
        self.error, self.code = why, code
        self._pause_ns = min(self._options.retry_most_ns, self._pause_ns * 2)
        unanswered, self._requests = self._requests, {}
        self.budget.forget()
        self.clock.abandon(now_ns)
        for request in unanswered.values():
            if request.kind > 0:
                self._listener.on_answer(request, UNANSWERED, now_ns)
        if was_up:
            meters.add(SESSION_LOSSES)
            self._listener.on_down(now_ns)

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
        assert self._port is not None, "a connection is awaited that was not begun"
        if self._port.state is PortState.OPEN:
            self.stage, self._samples = Stage.CLOCK, 0
            self._measure(now_ns)
        elif now_ns - self._began_ns > self._options.answer_timeout_ns:
            self._drop(now_ns, "no connection in time")

    def _measure(self, now_ns: int) -> None:
        """Ask for the venue's clock."""
        self._clock_ns = now_ns + self._options.clock_interval_ns
        number = next(self._numbers)
        if self._send(number, self._wire.time(number), Request(Step.TIME, now_ns)):
            self.clock.ask(now_ns)

    def _receive(self, frame: bytes, now_ns: int) -> None:
        """Read one frame and report its content."""
        try:
            news = self._wire.read(frame)
        except UnreadableError as error:
            self._listener.on_unreadable(error, now_ns)
            return
        if news.kind == REPORT:
            assert news.order is not None, "a report without its order"
            self._listener.on_report(news.order, news.fill, now_ns)
        elif news.kind == ANSWER:
            request = self._requests.pop(news.request_id, None)
            if request is None:
                return  # answered twice, or after it was given up: its order has been asked about
            self.budget.settle(_cost(request), now_ns)
            if request.kind > 0:
                self._answer(request, news, now_ns)
            else:
                self._advance_readable(request, news, now_ns)
            self.budget.correct(news.request_id, request.sent_ns, news.limits, now_ns)
        elif news.kind == Frame.TRANSFER:
            self._listener.on_transfer(news.text, news.amount, now_ns)
        elif news.kind == Frame.SHUTDOWN:
            self._drop(now_ns, f"ended by the venue: {news.error} {news.text}".rstrip(), code=news.error)

    def _retry_ns(self, news: News, now_ns: int) -> int:
        """Until when the venue asks for silence, by our clock; no longer than a ban, or nothing looks after orders."""
        if not news.retry_after_ns:
            return 0
        return min(news.retry_after_ns - self.clock.offset_ns, now_ns + SILENCE_MOST_NS)

    def _answer(self, request: Request, news: News, now_ns: int) -> None:
        """Pass the venue's answer to a request on, as typed values; one that cannot be read leaves it UNKNOWN."""
        retry_ns = self._retry_ns(news, now_ns)
        answer = Answer(news.outcome, news.error, news.text, retry_ns, source=news.body)
        if news.error:
            answer.gone, answer.denied = self._wire.gone(news.error), self._wire.denied(news.error, news.text)
        try:
            self._read(request, news, answer)
        except UnreadableError as error:
            answer = Answer(Outcome.UNKNOWN, unreadable=error)
        self._right.judge(request.kind, answer)
        self._listener.on_answer(request, answer, now_ns)

    def _read(self, request: Request, news: News, answer: Answer) -> None:
        """Read what the request asked for."""
        wire, body, kind = self._wire, news.body, request.kind
        if kind == REPLACE:
            both = answer.replace = wire.read_replace(news)
            answer.denied = wire.denied(both.place_error, both.place_text)
        elif news.outcome != ACCEPTED:
            return
        elif kind in ORDER_ANSWERS:
            answer.order, answer.fills = wire.read_order(body)
        elif kind == Ask.CANCEL:
            answer.order, answer.orders = wire.read_cancelled(body, request.client_id)
        elif kind == Ask.PAIR:
            answer.orders = wire.read_pair(body)
        elif kind == Ask.AMEND:
            answer.order = wire.read_amended(body)
        elif kind in FILL_ANSWERS:
            answer.fills = wire.read_fills(body)
            answer.more = len(answer.fills) >= wire.fills_limit
        elif kind == Ask.OPEN_ORDERS:
            answer.orders = wire.read_orders(body)
        elif kind == Ask.BALANCES:
            answer.balances, answer.locked = wire.read_balances(body)
            answer.barred = answer.barred if wire.may_trade(body) else BARRED

    def _advance_readable(self, request: Request, news: News, now_ns: int) -> None:
        """The session's own answers; one that cannot be read is the same as none."""
        try:
            self._advance(request, news, now_ns)
        except UnreadableError as error:
            self._listener.on_unreadable(error, now_ns)
            self._refused(request, News(Frame.ANSWER, outcome=Outcome.UNKNOWN, text=error.why), now_ns)

    def _advance(self, request: Request, news: News, now_ns: int) -> None:
        """The session's own answers lead from stage to stage."""
        if news.outcome != Outcome.ACCEPTED:
            self._refused(request, news, now_ns)
        elif request.kind == Step.TIME:
            self.clock.sample(request.sent_ns, now_ns, self._wire.read_time(news.body))
            self._samples += 1
            if self.stage is Stage.CLOCK and self._samples < CLOCK_SAMPLES:
                self._measure(now_ns)
            elif self.stage is Stage.CLOCK:
                self.stage, number = Stage.LOGON, next(self._numbers)
                payload = self._wire.logon(number, self.clock.venue_ns(now_ns))
                self._send(number, payload, Request(Step.LOGON, now_ns))
        elif request.kind == Step.LOGON:
            self.stage, number = Stage.SUBSCRIBE, next(self._numbers)
            self._send(number, self._wire.subscribe(number), Request(Step.SUBSCRIBE, now_ns))
        elif request.kind == Step.SUBSCRIBE:
            number = next(self._numbers)
            self._send(number, self._wire.limits(number, self.clock.venue_ns(now_ns)), Request(Step.LIMITS, now_ns))
        else:
            self.budget.correct(news.request_id, request.sent_ns, self._wire.read_limits(news.body), now_ns)
            self.stage = Stage.UP
            self._pause_ns = self._options.retry_least_ns
            self._listener.on_up(now_ns)

    def _refused(self, request: Request, news: News, now_ns: int) -> None:
        """The venue refused a request: without a clock or a logon no session comes up; one that is up stays up."""
        until_ns = self._retry_ns(news, now_ns)
        why = f"{Step(request.kind).name.lower()} refused: {news.error} {news.text}".rstrip()
        if request.kind == Step.TIME and self.stage is UP:
            self._clock_ns = max(self._clock_ns, until_ns)
            logger.warning("the venue refused a request of the session", extra={"why": why})
        else:
            self._drop(now_ns, why, until_ns, news.error)

    def _watch(self, now_ns: int) -> None:
        """Answer in the venue's place what it did not answer in time, and measure its clock when due."""
        while self._requests:
            number, request = next(iter(self._requests.items()))
            if now_ns - request.sent_ns <= self._options.answer_timeout_ns:
                break
            if request.kind < 0:
                self._drop(now_ns, "mute")
                return
            del self._requests[number]
            self.budget.settle(_cost(request), now_ns)
            self._listener.on_answer(request, UNANSWERED, now_ns)
        if self.stage is UP and now_ns >= self._clock_ns:
            self._measure(now_ns)


def _cost(request: Request) -> Cost:
    """What a request adds to the venue's limits."""
    return COSTS.get(request.kind, OF_SESSION)

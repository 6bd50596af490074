"""Recovery: asks the venue until every order and fill of ours is known, and only then lets trading begin.

After every connect, and every `audit_interval_ns` while the session is up:
    1. list the open orders: ours that we know are brought up to date, ours that we do not know are adopted (and by
       policy cancelled), others' are reported and never touched
    2. query every order whose outcome is unknown, and each open one that the list does not contain
    3. list the account's fills from the watermark on, to the end; a fill of an unknown order is held until the venue
       has answered whose order it is
    4. fetch the fills of every order whose fills did not all arrive
    5. send a test order, which the venue never places: it shows whether the key and the account may trade, before a
       real order is rejected. If they may not, the test is repeated at each audit
When all five are done for the first time on a connection, `complete` becomes true.

"No such order" counts as an answer only if the query was sent after the request had expired by the slowest clock that
the venue can have, plus a margin. Before that the request may still arrive at the venue. If fills of such an order were
missing in an earlier life, which did not record how many, the account's fills are listed once more: then all are known.
"""

from collections import deque

from engine.execution.config import ExecutionConfig
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import CREATED, EXPIRED, IN_FLIGHT, REJECTED, SENT, UNKNOWN, Order
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.audit import Audit
from engine.execution.venue.broker import Broker
from engine.execution.venue.questions import Questions
from engine.execution.venue.strangers import Strangers
from engine.model.text import shown
from engine.model.words import OrderFlag
from engine.venues.session import NO_DENIAL, Answer, Ask, Request, VenueSession
from engine.venues.trading.budget import QUESTION, Priority
from engine.venues.trading.fill_order import NOWHERE
from engine.venues.trading.news import FillNews, OrderNews, Outcome, UnreadableError

SOON_NS = 5_000_000_000
PARALLEL = 16  # questions in flight at a time
FETCHES_MOST = 20  # listings in a row without an order's missing fills, before they count as absent


class Recovery:
    """The questions to the venue, and what follows from their answers."""

    def __init__(
        self, config: ExecutionConfig, blotter: Blotter, session: VenueSession, questions: Questions, broker: Broker,
        strangers: Strangers, alarm: Alarm,
    ) -> None:  # fmt: skip
        """Begin without an answer of the venue."""
        self.complete = False
        self.audit = Audit()  # the newest comparison
        self._config = config
        self._blotter = blotter
        self._session = session
        self._questions = questions
        self._broker = broker
        self._strangers = strangers
        self._alarm = alarm
        self._symbols = {one.id: one.symbol for one in config.instruments}
        self._listed_ns = 0  # when the newest listing of open orders that the venue answered was asked for
        self._scans: deque[int] = deque()
        self._list_due = self._right_due = False
        self._vanished: dict[bytes, tuple[Order, int]] = {}  # orders whose fills the next listing completes, since when
        self._in_flight = 0
        self._audit_ns = 0
        self._quiet_ns = 0  # no question before this time: the venue refused one

    def on_up(self, now_ns: int) -> None:
        """The session is up: ask about everything."""
        self.complete = False
        self._in_flight = 0
        for order in list(self._blotter.live.values()):
            order.answer_cancel()
            if order.state in (CREATED, SENT):
                self._blotter.move(order, UNKNOWN, now_ns)
            if order.state in IN_FLIGHT:
                self._questions.ask(order, now_ns)
            else:  # a cancel that was requested without a session is still due
                self._blotter.changed.append(order)
        self._right_due = True
        self._audit(now_ns)

    def audit_soon(self, now_ns: int) -> None:
        """Compare sooner, because a message could not be read; at most once in `SOON_NS`."""
        self._audit_ns = min(self._audit_ns, now_ns + SOON_NS)

    def audit_now(self, now_ns: int) -> None:
        """Compare orders and fills at once, unless a comparison has begun since this time."""
        if self._audit_ns - self._config.audit_interval_ns < now_ns:
            self._audit_ns = 0

    @property
    def settled(self) -> bool:
        """Whether no question waits for its answer."""
        return not self._open_questions()

    def compared_since(self, since_ns: int) -> bool:
        """Whether the venue's orders and fills were compared after this time; begin a comparison if they were not."""
        self.audit_now(since_ns)
        return self._listed_ns >= since_ns and self.settled

    def on_down(self) -> None:
        """Forget the questions that were sent, because the connection ended; `complete` stays until the next begins."""
        self._in_flight = 0
        self._scans.clear()

    def step(self, now_ns: int) -> None:
        """Ask the questions that are due."""
        if not self._session.up or now_ns < self._quiet_ns:
            return
        if now_ns >= self._audit_ns:
            self._audit(now_ns)
        if self._questions.statuses:
            self._ask_due(now_ns)
        if self._questions.fills:
            self._fetch_due(now_ns)
        if self._right_due and self._room(now_ns):
            self._right_due = False
            self._note(left=self._session.trading_right(self._config.instruments[0].id, now_ns))
        if self._list_due or self._scans or self._strangers.waiting or self._strangers.scanned:
            self._list(now_ns)
        if not self.complete:
            self.complete = not self._open_questions()

    def _list(self, now_ns: int) -> None:
        """List the account's open orders and fills, and ask whose the unknown ones are."""
        if self._list_due and self._room(now_ns):
            self._list_due = False
            self._note(left=self._session.open_orders(now_ns))
        while self._scans and self._room(now_ns) and not self._strangers.full:
            self._scan(self._scans.popleft(), now_ns)
        for instrument, key in self._strangers.due(now_ns, self._room(now_ns)):
            self._note(left=self._session.owner(instrument, key, now_ns))
        self._strangers.close_watermarks(now_ns)

    def on_answer(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Apply an answer, or the lack of one, to one of our questions."""
        self._apply_answer(request, answer, now_ns)
        self._in_flight = max(0, self._in_flight - 1)  # last: an answer to another question comes again as UNKNOWN

    def _apply_answer(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Apply the answer by the kind of its question."""
        if request.kind == Ask.RIGHT:  # the session itself applies this answer
            return
        accepted = answer.outcome == Outcome.ACCEPTED
        if not accepted and not answer.gone:
            self._quiet_ns = max(now_ns + self._config.query_interval_ns, answer.retry_ns)
        if request.kind == Ask.STATUS:
            self._on_status(request, answer, now_ns)
        elif request.kind == Ask.OPEN_ORDERS:
            if accepted:
                self._listed_ns = request.sent_ns
                self._on_open_orders(answer.orders, request.sent_ns, now_ns)
            else:
                self._list_due = True
        elif request.kind == Ask.FILLS_OF:
            self._on_fills_of(request, answer, now_ns)
        elif request.kind == Ask.OWNER:
            self._on_owner(request, answer, now_ns)
        elif accepted:
            self._on_scan(request, answer, now_ns)
        else:
            self._scans.append(request.instrument)

    def _order(self, client_id: bytes) -> Order | None:
        """The order of a question, also when the blotter has forgotten it; None: it was settled long ago."""
        return self._questions.order(client_id) or self._blotter.orders.get(client_id)

    def _open_questions(self) -> bool:
        """Whether a question must still be asked or answered before trading."""
        questions = self._questions
        due = self._list_due or self._right_due or self._scans or questions.fills or questions.statuses
        return bool(due or self._in_flight or self._strangers.waiting)

    def _audit(self, now_ns: int) -> None:
        """Begin a comparison with the venue."""
        self.audit = self.audit.following(now_ns)
        self._audit_ns = now_ns + self._config.audit_interval_ns
        self._list_due = True
        self._right_due = self._right_due or self._session.denied != NO_DENIAL
        self._scans.extend(one.id for one in self._config.instruments if one.id not in self._scans)
        for order in list(self._blotter.orders.values()) if not self.complete else ():
            if order.flags & OrderFlag.FILLS_MISSING:
                self._questions.ask(order, now_ns)  # the venue's answer has the filled size, and so how much is missing

    def _room(self, now_ns: int) -> int:
        """How many more questions may be sent now; 0 while the venue's limits have room for no further one."""
        return 0 if self._session.budget.full(Priority.EXIT, QUESTION, now_ns) else PARALLEL - self._in_flight

    def _note(self, *, left: bool) -> None:
        """Count a question that was sent; one that was not sent is asked after the next connect."""
        if left:
            self._in_flight += 1

    def _ask_due(self, now_ns: int) -> None:
        """Ask about the orders that are due; drop orders that were settled meanwhile."""
        for key, question in list(self._questions.statuses.items()):
            order = question.order
            if not question.due_ns:
                del self._questions.statuses[key]
            elif question.due_ns <= now_ns and self._room(now_ns):
                question.due_ns = now_ns + self._config.answer_timeout_ns + self._config.query_interval_ns
                self._note(left=self._session.status(order.instrument, order.client_id, now_ns))

    def _fetch_due(self, now_ns: int) -> None:
        """Fetch the fills that did not arrive in a report."""
        for key, question in list(self._questions.fills.items()):
            order = question.order
            if not order.missing:
                del self._questions.fills[key]
                self._broker.check_fills(order, now_ns)
            elif question.due_ns <= now_ns and self._room(now_ns):
                question.due_ns = now_ns + self._config.answer_timeout_ns + self._config.query_interval_ns
                self._note(left=self._fetch(order, now_ns))

    def _fetch(self, order: Order, now_ns: int) -> bool:
        """Ask for an order's fills; first for the order itself if its venue id is not known yet."""
        if not order.venue_order_id:
            return self._session.status(order.instrument, order.client_id, now_ns)
        return self._session.fills_of(order.instrument, order.client_id, order.venue_order_id, now_ns)

    def _scan(self, instrument: int, now_ns: int) -> None:
        """List the account's fills after the watermark; without a watermark, ask for the newest fill first."""
        mark = self._blotter.watermarks.get(instrument)
        if mark is None:
            self._note(left=self._session.newest_fill(instrument, now_ns))
        else:
            cursor = self._blotter.fill_order.later(mark, self._strangers.scanned.get(instrument, NOWHERE))
            self._note(left=self._session.fills_since(instrument, cursor, now_ns))

    def _on_status(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Apply the venue's view of one order, or its answer that there is no such order."""
        order, reported = self._order(request.client_id), answer.order
        if order is None:
            return
        if answer.outcome == Outcome.ACCEPTED and reported is not None:
            for fill in answer.fills:
                self._broker.apply_fill(order, fill, now_ns, reported.executed)
            self._broker.apply_news(order, reported, now_ns, answered=True)
        elif answer.gone and self._is_conclusive(order, request.sent_ns):
            order.note_error(answer.error, answer.text)
            self._conclude(order, now_ns)
        elif order.live:
            self._questions.ask(order, max(now_ns + self._config.query_interval_ns, self._conclusive_ns(order)))
        else:
            self._questions.settle(order)

    def _is_conclusive(self, order: Order, asked_ns: int) -> bool:
        """Whether a question asked then was asked after the request's own expiry."""
        return self._session.clock.venue_ns_least(asked_ns) > order.expires_ns + self._config.expiry_margin_ns

    def _conclusive_ns(self, order: Order) -> int:
        """From when on "no such order" is conclusive, by our clock."""
        clock = self._session.clock
        return order.expires_ns + self._config.expiry_margin_ns - clock.offset_ns + clock.doubt_ns + 1

    def _conclude(self, order: Order, now_ns: int) -> None:
        """End an order that never reached the venue, or that the venue has forgotten."""
        self._questions.settle(order)
        if order.flags & OrderFlag.FILLS_MISSING and not order.missing:
            self._vanished[order.client_id] = order, now_ns
            self._scans.append(order.instrument)
        if order.live:
            self._blotter.conclude(order, REJECTED if order.state in IN_FLIGHT else EXPIRED, now_ns)

    def _on_open_orders(self, orders: list[OrderNews], asked_ns: int, now_ns: int) -> None:
        """Compare the venue's open orders with ours."""
        audit, listed = self.audit, self.audit.listed
        audit.asked_ns = asked_ns
        for news in orders:
            if not self._broker.is_ours(news.client_id):
                audit.others += 1
                self._strangers.report(news, now_ns)
                continue
            listed[news.client_id] = news
            if news.client_id not in self._blotter.orders:
                audit.unknown.append(news)
            self._strangers.known_or_adopted(news, now_ns)
        for order in list(self._blotter.live.values()):
            unlisted = order.client_id not in listed and order.open and order.answer_ns < asked_ns
            if unlisted and not self._questions.due_ns(order):
                self._questions.ask(order, now_ns)

    def _on_fills_of(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Apply a listing of one order's fills."""
        order = self._order(request.client_id)
        if order is None:
            return
        if answer.outcome == Outcome.ACCEPTED:
            fills = self._checked_fills(request, answer)
            for fill in fills:
                self._broker.apply_fill(order, fill, now_ns)
            self._blotter.credit(order, fills, now_ns)
            if order.missing and self._questions.count_listing(order) >= FETCHES_MOST:
                self._alarm.fills_absent(order, now_ns)
                self._broker.check_fills(order, now_ns)
        if order.missing:
            again_ns = now_ns + self._config.query_interval_ns
            self._questions.fetch(order, again_ns).due_ns = again_ns

    def _on_scan(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Apply a page of the account's fills; more pages may follow."""
        fills = self._checked_fills(request, answer)
        instrument = request.instrument
        newest = self._newest(fills)
        if request.kind == Ask.NEWEST_FILL:
            self._blotter.watermark(instrument, newest or self._blotter.fill_order.beginning, now_ns)
            return
        self.audit.fills_listed += len(fills)
        self.audit.fills_unknown += sum(not self._blotter.knows_fill(instrument, fill) for fill in fills)
        for fill in fills:
            self._strangers.assign_fill(instrument, fill, now_ns)
        if newest:
            self._strangers.scanned[instrument] = newest
        if answer.more:
            self._scans.appendleft(instrument)
        else:
            self._complete_vanished(instrument, request.sent_ns, now_ns)

    def _complete_vanished(self, instrument: int, listed_ns: int, now_ns: int) -> None:
        """Wait no longer for fills of orders that the venue had forgotten when it listed all fills."""
        for key, (order, since_ns) in list(self._vanished.items()):
            if order.instrument == instrument and listed_ns >= since_ns:
                del self._vanished[key]
                self._broker.check_fills(order, now_ns)

    def _newest(self, fills: list[FillNews]) -> bytes:
        """The cursor after these fills; NOWHERE without fills."""
        order, newest = self._blotter.fill_order, NOWHERE
        for fill in fills:
            newest = order.later(newest, order.cursor_of(fill.fill_id, fill.venue_ns))
        return newest

    def _checked_fills(self, request: Request, answer: Answer) -> list[FillNews]:
        """The fills of a listing; UnreadableError if one is of another instrument or order than was asked about."""
        symbol, of = self._symbols[request.instrument], request.key if request.kind == Ask.FILLS_OF else b""
        for fill in answer.fills:
            if fill.symbol != symbol or (of and fill.venue_order_id != of):
                found, asked = shown(fill.venue_order_id), shown(of) or "any"
                why = f"a fill of order {found} of {fill.symbol}, asked: order {asked} of {symbol}"
                raise UnreadableError(why, answer.source)
        return answer.fills

    def _on_owner(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Apply the answer about the owner of a fill's order."""
        reported = answer.order
        if answer.outcome == Outcome.ACCEPTED and reported is not None:
            if (reported.symbol, reported.venue_order_id) != (self._symbols[request.instrument], request.key):
                found, asked = shown(reported.venue_order_id), shown(request.key)
                why = f"an answer about order {found} of {reported.symbol}, asked: {asked}"
                raise UnreadableError(why, answer.source)
            self._strangers.identify(request.instrument, request.key, reported, now_ns)
        elif answer.gone:
            self._strangers.identify(request.instrument, request.key, None, now_ns)
        else:
            self._strangers.again(request.instrument, request.key, now_ns)

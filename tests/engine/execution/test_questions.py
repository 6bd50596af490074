"""What recovery asks, when it asks it, and what each answer leads to, beside a venue that only keeps the questions."""

from types import SimpleNamespace
from typing import Any

import pytest

from engine.execution.orders.order import Order
from engine.execution.venue.questions import Questions
from engine.execution.venue.recovery import FETCHES_MOST, PARALLEL, SOON_NS, Recovery
from engine.model.words import BUY, OrderFlag, OrderState, OrderType, TimeInForce
from engine.venues.binance.trading.fill_order import BinanceFillOrder
from engine.venues.session import NO_DENIAL, Answer, Ask, Request
from engine.venues.trading.budget import VenueBudget
from engine.venues.trading.clock import VenueClock
from engine.venues.trading.news import FillNews, OrderNews, Outcome, UnreadableError
from tests.engine.execution.memory import BTC, ETH

S = OrderState
NOW = 1_000_000
GONE, BUSY = "-2013", "-1003"
TIMEOUT, PAUSE, AUDIT, MARGIN = 500, 70, 100_000, 40
OFFSET, DOUBT = 9, 2  # of the venue's clock
PAGE = 3  # fills


class Calls:
    """Notes every call of every method, and answers with what was set for it."""

    def __init__(self, **answers: Any) -> None:
        """`answers` by method; None where nothing is set."""
        self.made: list[tuple[Any, ...]] = []
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        """A method of that name."""

        def call(*words: Any, **more: Any) -> Any:
            self.made.append((name, *words, *more.values()))
            return self.answers.get(name)

        return call


class Session:
    """A session that sends every question and keeps it."""

    def __init__(self) -> None:
        """Up."""
        self.up = self.takes = True
        self.denied = NO_DENIAL
        self.asked: list[Request] = []
        self.made: list[tuple[Any, ...]] = []  # the method and its arguments, of each question
        self.budget = VenueBudget(VenueClock())  # without a limit
        self.clock = SimpleNamespace(
            offset_ns=OFFSET, doubt_ns=DOUBT, venue_ns=lambda now: now + OFFSET,
            venue_ns_least=lambda now: now + OFFSET - DOUBT,
        )  # fmt: skip

    def status(self, instrument: int, client_id: bytes, now_ns: int) -> bool:
        """One order."""
        return self._keep(Request(Ask.STATUS, now_ns, client_id), "status", instrument, client_id)

    def owner(self, instrument: int, number: bytes, now_ns: int) -> bool:
        """One order by the venue's id."""
        request = Request(Ask.OWNER, now_ns, instrument=instrument, key=number)
        return self._keep(request, "owner", instrument, number)

    def open_orders(self, now_ns: int) -> bool:
        """The account's."""
        return self._keep(Request(Ask.OPEN_ORDERS, now_ns), "open_orders")

    def fills_of(self, instrument: int, client_id: bytes, number: bytes, now_ns: int) -> bool:
        """One order's."""
        request = Request(Ask.FILLS_OF, now_ns, client_id, instrument=instrument, key=number)
        return self._keep(request, "fills_of", instrument, client_id, number)

    def fills_since(self, instrument: int, cursor: bytes, now_ns: int) -> bool:
        """A page."""
        request = Request(Ask.FILLS_SINCE, now_ns, instrument=instrument, key=cursor)
        return self._keep(request, "fills_since", instrument, cursor)

    def newest_fill(self, instrument: int, now_ns: int) -> bool:
        """The last one."""
        return self._keep(Request(Ask.NEWEST_FILL, now_ns, instrument=instrument), "newest_fill", instrument)

    def trading_right(self, instrument: int, now_ns: int) -> bool:
        """Whether there is one."""
        return self._keep(Request(Ask.RIGHT, now_ns, instrument=instrument), "trading_right", instrument)

    def _keep(self, request: Request, *words: Any) -> bool:
        if self.takes:
            self.asked.append(request)
            self.made.append((*words, request.sent_ns))
        return self.takes


class Bench:
    """Recovery among neighbours that only note what it does to them."""

    def __init__(self) -> None:
        """Nothing is known, nothing is asked, and the audit is far away."""
        config: Any = SimpleNamespace(
            instruments=(BTC, ETH), answer_timeout_ns=TIMEOUT, query_interval_ns=PAUSE, audit_interval_ns=AUDIT,
            expiry_margin_ns=MARGIN,
        )  # fmt: skip
        self.session, self.broker, self.strangers = Session(), Calls(is_ours=True), Calls(due=[])
        self.blotter = Calls()
        self.blotter.fill_order = BinanceFillOrder()
        self.blotter.live, self.blotter.orders, self.blotter.watermarks, self.blotter.changed = {}, {}, {}, []
        self.strangers.waiting, self.strangers.full, self.strangers.scanned = False, False, {}
        self.config, self.questions, self.alarm = config, Questions(), Calls()
        self.recovery = self.fresh()
        self.recovery._audit_ns = NOW * 10

    def fresh(self) -> Recovery:
        """A recovery that has asked nothing yet."""
        neighbours: Any = (self.blotter, self.session, self.questions, self.broker, self.strangers, self.alarm)
        return Recovery(self.config, *neighbours)

    def listings(self, order: Order) -> int:
        """How many listings in a row were without all of the order's fills."""
        question = self.questions.fills.get(order.client_id)
        return 0 if question is None else question.answers

    def order(self, number: int = 1, **values: Any) -> Order:
        """An open order of ours."""
        one = Order(number.to_bytes(16, "big"), number, 3, 1, BUY, OrderType.LIMIT, TimeInForce.GTC, 100, 50)
        one.state = S.OPEN
        for name, value in values.items():
            setattr(one, name, value)
        self.blotter.orders[one.client_id] = one
        if one.live:
            self.blotter.live[one.client_id] = one
        return one

    def step(self, now_ns: int = NOW) -> list[Request]:
        """What is asked in one step."""
        before = len(self.session.asked)
        self.recovery.step(now_ns)
        return self.session.asked[before:]

    def answer(self, request: Request, body: Any = None, now_ns: int = NOW, **words: Any) -> None:
        """An answer; accepted unless the arguments differ."""
        words["gone"] = words.get("error") == GONE
        answer = Answer(**{"outcome": Outcome.ACCEPTED} | words)
        if isinstance(body, tuple):
            answer.order, answer.fills = body
        elif request.kind == Ask.OPEN_ORDERS:
            answer.orders = body or []
        elif body:
            answer.fills, answer.more = body, len(body) >= PAGE
        self.recovery.on_answer(request, answer, now_ns)


@pytest.fixture
def bench() -> Bench:
    """Recovery with nothing to do."""
    return Bench()


def kinds(asked: list[Request]) -> list[Ask]:
    """What was asked."""
    return [Ask(one.kind) for one in asked]


def fill(number: int, order: int = 42, symbol: str = "BTCUSDT") -> FillNews:
    """A fill of the account."""
    return FillNews(symbol, b"", b"%d" % order, b"%d" % number, BUY, 100, 5, 0, b"", False, 0)


def open_order(**words: Any) -> OrderNews:
    """The state of the venue's order 42."""
    reported: dict[str, Any] = {
        "symbol": "BTCUSDT", "client_id": bytes(16), "venue_order_id": b"42", "state": S.OPEN, "side": BUY,
        "price": 100, "size": 50, "executed": 7, "venue_ns": 0,
    }  # fmt: skip
    return OrderNews(**reported | words)


def test_an_order_is_asked_about_from_its_time_on_and_again_only_after_its_answers_time(bench: Bench) -> None:
    """Earlier, it is a question too many; never again, the order's end remains unknown."""
    order = bench.order()
    bench.questions.ask(order, NOW)
    assert bench.step(NOW - 1) == []
    (asked,) = bench.step(NOW)
    assert (asked.kind, asked.client_id, asked.sent_ns) == (Ask.STATUS, order.client_id, NOW)
    assert bench.questions.due_ns(order) == NOW + TIMEOUT + PAUSE
    assert bench.session.made == [("status", 1, order.client_id, NOW)]
    assert bench.step(NOW + TIMEOUT + PAUSE - 1) == []
    assert kinds(bench.step(NOW + TIMEOUT + PAUSE)) == [Ask.STATUS]


def test_an_order_without_a_time_is_asked_about_at_once(bench: Bench) -> None:
    """0 means that nothing is asked."""
    order = bench.order()
    bench.questions.ask(order, 0)
    assert bench.questions.due_ns(order) == 1
    assert kinds(bench.step()) == [Ask.STATUS]
    bench.questions.settle(order)
    bench.step()
    bench.answer(bench.session.asked[0], (open_order(), []))
    assert bench.recovery.settled


def test_only_so_many_questions_are_in_flight(bench: Bench) -> None:
    """A thousand at once are a ban; each answer makes room for one."""
    for number in range(PARALLEL + 2):
        bench.questions.ask(bench.order(number + 1), NOW)
    assert len(bench.step()) == PARALLEL == 16
    assert bench.step() == []
    bench.answer(bench.session.asked[0], (open_order(), []))
    assert len(bench.step()) == 1
    assert not bench.recovery.settled


def test_without_room_nothing_is_asked_whatever_is_due(bench: Bench) -> None:
    """The list, the pages, the fills and the strangers wait for an answer like every other question."""
    bench.recovery._in_flight, bench.recovery._list_due = PARALLEL, True
    bench.recovery._scans.append(1)
    bench.questions.fetch(bench.order(venue_filled=9), NOW)
    assert bench.step() == []
    assert bench.strangers.made[0] == ("due", NOW, 0)


def test_a_new_recovery_is_not_complete_and_compares_at_once(bench: Bench) -> None:
    """Trading waits for it."""
    fresh = bench.fresh()
    assert not fresh.complete
    fresh.step(NOW)
    assert kinds(bench.session.asked) == [Ask.OPEN_ORDERS, Ask.NEWEST_FILL, Ask.NEWEST_FILL]
    assert not fresh.complete


def test_a_question_that_cannot_be_sent_is_not_in_flight(bench: Bench) -> None:
    """It comes again after the next connect, and must not be waited for until then."""
    bench.session.takes = False
    bench.questions.ask(bench.order(), NOW)
    bench.step()
    assert bench.recovery._in_flight == 0
    bench.answer(Request(Ask.STATUS, NOW, bench.order().client_id), (open_order(), []))
    assert bench.recovery._in_flight == 0


def test_nothing_is_asked_without_a_session_or_while_the_venue_forbids_requests(bench: Bench) -> None:
    """The venue's own time is the later of the two; a question that was answered by "gone" is no refusal."""
    order = bench.order(expires_ns=NOW * 2)
    bench.questions.ask(order, NOW)
    bench.session.up = False
    assert bench.step() == []
    bench.session.up = True
    (asked,) = bench.step()
    bench.questions.ask(order, NOW)
    bench.answer(asked, outcome=Outcome.REFUSED, error=GONE)
    bench.questions.ask(order, NOW)
    (asked,) = bench.step()
    bench.answer(asked, outcome=Outcome.REFUSED, error=BUSY)
    bench.questions.ask(order, NOW)
    assert bench.step(NOW + PAUSE - 1) == []
    (asked,) = bench.step(NOW + PAUSE)
    bench.answer(asked, outcome=Outcome.REFUSED, error=BUSY, retry_ns=NOW + 5_000)
    bench.questions.ask(order, NOW)
    assert bench.step(NOW + 5_000 - 1) == []
    assert len(bench.step(NOW + 5_000)) == 1


def test_everything_is_asked_when_a_session_is_up(bench: Bench) -> None:
    """Only the venue knows what happened while execution was not connected."""
    created, sent, unknown = (
        bench.order(1, state=S.CREATED),
        bench.order(2, state=S.SENT),
        bench.order(3, state=S.UNKNOWN),
    )
    open_ = bench.order(4)
    open_.begin_cancel()
    bench.recovery.complete, bench.recovery._in_flight = True, PARALLEL
    bench.recovery.on_up(NOW)
    assert bench.recovery._in_flight == 0
    assert bench.blotter.made == [("move", created, S.UNKNOWN, NOW), ("move", sent, S.UNKNOWN, NOW)]
    assert (bench.blotter.changed, open_.cancel_pending, bench.recovery.complete) == ([open_], False, False)
    asked = bench.step()
    assert [one.client_id for one in asked[:3]] == [one.client_id for one in (created, sent, unknown)]
    assert kinds(asked[3:]) == [Ask.RIGHT, Ask.OPEN_ORDERS, Ask.NEWEST_FILL, Ask.NEWEST_FILL]
    assert [one.instrument for one in asked[5:]] == [1, 2]
    assert not bench.recovery.complete
    bench.recovery._scans.append(1)
    bench.recovery.on_down()
    assert (bench.recovery._in_flight, list(bench.recovery._scans)) == (0, [])


def test_recovery_is_complete_when_no_question_is_left(bench: Bench) -> None:
    """One step sooner and an order is sent beside one that is already there."""
    bench.recovery.on_up(NOW)
    right, listing, *scans = bench.step()
    bench.answer(right)
    assert not bench.recovery.settled
    bench.answer(listing, [])
    for scan in scans:
        bench.answer(scan, [])
    bench.strangers.waiting = True
    bench.step()
    assert not bench.recovery.complete
    bench.strangers.waiting = False
    bench.step()
    assert bench.recovery.complete
    assert bench.recovery.settled
    bench.questions.fetch(bench.order(venue_filled=9), NOW * 2)
    assert not bench.recovery.settled


def test_a_comparison_begins_each_interval_and_an_unlisted_scan_is_not_made_twice(bench: Bench) -> None:
    """It finds a fill that was not reported."""
    bench.recovery._audit_ns = NOW
    assert bench.step(NOW - 1) == []
    bench.recovery._scans.append(2)
    asked = bench.step(NOW)
    assert (kinds(asked), [one.instrument for one in asked[1:]]) == (
        [Ask.OPEN_ORDERS, Ask.NEWEST_FILL, Ask.NEWEST_FILL], [2, 1],
    )  # fmt: skip
    assert bench.step(NOW + AUDIT - 1) == []
    assert len(bench.step(NOW + AUDIT)) == 3


def test_the_missing_fills_of_a_former_life_are_asked_about_until_recovery_is_complete(bench: Bench) -> None:
    """Only the venue knows how much is missing; later, fetching it is enough."""
    order = bench.order(flags=int(OrderFlag.FILLS_MISSING), state=S.CANCELLED)
    bench.order(2, flags=int(OrderFlag.CANCEL_WANTED))
    bench.recovery.complete, bench.recovery._audit_ns = True, NOW
    assert Ask.STATUS not in kinds(bench.step())
    bench.recovery.complete, bench.recovery._audit_ns = False, NOW
    assert [one.client_id for one in bench.step() if one.kind == Ask.STATUS] == [order.client_id]


def test_a_comparison_can_be_brought_forward_and_not_put_off(bench: Bench) -> None:
    """A venue that cannot be read must not be asked at the speed at which it speaks."""
    bench.recovery._audit_ns = NOW + 2 * SOON_NS
    bench.recovery.audit_soon(NOW)
    assert bench.recovery._audit_ns == NOW + SOON_NS == NOW + 5_000_000_000
    bench.recovery.audit_soon(NOW + 1)
    assert bench.recovery._audit_ns == NOW + SOON_NS
    for began, due in ((NOW - 1, 0), (NOW, NOW + AUDIT)):
        bench.recovery._audit_ns = began + AUDIT
        bench.recovery.audit_now(NOW)
        assert bench.recovery._audit_ns == due, "one that has begun since then is enough"


def test_fills_of_an_order_that_the_venue_has_not_named_are_asked_for_by_its_status(bench: Bench) -> None:
    """A listing without the order's id is no request: the venue ends the session for it, again and again."""
    order = bench.order(venue_filled=9)
    order.venue_order_id = b""
    bench.questions.fetch(order, NOW)
    bench.recovery.step(NOW)
    assert bench.session.made == [("status", 1, order.client_id, NOW)]
    order.venue_order_id = b"42"
    bench.recovery.step(NOW + TIMEOUT + PAUSE)
    assert bench.session.made[1:] == [("fills_of", 1, order.client_id, b"42", NOW + TIMEOUT + PAUSE)]


def test_missing_fills_are_fetched_at_their_time_until_they_have_come(bench: Bench) -> None:
    """Fetched for ever they block trading; never, a position is wrong."""
    order = bench.order(venue_filled=9, venue_order_id=b"42")
    bench.questions.fetch(order, NOW)
    bench.questions.fetch(order, NOW - 5)
    assert bench.step(NOW - 1) == []
    (asked,) = bench.step()
    assert (asked.kind, asked.client_id, asked.instrument, asked.key) == (Ask.FILLS_OF, order.client_id, 1, b"42")
    assert bench.session.made == [("fills_of", 1, order.client_id, b"42", NOW)]
    assert bench.step(NOW + TIMEOUT + PAUSE - 1) == []
    assert kinds(bench.step(NOW + TIMEOUT + PAUSE)) == [Ask.FILLS_OF]
    order.filled = 9
    assert bench.step(NOW + 10 * TIMEOUT) == []
    assert bench.broker.made == [("check_fills", order, NOW + 10 * TIMEOUT)]


def test_a_listing_of_an_orders_fills_is_applied_and_repeated_while_some_are_missing(bench: Bench) -> None:
    """After so many answers without them they count as absent, and an operator is alarmed."""
    order = bench.order(venue_filled=9, venue_order_id=b"42")
    request = Request(Ask.FILLS_OF, NOW, order.client_id, instrument=1, key=b"42")
    bench.answer(request, outcome=Outcome.REFUSED, error=BUSY)
    assert bench.listings(order) == 0
    bench.answer(request, [fill(7)])
    assert bench.broker.made == [("apply_fill", order, fill(7), NOW)]
    assert bench.blotter.made == [("credit", order, [fill(7)], NOW)]
    assert (bench.listings(order), bench.questions.fills[order.client_id].due_ns) == (1, NOW + PAUSE)
    assert FETCHES_MOST == 20
    for _ in range(FETCHES_MOST - 2):
        bench.answer(request, [])
    assert bench.alarm.made == []
    bench.answer(request, [])
    assert (bench.alarm.made, bench.broker.made[-1]) == ([("fills_absent", order, NOW)], ("check_fills", order, NOW))
    order.filled = 9
    bench.answer(request, [])
    bench.step(NOW + PAUSE)
    assert (bench.questions.fills, len(bench.alarm.made)) == ({}, 1)


def test_only_listings_in_a_row_count_as_proof_that_fills_are_absent(bench: Bench) -> None:
    """An order of many late fills must not halt its instrument because each of them had to be fetched once."""
    order = bench.order(venue_order_id=b"42")
    request = Request(Ask.FILLS_OF, NOW, order.client_id, instrument=1, key=b"42")
    for filled in range(1, 2 * FETCHES_MOST):
        order.venue_filled = filled
        bench.answer(request, [])
        order.filled = filled  # the fill came with a report, after the listing
        bench.step()
    assert bench.alarm.made == []


def test_an_accepted_answer_brings_fills_first_and_then_the_order(bench: Bench) -> None:
    """The order's end would otherwise look as if its fills were missing."""
    order = bench.order()
    bench.answer(Request(Ask.STATUS, NOW, order.client_id), (open_order(), [fill(7)]))
    assert bench.broker.made == [("apply_fill", order, fill(7), NOW, 7), ("apply_news", order, open_order(), NOW, True)]


@pytest.mark.parametrize(
    ("state", "end"), [(S.SENT, S.REJECTED), (S.UNKNOWN, S.REJECTED), (S.OPEN, S.EXPIRED), (S.CANCELLING, S.EXPIRED)]
)
def test_no_such_order_is_believed_only_after_the_requests_own_expiry(bench: Bench, state: S, end: S) -> None:
    """Before that the request may still be on its way, and the order come to be after it was given up."""
    order = bench.order(state=state)
    bench.questions.ask(order, 5)
    order.expires_ns = NOW + OFFSET - DOUBT - MARGIN
    request = Request(Ask.STATUS, NOW, order.client_id)
    bench.answer(request, outcome=Outcome.REFUSED, error=GONE, text="no such order", now_ns=NOW + 3)
    believable = order.expires_ns + MARGIN - OFFSET + DOUBT + 1
    assert (bench.questions.due_ns(order), order.error, bench.blotter.made) == (
        max(NOW + 3 + PAUSE, believable),
        b"",
        [],
    )
    order.expires_ns -= 1
    bench.answer(request, outcome=Outcome.REFUSED, error=GONE, text="no such order")
    assert (bench.questions.due_ns(order), order.error, order.error_text) == (0, GONE.encode(), b"no such order")
    assert bench.blotter.made == [("conclude", order, end, NOW)]


def test_an_order_that_has_ended_meanwhile_is_not_asked_about_again(bench: Bench) -> None:
    """Neither is its end concluded a second time."""
    order = bench.order(state=S.FILLED, expires_ns=NOW * 3)
    bench.questions.ask(order, 5)
    bench.answer(Request(Ask.STATUS, NOW, order.client_id), outcome=Outcome.UNKNOWN)
    assert bench.questions.due_ns(order) == 0
    bench.questions.ask(order, 5)
    order.expires_ns = 0
    bench.answer(Request(Ask.STATUS, NOW, order.client_id), outcome=Outcome.REFUSED, error=GONE)
    assert (bench.questions.due_ns(order), bench.blotter.made) == (0, [])


def test_a_question_without_an_answer_is_asked_when_the_answer_may_be_believed(bench: Bench) -> None:
    """A later time than the pause, where the request may still be on its way."""
    order = bench.order(state=S.UNKNOWN, expires_ns=NOW + 5_000)
    bench.answer(Request(Ask.STATUS, NOW, order.client_id), outcome=Outcome.UNKNOWN)
    assert bench.questions.due_ns(order) == NOW + 5_000 + MARGIN - OFFSET + DOUBT + 1
    order.expires_ns = 0
    bench.answer(Request(Ask.STATUS, NOW, order.client_id), outcome=Outcome.UNKNOWN)
    assert bench.questions.due_ns(order) == NOW + PAUSE


def test_an_open_order_that_the_list_does_not_show_is_asked_about(bench: Bench) -> None:
    """Unless it was answered after the list was asked for, is not open, or is being asked about."""
    listed, absent, late = bench.order(1), bench.order(2, answer_ns=NOW - 1), bench.order(3, answer_ns=NOW)
    asked, flying = bench.order(4), bench.order(5, state=S.SENT)
    bench.questions.ask(asked, NOW * 2)
    bench.answer(Request(Ask.OPEN_ORDERS, NOW), [open_order(client_id=listed.client_id)], now_ns=NOW + 5)
    orders = (listed, absent, late, asked, flying)
    assert [bench.questions.due_ns(one) for one in orders] == [0, NOW + 5, 0, NOW * 2, 0]
    assert bench.strangers.made == [("known_or_adopted", open_order(client_id=listed.client_id), NOW + 5)]
    bench.broker.answers["is_ours"] = False
    bench.answer(Request(Ask.OPEN_ORDERS, NOW), [open_order(client_id=b"web")])
    assert bench.strangers.made[1:] == [("report", open_order(client_id=b"web"), NOW)]


def test_a_list_or_a_page_that_was_refused_is_asked_for_again(bench: Bench) -> None:
    """Recovery is not complete without it."""
    bench.answer(Request(Ask.OPEN_ORDERS, NOW), outcome=Outcome.UNKNOWN)
    bench.answer(Request(Ask.NEWEST_FILL, NOW, instrument=2), outcome=Outcome.UNKNOWN)
    asked = bench.step(NOW + PAUSE)
    assert [(one.kind, one.instrument) for one in asked] == [(Ask.OPEN_ORDERS, 0), (Ask.NEWEST_FILL, 2)]
    assert bench.session.made == [
        ("open_orders", NOW + PAUSE), ("newest_fill", 2, NOW + PAUSE),
    ]  # fmt: skip


def test_pages_of_fills_begin_after_the_last_known_one_and_continue_while_they_are_full(bench: Bench) -> None:
    """A fill between two pages would be missed for ever."""
    bench.blotter.watermarks[1] = b"0"
    bench.recovery._scans.append(1)
    assert bench.step()[0].key == b"0"
    bench.session.made.clear()
    bench.blotter.watermarks[1] = b"70"
    bench.recovery._scans.append(1)
    (asked,) = bench.step()
    assert (asked.kind, asked.key, bench.session.made) == (
        Ask.FILLS_SINCE, b"70", [("fills_since", 1, b"70", NOW)],
    )  # fmt: skip
    bench.recovery._scans.append(2)
    bench.answer(asked, [fill(72), fill(75), fill(74)])
    assert [one[2].fill_id for one in bench.strangers.made if one[0] == "assign_fill"] == [b"72", b"75", b"74"]
    assert (bench.strangers.scanned, list(bench.recovery._scans)) == ({1: b"75"}, [1, 2])
    page, _ = bench.step()
    assert page.key == b"75"
    bench.answer(page, [fill(77), fill(78)])
    assert (bench.strangers.scanned, list(bench.recovery._scans)) == ({1: b"78"}, [])
    bench.answer(page, [])
    assert bench.strangers.scanned == {1: b"78"}


def test_an_account_without_a_watermark_begins_at_its_newest_fill(bench: Bench) -> None:
    """What was traded before the engine's first start belongs to no position."""
    for body, mark in (([], b"0"), ([fill(7), fill(5)], b"7")):
        bench.answer(Request(Ask.NEWEST_FILL, NOW, instrument=1), body)
        assert bench.blotter.made[-1] == ("watermark", 1, mark, NOW)
    assert "assign_fill" not in [one[0] for one in bench.strangers.made]


@pytest.mark.parametrize(
    ("kind", "key", "reported"),
    [
        (Ask.FILLS_SINCE, b"4", fill(7, symbol="ETHUSDT")),
        (Ask.FILLS_OF, b"42", fill(7, symbol="ETHUSDT")),
        (Ask.FILLS_OF, b"42", fill(7, order=43)),
    ],
)
def test_a_fill_that_was_not_asked_about_cannot_be_read(
    bench: Bench, kind: Ask, key: bytes, reported: FillNews
) -> None:
    """If it were applied, another order's fill would be counted as this one's."""
    with pytest.raises(
        UnreadableError, match=f"a fill of order {reported.venue_order_id.decode()} of {reported.symbol}"
    ):
        bench.answer(Request(kind, NOW, bench.order().client_id, instrument=1, key=key), [reported])


def test_the_owner_of_an_unknown_fill_is_asked_for_and_passed_on(bench: Bench) -> None:
    """An answer about another order would give the fill to a wrong one."""
    bench.strangers.waiting, bench.strangers.answers["due"] = True, [(1, b"42")]
    (asked,) = bench.step()
    assert ("due", NOW, PARALLEL) in bench.strangers.made
    assert ("close_watermarks", NOW) in bench.strangers.made
    assert (asked.kind, asked.instrument, asked.key) == (Ask.OWNER, 1, b"42")
    assert bench.session.made == [("owner", 1, b"42", NOW)]
    bench.strangers.made.clear()
    bench.answer(asked, (open_order(), []))
    bench.answer(asked, outcome=Outcome.REFUSED, error=GONE)
    bench.answer(asked, outcome=Outcome.UNKNOWN)
    assert bench.strangers.made == [
        ("identify", 1, b"42", open_order(), NOW), ("identify", 1, b"42", None, NOW), ("again", 1, b"42", NOW),
    ]  # fmt: skip
    for wrong in (open_order(symbol="ETHUSDT"), open_order(venue_order_id=b"43")):
        with pytest.raises(UnreadableError, match="asked: 42"):
            bench.answer(asked, (wrong, []))


def test_what_was_listed_closes_its_watermark_in_the_next_step(bench: Bench) -> None:
    """Left open, the next life lists everything once more."""
    bench.strangers.scanned[1] = b"7"
    bench.step()
    assert bench.strangers.made == [("due", NOW, PARALLEL), ("close_watermarks", NOW)]
    bench.strangers.scanned.clear()
    bench.step()
    assert len(bench.strangers.made) == 2


def test_the_right_to_trade_is_asked_for_after_each_connect_and_at_each_audit_without_it(bench: Bench) -> None:
    """A key that may not trade is known before an order is refused; one that may is not asked about again."""
    bench.recovery._right_due = True
    assert not bench.recovery.settled
    bench.recovery._in_flight = PARALLEL
    assert bench.step() == []
    bench.recovery._in_flight = 0
    (asked,) = bench.step()
    assert (asked.kind, asked.instrument) == (Ask.RIGHT, 1)
    assert bench.session.made == [("trading_right", 1, NOW)]
    for denied, again in ((NO_DENIAL, 0), (("-2010", "barred"), 1), (NO_DENIAL, 0)):
        bench.session.denied, bench.recovery._audit_ns = denied, NOW
        assert kinds(bench.step()).count(Ask.RIGHT) == again


def test_an_answer_about_the_right_to_trade_changes_nothing_else(bench: Bench) -> None:
    """The session decides whether there is a right; a refusal of this question is no reason to pause."""
    bench.answer(Request(Ask.RIGHT, NOW, instrument=1), outcome=Outcome.REFUSED, error="-1013")
    assert (bench.recovery._quiet_ns, bench.broker.made, bench.blotter.made) == (0, [], [])


def test_an_order_that_the_blotter_has_forgotten_is_still_settled_by_the_answer(bench: Bench) -> None:
    """A question about it is open, and trading waits for its answer."""
    order = bench.order(venue_filled=9, venue_order_id=b"42")
    bench.questions.fetch(order, NOW)
    (asked,) = bench.step()
    bench.blotter.orders.clear()
    bench.answer(asked, [fill(7)])
    assert bench.broker.made == [("apply_fill", order, fill(7), NOW)]


def test_no_page_of_fills_is_listed_while_too_many_wait_for_their_owners(bench: Bench) -> None:
    """An order that is not listed stays above the watermark, and memory within its bound."""
    bench.strangers.full = True
    bench.recovery._scans.append(1)
    assert bench.step() == []
    bench.strangers.full = False
    assert kinds(bench.step()) == [Ask.NEWEST_FILL]

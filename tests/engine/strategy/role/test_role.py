"""The role calls a strategy's hooks in a fixed order, in bounds, and writes its intents to the intents lane."""

from dataclasses import replace
from typing import Any

import pytest

from engine.model.words import (
    BUY,
    SELL,
    BookState,
    CommandKind,
    FillFlag,
    IntentFlag,
    IntentKind,
    OrderState,
    OrderType,
    Reason,
    TimeInForce,
)
from engine.strategy.api.strategy import Strategy
from engine.strategy.role.lane_inputs import READ_LIMIT
from engine.strategy.role.role import StrategyRole
from tests.engine.strategy.conftest import BTC, ETH, NUMBER, Recorder, System, begin

BOOK = ([(99, 30), (98, 5)], [(101, 10)])


def test_a_request_becomes_one_intent_with_its_trace(system: System, recorder: Recorder) -> None:
    """Latency is measured from the tick's receive time in the intent; a wrong one makes every figure a lie."""
    role = system.role(recorder)
    begin(role)
    recorder.act = lambda s: s.place(BTC, BUY, 10, 99, time_in_force=TimeInForce.POST_ONLY, timeout_ns=5, signal=0.5)
    system.book(*BOOK)
    assert role.step(2_000) == 1
    (intent,) = system.intents
    assert (intent.kind, intent.side, intent.size, intent.price, intent.instrument) == (
        IntentKind.PLACE,
        BUY,
        10,
        99,
        1,
    )
    assert (intent.algorithm, intent.parameters) == (0, (0, 0, 0, 0))
    assert (intent.order_type, intent.time_in_force, intent.timeout_ns) == (OrderType.LIMIT, TimeInForce.POST_ONLY, 5)
    assert (intent.now_ns, intent.receive_ns, intent.tick_sequence, intent.signal) == (2_000, 7, 101, 0.5)
    assert intent.intent_id >> 40 == intent.strategy == NUMBER


def test_an_order_with_an_end_time_and_a_reduce_only_one_are_intents_with_both(
    system: System, recorder: Recorder
) -> None:
    """Execution keeps the time and the flag: the strategy may be dead by then."""
    role = system.role(recorder)
    begin(role)
    recorder.act = lambda s: s.place(BTC, BUY, 10, 99, good_till_ns=s.now_ns + 700, reduce_only=True)
    system.book(*BOOK)
    role.step(2_000)
    (intent,) = system.intents
    assert (intent.now_ns + intent.timeout_ns, intent.flags) == (2_700, IntentFlag.REDUCE_ONLY)


@pytest.mark.parametrize(("terms", "text"), [
    ({"good_till_ns": 2_000}, "good_till_ns: found 2000, expected a time in nanoseconds after now, 2000"),
    ({"good_till_ns": 9_000, "timeout_ns": 5}, "timeout_ns: found 5, expected 0 beside good_till_ns"),
    ({"good_till_ns": 1.5}, "good_till_ns: found 1.5"),
])  # fmt: skip
def test_a_wrong_end_time_is_an_error_at_the_call(
    system: System, recorder: Recorder, terms: dict[str, Any], text: str
) -> None:
    """An order that was to end before it began rests for ever, or not at all."""
    role = system.role(recorder)
    begin(role)
    seen: list[str] = []

    def act(strategy: Any) -> None:
        with pytest.raises((ValueError, TypeError)) as error:
            strategy.place(BTC, BUY, 10, 99, **terms)
        seen.append(str(error.value))

    recorder.act = act
    system.book(*BOOK)
    role.step(2_000)
    assert seen
    assert seen[0].startswith(text)
    assert system.intents == []


@pytest.mark.parametrize("call", ["place", "enter"])
def test_an_intent_carries_its_algorithm_as_numbers(system: System, recorder: Recorder, call: str) -> None:
    """Execution knows an algorithm by its number: a parameter in the wrong place is another parameter."""
    role = system.role(recorder)
    begin(role)
    parameters = {"rejects": 7, "interval_ms": 50}
    recorder.act = lambda s: getattr(s, call)(BTC, BUY, 10, 99, algorithm="chase", parameters=parameters)
    system.book(*BOOK)
    role.step(2_000)
    (intent,) = system.intents
    assert (intent.order_type, intent.time_in_force) == (OrderType.LIMIT, TimeInForce.GTC)
    assert (intent.algorithm, intent.parameters) == (1, (50, 7, 0, 0))


def test_hooks_come_in_the_documented_order(system: System, recorder: Recorder) -> None:
    """A decision on a book must know of every fill that came before it, whatever the order of arrival."""
    role = system.role(recorder)
    begin(role)
    system.book(*BOOK)
    system.print_(BUY, 4)
    system.fill(7, BUY, 10)
    system.order(7, OrderState.FILLED)
    system.verdict(8, Reason.PRICE_COLLAR)
    system.command(CommandKind.HALT, strategy=NUMBER)
    system.command(CommandKind.RESUME, strategy=NUMBER)
    role.step(2_000)
    assert recorder.calls == [
        "start", "halt", "resume", ("refusal", 8, Reason.PRICE_COLLAR), ("fill", 10, 10),
        ("order", 7, OrderState.FILLED), ("print", BUY, 4), ("book", 1, 99, 101),
    ]  # fmt: skip


def test_only_the_newest_book_of_a_batch_is_shown(system: System, recorder: Recorder) -> None:
    """Acting on a price that is already known to be old is a wrong order."""
    role = system.role(recorder)
    begin(role)
    for bid in (90, 91, 92):
        system.book([(bid, 5)], [(bid + 1, 5)])
    system.book([(50, 5)], [(51, 5)], of=2)
    assert role.step(2_000) == 4
    assert recorder.calls[1:] == [("book", 1, 92, 93), ("book", 2, 50, 51)]


def test_a_step_reads_no_more_than_its_bound(system: System, recorder: Recorder) -> None:
    """A burst must not keep the role from beating."""
    role = system.role(recorder)
    begin(role)
    for _ in range(READ_LIMIT + 5):
        system.book(*BOOK)
    assert role.step(2_000) == READ_LIMIT
    assert role.step(2_001) == 5
    assert role.step(2_002) == 0


@pytest.mark.parametrize("state", [s for s in BookState if s != BookState.GOOD])
def test_a_book_that_is_not_good_is_not_acted_on(system: System, recorder: Recorder, state: BookState) -> None:
    """A book that could be wrong must not make an order."""
    role = system.role(recorder)
    begin(role)
    system.book(*BOOK, state=state)
    role.step(2_000)
    assert recorder.calls == ["start"]
    system.book(*BOOK)
    role.step(2_001)
    system.book(*BOOK, state=state)
    role.step(2_002)
    system.book(*BOOK, state=state)
    role.step(2_003)
    assert recorder.calls[2:] == [("bad", 1, state)]


def test_a_one_sided_book_is_not_good(system: System, recorder: Recorder) -> None:
    """The best price of an empty side is a zero that must not be traded on."""
    role = system.role(recorder)
    begin(role)
    system.book([(99, 1)], [])
    role.step(2_000)
    assert recorder.calls == ["start"]


def test_records_of_other_strategies_call_no_hook(system: System, recorder: Recorder) -> None:
    """Another strategy's fill in our position would be traded against."""
    role = system.role(recorder)
    begin(role)
    system.fill(7, BUY, 10, strategy=NUMBER + 1)
    system.order(7, OrderState.OPEN, strategy=NUMBER + 1)
    system.command(CommandKind.HALT, strategy=NUMBER + 1)
    system.book(*BOOK, of=9)
    assert role.step(2_000) == 4
    assert recorder.calls == ["start"]
    assert recorder.position(BTC) == 0


def test_a_halted_strategy_submits_nothing_new_and_may_still_cancel(system: System, recorder: Recorder) -> None:
    """A halt that the strategy argues with fills the lane with refusals."""
    role = system.role(recorder)
    begin(role)
    placed = recorder.place(BTC, BUY, 10, 99)
    assert placed is not None
    system.command(CommandKind.HALT)
    system.book(*BOOK)
    role.step(2_000)
    assert recorder.calls[1:] == ["halt"]
    assert recorder.place(BTC, BUY, 10, 99) is None
    assert recorder.replace(placed, 98, 10) is None
    assert recorder.cancel(placed) is not None
    system.command(CommandKind.RESUME)
    role.step(2_001)
    assert recorder.place(BTC, BUY, 10, 99) is not None


def test_a_working_order_lives_from_intent_to_its_end(system: System, recorder: Recorder) -> None:
    """The strategy's own list of orders is what keeps it from quoting twice."""
    role = system.role(recorder)
    begin(role)
    intent = recorder.place(BTC, BUY, 10, 99)
    assert intent is not None
    (order,) = recorder.orders(BTC)
    assert (order.state, order.remaining) == (None, 10)
    system.order(intent, OrderState.PARTLY_FILLED, filled=4, price=99)
    role.step(2_000)
    assert (order.state, order.remaining) == (OrderState.PARTLY_FILLED, 6)
    assert recorder.cancel(intent) is not None
    assert recorder.cancel(intent) is None
    system.order(intent, OrderState.CANCELLED, filled=4, price=99)
    role.step(2_001)
    assert recorder.orders(BTC) == []
    assert order.done


def test_a_refusal_ends_an_intent_and_frees_a_cancel(system: System, recorder: Recorder) -> None:
    """An intent that waits for an order that never comes would mute its side for good."""
    role = system.role(recorder)
    begin(role)
    first, second = recorder.place(BTC, BUY, 10, 99), recorder.place(BTC, SELL, 10, 101)
    assert first is not None
    assert second is not None
    cancel = recorder.cancel(second)
    assert cancel is not None
    system.verdict(first, Reason.ORDER_RATE)
    system.order(second, OrderState.OPEN, side=SELL)
    system.verdict(cancel, Reason.ORDER_RATE, kind=IntentKind.CANCEL)
    role.step(2_000)
    assert [order.intent_id for order in recorder.orders(BTC)] == [second]
    assert recorder.cancel(second) is not None


def test_a_refusal_is_in_the_strategys_log(
    system: System, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """A strategy whose every intent is refused trades nothing, and its log must have the reason."""
    role = system.role(recorder)
    begin(role)
    intent = recorder.place(BTC, BUY, 10, 99)
    assert intent is not None
    system.verdict(intent, Reason.HALTED)
    with caplog.at_level("WARNING"):
        role.step(2_000)
    assert [record.getMessage() for record in caplog.records] == ["refused, HALTED: the system is halted"]


def test_exit_closes_what_is_held_and_nothing_else(system: System, recorder: Recorder) -> None:
    """An exit that overshoots is an entry the other way."""
    role = system.role(recorder)
    begin(role)
    assert recorder.exit(BTC, 90) is None
    system.fill(7, SELL, 12)
    role.step(2_000)
    recorder.exit(BTC, 110)
    assert [(i.side, i.size, i.time_in_force) for i in system.intents] == [(BUY, 12, TimeInForce.IOC)]


def test_an_exit_requested_twice_is_one_exit(system: System, recorder: Recorder) -> None:
    """A hook runs again before the first exit has filled: both filled would be a position the other way."""
    role = system.role(recorder)
    begin(role)
    system.fill(7, BUY, 12)
    role.step(2_000)
    resting = recorder.place(BTC, SELL, 5, 130)
    assert resting is not None
    first = recorder.exit(BTC, 90)
    assert first is not None
    assert recorder.exit(BTC, 90) is None
    system.order(first, OrderState.EXPIRED, side=SELL, size=7)
    role.step(2_001)
    recorder.cancel(resting)
    recorder.exit(BTC, 90)
    system.order(resting, OrderState.CANCELLED, side=SELL, size=5)
    system.fill(first + 1, SELL, 2)
    role.step(2_002)
    recorder.exit(BTC, 90)
    sizes = [intent.size for intent in system.intents if intent.kind == IntentKind.PLACE]
    assert sizes == [5, 7, 7, 3], "what is left beside the orders that work, each time"


def test_a_fee_in_the_base_asset_leaves_the_position(system: System, recorder: Recorder) -> None:
    """Selling what the venue has kept as its fee is a reject, or a short."""
    role = system.role(recorder)
    begin(role)
    for _ in range(3):
        system.fill(7, BUY, 1_000, fee=1_600, fee_asset=b"BTC")
    system.fill(7, BUY, 1_000, fee=1_600, fee_asset=b"BNB")
    role.step(2_000)
    assert recorder.position(BTC) == 3_995  # 4 000 less 4.8, rounded down to what can be sold
    assert recorder.dust(BTC) == 200
    assert recorder.position(BTC) * 1_000 + recorder.dust(BTC) == 4_000_000 - 3 * 1_600


def test_nothing_but_dust_is_flat_and_logged_once(
    system: System, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """An exit for less than the venue's minimum is refused at every book, for ever."""
    costly = replace(BTC, notional_min=50 * 10**7)  # of 50 in quote
    role = system.role(recorder)
    begin(role)
    system.fill(7, BUY, 1, fee=400, fee_asset=b"BTC")
    role.step(2_000)
    assert (recorder.position(BTC), recorder.dust(BTC)) == (0, 600)
    with caplog.at_level("INFO", "engine.strategy"):
        assert [recorder.exit(BTC, 90) for _ in range(3)] == [None] * 3
        system.fill(7, BUY, 1_000)
        role.step(2_001)
        assert recorder.exit(costly, 100) is None
        assert recorder.exit(costly, 10**6) is not None
    assert [(one.symbol, one.held) for one in caplog.records] == [("BTCUSDT", "0.00000600")]
    assert [(intent.side, intent.size) for intent in system.intents] == [(SELL, 1_000)]


def test_an_opening_brings_the_dust_along(system: System, recorder: Recorder) -> None:
    """A FILLS ring made anew begins with what is held: cut to whole sizes, the dust of every life would be lost."""
    role = system.role(recorder)
    system.fill(0, BUY, 999, dust=340, flags=FillFlag.OPENING)
    begin(role)
    assert (recorder.position(BTC), recorder.dust(BTC)) == (999, 340)


class Timed(Recorder):
    """Receives time too."""

    timer_ns = 100

    def on_timer(self, now_ns: int) -> None:
        """Note the call."""
        self.calls.append(("timer", now_ns))


def test_the_timer_is_called_when_it_is_due(system: System) -> None:
    """A strategy has no clock of its own."""
    timed = Timed((BTC, ETH), Strategy.Parameters())
    role = system.role(timed)
    begin(role, 1_000)
    assert [role.step(now) for now in (1_050, 1_101, 1_150, 1_201)] == [0, 1, 0, 1]
    assert timed.calls[1:] == [("timer", 1_101), ("timer", 1_201)]


def test_drain_cancels_what_works_and_ends_when_it_is_gone(system: System, recorder: Recorder) -> None:
    """A strategy that stops and leaves orders leaves them unwatched."""
    role = system.role(recorder)
    begin(role)
    intent = recorder.place(BTC, BUY, 10, 99)
    assert intent is not None
    assert not role.drain(2_000)
    assert [i.kind for i in system.intents][1:] == [IntentKind.CANCEL_ALL] * 2
    assert recorder.place(BTC, BUY, 10, 99) is None
    system.order(intent, OrderState.CANCELLED)
    assert role.drain(2_001)
    assert len(system.intents) == 3


def test_a_full_lane_refuses_the_intent_and_the_strategy_sees_it(system: System, recorder: Recorder) -> None:
    """A dead execution must not block a strategy nor let its intents pile up unseen."""
    role = system.role(recorder)
    begin(role)
    recorder.act = lambda s: [s.place(BTC, BUY, 10, 99) for _ in range(5_000)]
    system.book(*BOOK)
    role.step(2_000)
    accepted = len(system.reader("intents.maker.execution").latest(5_000))
    assert role.counts.intents == accepted < 5_000
    assert role.counts.intents_refused_full == 5_000 - accepted
    assert recorder.calls[-1] == "full"
    system.accept(accepted)
    recorder.act = lambda s: s.place(BTC, BUY, 10, 99)
    system.book(*BOOK)
    role.step(2_001)
    assert role.counts.intents == accepted + 1


def test_lapped_by_books_it_goes_on_with_the_newest(system: System, recorder: Recorder) -> None:
    """A frozen strategy must not work through thousands of books that are history."""
    role = system.role(recorder)
    begin(role)
    system.book([(10, 1)], [(11, 1)], of=2)
    for bid in range(1, 10_000):
        system.book([(bid, 1)], [(bid + 1, 1)])
    role.step(2_000)
    assert recorder.calls[1:] == [("book", 1, 9_999, 10_000)]
    assert role.counts.laps == 1
    assert role.step(2_001) == 0


def test_lapped_by_fills_it_reads_its_position_again_and_clears_the_table(system: System, recorder: Recorder) -> None:
    """Counting on after a hole in the fills gives a position that the account does not have."""
    role = system.role(recorder)
    begin(role)
    system.position(5, 17, fill_sequence=1)
    for _ in range(17_000):
        system.fill(1, BUY, 1, strategy=NUMBER + 1)
    system.fill(7, BUY, 3)
    role.step(2_000)
    role.step(2_001)
    assert recorder.position(BTC) == 20
    assert [i.kind for i in system.intents] == [IntentKind.CANCEL_ALL] * 2


@pytest.mark.parametrize("number", [0, 1 << 24, -1])
def test_a_number_that_is_no_strategys_is_refused(system: System, recorder: Recorder, number: int) -> None:
    """Zero is the whole account, and an intent id has 24 bits for the number."""
    with pytest.raises(ValueError, match="number must be"):
        system.role(recorder, number)
    assert StrategyRole.__name__


@pytest.mark.parametrize("reported", ["before", "with it", "done"])
def test_an_intent_handed_over_twice_is_no_refusal_of_its_order(
    system: System, recorder: Recorder, reported: str
) -> None:
    """Execution that died before it published reads it again; after a refusal the strategy would place a second."""
    role = system.role(recorder)
    begin(role)
    placed = recorder.place(BTC, BUY, 10, 99) or 0
    for _ in range(READ_LIMIT):  # as many as a new life of execution publishes before
        system.order(7, OrderState.OPEN, strategy=NUMBER + 1)
    system.order(placed, OrderState.FILLED if reported == "done" else OrderState.CREATED)
    if reported != "with it":
        role.step(2_000)
        role.step(2_001)
    system.verdict(placed, Reason.DUPLICATE_INTENT)
    role.step(2_002)
    assert [one for one in recorder.calls if one[0] == "refusal"] == []
    assert [order.intent_id for order in recorder.orders(BTC)] == ([] if reported == "done" else [placed])


def test_an_intent_handed_over_twice_that_has_no_order_is_refused(system: System, recorder: Recorder) -> None:
    """Its refusal died with execution: a strategy that never receives one waits for ever."""
    role = system.role(recorder)
    begin(role)
    placed = recorder.place(BTC, BUY, 10, 99) or 0
    system.verdict(placed, Reason.DUPLICATE_INTENT)
    role.step(2_000)
    assert ("refusal", placed, Reason.DUPLICATE_INTENT) in recorder.calls
    assert recorder.orders(BTC) == []


class BooksOnly(Strategy):
    """Decides from books alone."""


@pytest.mark.parametrize(("strategy", "waiting"), [(BooksOnly, 0), (Recorder, 5)])
def test_ticks_count_as_lag_only_where_a_hook_reads_prints(
    system: System, strategy: type[Strategy], waiting: int
) -> None:
    """A lag that grows for ever on a lane that the strategy never reads hides the lag that matters."""
    role = system.role(strategy((BTC,), Strategy.Parameters()))
    begin(role)
    for size in range(1, 6):
        system.print_(BUY, size)
    assert role.lag() == waiting
    role.step(2_000)
    assert role.lag() == 0

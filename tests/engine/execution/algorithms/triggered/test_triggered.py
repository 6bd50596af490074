"""Stops, take-profits and trailing stops: kept by execution until their price, at the venue only from then on."""

import logging
import sys
from pathlib import Path

import pytest

from engine.execution.restore import checkpoint
from engine.model.refusals import refusal_text
from engine.model.words import BUY, SELL, BookState, CommandKind, IntentFlag, ParentStatus, Reason
from tests.engine.execution.algorithms.market import ASK, BID, MarketHouse
from tests.engine.execution.memory import MS, STRATEGY

FAR = 1_000  # price units that the market moves in these tests: ten dollars


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade."""
    return MarketHouse(tmp_path)


def market(house: MarketHouse, moved: int, steps: int = 5) -> None:
    """The whole market at another price."""
    house.venue.bid, house.venue.ask = BID + moved, ASK + moved
    house.turn(steps)


@pytest.mark.parametrize(("name", "side", "terms", "before", "at", "cap"), [
    ("stop", SELL, {"stop_price": BID - FAR}, 1 - FAR, -FAR, "59690.05"),
    ("stop", BUY, {"stop_price": ASK + FAR}, FAR - 1, FAR, "60311.05"),
    ("stop", SELL, {"stop_price": BID - FAR, "slippage_bps": 1}, 1 - FAR, -FAR, "59984.01"),
    ("take_profit", SELL, {"target_price": BID + FAR}, FAR - 1, FAR, "59709.95"),
    ("take_profit", BUY, {"target_price": ASK - FAR}, 1 - FAR, -FAR, "60290.95"),
])  # fmt: skip
def test_nothing_is_at_the_venue_until_the_price_and_then_it_trades_within_its_cap(
    house: MarketHouse, name: str, side: int, terms: dict[str, int], before: int, at: int, cap: str
) -> None:
    """A stop one unit early closes a position that should go on; without a cap a thin book takes everything."""
    intent_id = house.parent(name, 1000, 0, side, **terms)
    market(house, before, 50)
    assert (house.verdict(intent_id), house.children(intent_id)) == (Reason.APPROVED, [])
    market(house, at)
    assert [(one.price, one.executed) for one in house.children(intent_id)] == [(cap, 1000)]
    house.check_ended(intent_id)


@pytest.mark.parametrize("doubt", [BookState.STALE, BookState.SUSPECT, BookState.CROSSED, "old"])
def test_a_doubtful_price_triggers_nothing_and_is_logged(
    house: MarketHouse, doubt: BookState | str, caplog: pytest.LogCaptureFixture
) -> None:
    """The price of a wrong book sells a position for nothing; one that waits in silence protects no position."""
    intent_id = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR)
    house.turn(5)
    with caplog.at_level(logging.WARNING):
        if doubt == "old":
            house.run(10, 1_100 * MS)
        else:
            bid = BID - 2 * FAR
            house.book(bid, bid if doubt == BookState.CROSSED else bid + 100, state=BookState(int(doubt)))
            house.run(3, 4_000 * MS)
    assert house.children(intent_id) == []
    assert any("kept orders are not triggered" in one.getMessage() for one in caplog.records)
    market(house, -FAR)
    assert house.filled(intent_id) == 1000


def test_a_stop_waits_for_an_open_order_that_closes_the_position_already(house: MarketHouse) -> None:
    """A limit order far from the market protects nothing: the stop must not end because of it.

    It tries again and again, and the refusal is published once.
    """
    house.intent(side=BUY, size=1000, price=ASK)
    house.turn(5)
    limit = house.intent(side=SELL, size=1000, price=BID + 2 * FAR)
    stop = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR, flags=IntentFlag.REDUCE_ONLY)
    market(house, -2 * FAR, 500)
    assert (house.children(stop), house.status(stop)) == ([], ParentStatus.WORKING)
    reasons = [row.reason for row in house.rings["verdicts"].rows if row.intent_id == stop]
    assert reasons == [Reason.APPROVED, Reason.NOTHING_TO_REDUCE]
    house.cancel(limit)
    house.turn(2_000)
    assert (house.filled(stop), house.role.ledger.owned[STRATEGY, 1].size) == (1000, 0)
    house.check_ended(stop)


def test_a_stop_by_prints_ignores_the_touch_and_follows_the_first_print(house: MarketHouse) -> None:
    """A touch without a trade can be a single order that was withdrawn."""
    intent_id = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR, trigger=1)
    market(house, -2 * FAR, 20)
    assert house.children(intent_id) == []
    house.trade(10, price=BID - FAR + 1)
    house.turn(3)
    assert house.children(intent_id) == []
    house.trade(10, price=BID - FAR)
    house.turn(3)
    assert house.filled(intent_id) == 1000
    house.check_ended(intent_id)


def test_a_print_from_before_the_stop_or_of_another_instrument_triggers_nothing(house: MarketHouse) -> None:
    """It was known when the stop was decided."""
    house.trade(10, price=BID - 2 * FAR)
    intent_id = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR, trigger=1)
    house.turn(3)
    house.trade(10, instrument=2, price=BID - 2 * FAR)
    house.turn(3)
    assert (house.verdict(intent_id), house.children(intent_id)) == (Reason.APPROVED, [])


def test_a_stop_limit_rests_at_its_limit_and_never_below_it(house: MarketHouse) -> None:
    """Its author prefers no fill to a bad one."""
    intent_id = house.parent("stop_limit", 1000, BID - 2 * FAR, SELL, stop_price=BID - FAR)
    market(house, -3 * FAR)
    (child,) = house.children(intent_id)
    assert (child.price, child.executed, child.open) == ("59980.00", 0, True)
    house.venue.sweep(BID - 2 * FAR, ASK - 2 * FAR)
    house.turn(5)
    assert house.filled(intent_id) == 1000
    house.check_ended(intent_id)


@pytest.mark.parametrize(("side", "terms", "best", "stays", "at"), [
    (SELL, {"distance_steps": FAR}, 3 * FAR, 2 * FAR + 1, 2 * FAR),
    (BUY, {"distance_steps": FAR}, -3 * FAR, -2 * FAR - 1, -2 * FAR),
    (SELL, {"distance_bps": 10}, 3 * FAR, 3 * FAR - 6_002, 3 * FAR - 6_003),
])  # fmt: skip
@pytest.mark.parametrize("death", [False, True])
def test_a_trailing_stop_follows_the_best_price_and_its_peak_survives_a_death(
    house: MarketHouse, side: int, terms: dict[str, int], best: int, stays: int, at: int, *, death: bool
) -> None:
    """A peak that a death forgets is a stop that lies lower than its author was shown."""
    intent_id = house.parent("trailing_stop", 1000, 0, side, **terms)
    house.turn(5)
    for moved in (best // 3, 0, best, best - best // 3):
        market(house, moved if abs(moved - best) < FAR else best)
    if death:
        house.restart()
        house.ready()
    market(house, stays, 20)
    assert house.children(intent_id) == []
    market(house, at)
    assert house.filled(intent_id) == 1000
    house.check_ended(intent_id)


def test_a_stop_survives_deaths_and_is_judged_by_the_first_good_book_after_them(house: MarketHouse) -> None:
    """The price that was reached while execution was down does not wait for a second time."""
    intent_id = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR, timeout_ns=3_600_000 * MS)
    house.turn(5)
    for _ in range(2):
        house.restart()
        house.ready()
        house.turn(5)
    assert (house.status(intent_id), house.children(intent_id)) == (ParentStatus.WORKING, [])
    house.kill()
    house.venue.bid, house.venue.ask = BID - 2 * FAR, ASK - 2 * FAR
    house.role = house.live()
    house.ready()
    house.turn(5)
    assert house.filled(intent_id) == 1000
    house.check_ended(intent_id)


def test_a_checkpoint_holds_a_stop_that_waits(tmp_path: Path) -> None:
    """A start reads no journal before its checkpoint: a stop that it lacks protects nothing."""
    house = MarketHouse(tmp_path, segment_size=4096)
    intent_id = house.parent("trailing_stop", 1000, 0, SELL, distance_steps=FAR)
    while house.role.journal.closed < 3:
        house.cancel(house.intent(price=5_990_000))
        house.run(5)
    config = house.config
    strategies, fill_order = tuple(config.strategies), house.role.blotter.fill_order.name
    request = checkpoint.Request(str(tmp_path), house.role.journal.closed, config.instruments, strategies, fill_order)
    checkpoint.advance(request)
    found = checkpoint.blank(request)
    assert checkpoint.restore(request, found, sys.maxsize)
    assert found.blotter.parents[intent_id].row(0, 0) == house.role.blotter.parents[intent_id].row(0, 0)


def test_an_intent_that_is_read_again_after_a_death_is_approved_again_and_kept_once(house: MarketHouse) -> None:
    """A refusal as a repeat would let its strategy believe that no stop waits."""
    intent_id = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR)
    house.turn(5)
    house.forget("accepted")
    house.restart()
    house.ready()
    assert house.verdict(intent_id) == Reason.APPROVED
    market(house, -FAR)
    assert house.filled(intent_id) == 1000


@pytest.mark.parametrize("end", ["cancel", "cancel all", "time", "halt", "operator"])
@pytest.mark.parametrize("death", [False, True])
def test_a_stop_that_ends_before_its_price_sends_nothing_and_its_strategy_is_told(
    house: MarketHouse, end: str, *, death: bool
) -> None:
    """No order record ever comes: a strategy without this refusal waits for ever."""
    intent_id = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR, timeout_ns=500 * MS if end == "time" else 0)
    house.turn(5)
    if end == "cancel":
        house.cancel(intent_id)
    elif end == "operator":
        house.command(CommandKind.CANCEL, target_id=intent_id)
    elif end != "time":
        house.command(CommandKind.HALT if end == "halt" else CommandKind.CANCEL_ALL)
    if death:
        house.restart()
        house.ready()
    house.turn(510)
    assert (house.verdict(intent_id), house.status(intent_id)) == (Reason.UNKNOWN_ORDER, ParentStatus.DONE)
    market(house, -2 * FAR)
    assert house.children(intent_id) == []
    house.check_ended(intent_id)


def test_the_end_of_a_stop_that_a_death_kept_from_its_strategy_is_published_again(house: MarketHouse) -> None:
    """The journal has it; the lane lost it with the process."""
    intent_id = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR)
    house.turn(5)
    house.cancel(intent_id)
    house.role.parents._sender._publish_verdict = lambda _: True
    house.turn(5)
    assert house.verdict(intent_id) == Reason.APPROVED
    house.restart()
    house.ready()
    assert house.verdict(intent_id) == Reason.UNKNOWN_ORDER


def test_a_kept_stop_reserves_no_exposure_and_an_exit_beside_it_is_an_exit(house: MarketHouse) -> None:
    """At the venue there is nothing of it; `exit` at the gate must not be refused because of it."""
    buy = house.parent("protected", 1000)
    house.turn(5)
    stop = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR, flags=IntentFlag.REDUCE_ONLY)
    house.turn(5)
    own = house.role.ledger.owned[STRATEGY, 1]
    assert (house.filled(buy), own.open_sell) == (1000, 0)
    assert house.role.gate.is_exit(STRATEGY, 1, SELL, 1000)
    out = house.intent(side=SELL, size=1000, price=BID)
    house.turn(5)
    assert house.verdict(out) == Reason.APPROVED
    market(house, -FAR)
    assert house.children(stop) == []
    assert house.verdict(stop) == Reason.NOTHING_TO_REDUCE
    house.check_ended(stop)


def test_a_stop_that_closes_is_sent_while_entries_are_refused_and_one_that_opens_is_not(house: MarketHouse) -> None:
    """A full disk or a tripped breaker must not hold the way out."""
    house.parent("protected", 1000)
    house.turn(5)
    closes = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR)
    opens = house.parent("stop", 1000, 0, BUY, stop_price=ASK + FAR)
    house.turn(5)
    house.role.gate.exits_only = Reason.SUPERVISOR_LOST
    late = house.parent("stop", 1000, 0, BUY, stop_price=ASK + FAR)
    house.turn(2)
    assert house.verdict(late) == Reason.SUPERVISOR_LOST
    house.venue.bid, house.venue.ask = BID + FAR, ASK + FAR
    house.role.gate.exits_only = Reason.SUPERVISOR_LOST
    house.turn(1)
    assert (house.filled(opens), house.verdict(opens)) == (0, Reason.SUPERVISOR_LOST)
    market(house, -FAR)
    assert house.filled(closes) == 1000


@pytest.mark.parametrize("fault", ["refuse", "mute", "lose"])
def test_a_stop_whose_order_fails_tries_again_until_it_is_filled(house: MarketHouse, fault: str) -> None:
    """An algorithm that gives up leaves the position that it was to close."""
    intent_id = house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR)
    house.turn(5)
    house.venue.fault("order.place", *(fault,) * 3)
    market(house, -FAR)
    house.turn(8_000, 5 * MS)
    assert house.filled(intent_id) == 1000
    house.check_ended(intent_id)


def test_more_kept_orders_than_configured_are_refused(tmp_path: Path) -> None:
    """Each is looked at with every book; a strategy in a loop must not slow all others."""
    house = MarketHouse(tmp_path, kept_most=2)
    made = [house.parent("stop", 1000, 0, SELL, stop_price=BID - FAR) for _ in range(3)]
    house.turn(5)
    assert [house.verdict(one) for one in made] == [Reason.APPROVED, Reason.APPROVED, Reason.TOO_MANY_KEPT]
    assert "3 of 2 orders that execution keeps, [execution] kept_most" in refusal_text(Reason.TOO_MANY_KEPT, 3, 2)


@pytest.mark.parametrize(("name", "price", "terms", "text"), [
    ("stop", 0, {}, "stop: stop_price is 0, expected 1 or more"),
    ("stop", 0, {"stop_price": 5, "trigger": 3}, "stop: trigger is 3, expected 0 to 2"),
    ("bracket", BID, {"stop_price": 5, "target_price": 9, "trigger": 3}, "bracket: trigger is 3, expected 0 to 2"),
    ("stop", 0, {"stop_price": 5, "slippage_bps": 1_001}, "stop: slippage_bps is 1001, expected 0 to 1000"),
    ("stop_limit", 0, {"stop_price": 5}, "PRICE_STEP"),
    ("trailing_stop", 0, {}, "trailing_stop: distance_bps is 0, which does not fit this order, in general 0 to 5000"),
    ("trailing_stop", 0, {"distance_bps": 5, "distance_steps": 5}, "trailing_stop: distance_steps is 5, which"),
])  # fmt: skip
def test_a_wrong_parameter_is_refused_with_its_name_its_value_and_its_range(
    house: MarketHouse, name: str, price: int, terms: dict[str, int], text: str
) -> None:
    """A stop that no price can trigger must not look like protection."""
    intent_id = house.parent(name, 1000, price, SELL, **terms)
    house.turn(3)
    row = [one for one in house.rings["verdicts"].rows if one.intent_id == intent_id][-1]
    assert text in refusal_text(row.reason, row.value, row.limit)

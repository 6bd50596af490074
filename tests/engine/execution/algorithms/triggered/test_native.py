"""Native orders: at the venue from the start, triggered there also without us, kept here when the venue ends one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.model.words import BUY, SELL, CommandKind, IntentFlag, OrderState, OrderType, ParentStatus, Reason
from engine.risk.table import read_risk
from tests.engine.execution.algorithms.market import ASK, BID, MarketHouse, native
from tests.engine.execution.memory import ETH, MS, STRATEGY

FAR, VENUE, SIZE = 1_000, 2, 1_000
STOP = {"stop_price": BID - FAR, "trigger": VENUE}


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade, at a venue with every native order."""
    return MarketHouse(tmp_path, instruments=(native(), ETH))


def market(house: MarketHouse, moved: int, steps: int = 5) -> None:
    """The whole market at another price, by trades."""
    house.venue.sweep(BID + moved, ASK + moved)
    house.turn(steps)


def stage(house: MarketHouse, intent_id: int) -> int:
    """How far a parent is by its last record: 0 kept, 1 triggered, 2 native."""
    return [int(row.state[2]) for row in house.rings["parents"].rows if row.intent_id == intent_id][-1]


@pytest.mark.parametrize(("name", "price", "side", "terms", "sent", "moved", "at"), [
    ("stop", 0, SELL, {"stop_price": BID - FAR}, ("STOP_LOSS", "0.00", "59990.00"), -FAR, "59990.00"),
    ("stop", 0, BUY, {"stop_price": ASK + FAR}, ("STOP_LOSS", "0.00", "60011.00"), FAR, "60011.00"),
    ("stop", 0, SELL, {"stop_price": BID - FAR, "slippage_bps": 10},
     ("STOP_LOSS_LIMIT", "59930.01", "59990.00"), -FAR, "59990.00"),
    ("stop", BID - 2 * FAR, SELL, {"stop_price": BID - FAR},
     ("STOP_LOSS_LIMIT", "59980.00", "59990.00"), -FAR, "59990.00"),
    ("stop_limit", BID - 2 * FAR, SELL, {"stop_price": BID - FAR},
     ("STOP_LOSS_LIMIT", "59980.00", "59990.00"), -FAR, "59990.00"),
    ("take_profit", 0, SELL, {"target_price": BID + FAR}, ("TAKE_PROFIT", "0.00", "60010.00"), FAR, "60010.00"),
    ("take_profit", ASK, BUY, {"target_price": ASK - FAR},
     ("TAKE_PROFIT_LIMIT", "60001.00", "59991.00"), -FAR, "59991.00"),
    ("trailing_stop", 0, SELL, {"distance_bps": 100}, ("STOP_LOSS", "0.00", None), -61_000, "59390.00"),
])  # fmt: skip
def test_it_waits_at_the_venue_and_trades_there_while_execution_is_dead(
    house: MarketHouse, name: str, price: int, side: int, terms: dict[str, int], sent: tuple[str, str, str | None],
    moved: int, at: str,
) -> None:  # fmt: skip
    """That is why its author asks for it: the price may come when nothing of ours runs."""
    intent_id = house.parent(name, SIZE, price, side, trigger=VENUE, **terms)
    house.turn(5)
    (child,) = house.children(intent_id)
    asked = house.venue.waiting[child.client_id]
    assert (asked["type"], child.price, asked.get("stopPrice")) == sent
    assert (house.verdict(intent_id), stage(house, intent_id), child.executed) == (Reason.APPROVED, VENUE, 0)
    market(house, moved, 0)
    house.restart()
    house.ready()
    house.turn(20)
    assert [fill["price"] for fill in house.venue.fills] == [at]
    assert house.filled(intent_id) == SIZE
    house.check_ended(intent_id)


@pytest.mark.parametrize("change", [
    {"natives": 0}, {"natives": 1 << OrderType.STOP_LIMIT}, {"market_size_max": SIZE - 1},
])  # fmt: skip
def test_it_is_kept_where_the_venue_would_not_accept_it(tmp_path: Path, change: dict[str, int]) -> None:
    """A stop that a venue rejects protects nothing; the same file trades on every venue."""
    house = MarketHouse(tmp_path, instruments=(replace(native(), **change), ETH))
    intent_id = house.parent("stop", SIZE, 0, SELL, **STOP)
    house.turn(5)
    assert (stage(house, intent_id), house.children(intent_id)) == (0, [])
    house.trade(10, price=BID - FAR)
    house.turn(5)
    assert house.filled(intent_id) == SIZE
    house.check_ended(intent_id)


def test_the_one_that_the_venue_has_no_room_for_is_kept(house: MarketHouse) -> None:
    """MAX_NUM_ALGO_ORDERS is five on most markets."""
    ids = [house.parent("stop", SIZE, 0, SELL, stop_price=BID - FAR - number, trigger=VENUE) for number in range(6)]
    house.turn(5)
    assert [stage(house, one) for one in ids] == [2, 2, 2, 2, 2, 0]


def reject(house: MarketHouse, _intent_id: int) -> None:
    """The venue's last trade is beyond the trigger already."""
    house.venue.sweep(BID - FAR, ASK - FAR)


def cancel_there(house: MarketHouse, intent_id: int) -> None:
    """Another program, or the operator on the venue's page, cancels it."""
    house.turn(5)
    (child,) = house.children(intent_id)
    house.venue.do_order_cancel(house.venue.ports[0], {"origClientOrderId": child.client_id})
    house.turn(5)
    assert (house.status(intent_id), stage(house, intent_id)) == (ParentStatus.WORKING, 0)
    house.venue.sweep(BID - FAR, ASK - FAR)
    house.trade(10, price=BID - FAR)


@pytest.mark.parametrize("end", [reject, cancel_there])
def test_one_that_the_venue_ends_without_a_fill_is_kept_from_then_on(
    house: MarketHouse, end: Callable[[MarketHouse, int], None]
) -> None:
    """A stop must not disappear because its first form did."""
    if end is reject:
        end(house, 0)
    intent_id = house.parent("stop", SIZE, 0, SELL, **STOP)
    if end is cancel_there:
        end(house, intent_id)
    house.turn(50)
    assert house.filled(intent_id) == SIZE
    house.check_ended(intent_id)


def test_what_a_thin_book_left_of_it_follows(house: MarketHouse) -> None:
    """The venue lets the rest of a market order expire."""
    intent_id = house.parent("stop", SIZE, 0, SELL, **STOP)
    house.turn(5)
    house.venue.depth = 300
    market(house, -FAR)
    house.venue.depth = 10**9
    house.turn(500)
    assert house.children(intent_id)[0].executed == 300
    assert house.filled(intent_id) == SIZE
    house.check_ended(intent_id)


def test_a_native_trailing_stop_keeps_the_peak_for_the_case_that_the_venue_ends_it(house: MarketHouse) -> None:
    """Kept from then on at a lower price than the venue's, it would give back what it had secured."""
    intent_id = house.parent("trailing_stop", SIZE, 0, SELL, distance_bps=10, trigger=VENUE)
    market(house, 3 * FAR)
    house.trade(10, price=BID + 3 * FAR)
    house.turn(3)
    (child,) = house.children(intent_id)
    house.venue.do_order_cancel(house.venue.ports[0], {"origClientOrderId": child.client_id})
    house.turn(5)
    for price, filled in ((BID + 3 * FAR - 6_002, 0), (BID + 3 * FAR - 6_003, SIZE)):
        market(house, price - BID)
        house.trade(10, price=price)
        house.turn(5)
        assert house.filled(intent_id) == filled
    house.check_ended(intent_id)


def test_it_counts_as_an_open_order_in_exposure_and_among_the_exits(house: MarketHouse) -> None:
    """It may trade at any moment, so a further exit of the same position would turn it round."""
    house.intent(side=BUY, size=SIZE, price=ASK)
    house.turn(5)
    first = house.parent("stop", SIZE, 0, SELL, flags=IntentFlag.REDUCE_ONLY, **STOP)
    house.turn(5)
    owned = house.role.ledger.owned[STRATEGY, 1]
    assert (owned.open_sell, owned.closable, stage(house, first)) == (SIZE, 0, VENUE)
    second = house.parent("stop", SIZE, 0, SELL, flags=IntentFlag.REDUCE_ONLY, **STOP)
    house.turn(5)
    assert house.verdict(second) == Reason.NOTHING_TO_REDUCE
    market(house, -FAR, 20)
    assert owned.size == 0
    house.check_ended(first)


@pytest.mark.parametrize("ends", ["cancel", "halt"])
def test_a_cancel_or_a_halt_ends_it_at_the_venue(house: MarketHouse, ends: str) -> None:
    """A stop that outlives the order to stop everything trades against the operator."""
    intent_id = house.parent("stop", SIZE, 0, SELL, **STOP)
    house.turn(5)
    if ends == "cancel":
        house.cancel(intent_id)
    else:
        house.command(CommandKind.HALT)
    house.turn(50)
    (child,) = house.children(intent_id)
    assert child.state() == OrderState.CANCELLED
    house.check_ended(intent_id)


@pytest.mark.parametrize("what", ["lose", "mute", "unknown_done", "unknown_not", "late", "twice", "cut"])
def test_a_lost_or_doubled_answer_leaves_one_stop(house: MarketHouse, what: str) -> None:
    """Two stops sell twice; none leaves a position alone."""
    house.venue.fault("order.place", what)
    intent_id = house.parent("stop", SIZE, 0, SELL, **STOP)
    house.run(40, 250 * MS)
    house.turn(50)
    market(house, -FAR)
    house.trade(10, price=BID - FAR)
    house.turn(300)
    assert house.filled(intent_id) == SIZE
    house.check_ended(intent_id)


@pytest.mark.parametrize("learns", ["by its report", "by a question", "in a later life"])
def test_a_stop_limit_that_rests_after_its_trigger_is_an_order_to_trade_with(tmp_path: Path, learns: str) -> None:
    """Until its trigger it is not in the book; from then on an entry on the other side would trade with ourselves."""
    _, caps = read_risk({"refuse_self_trade": True})
    house = MarketHouse(tmp_path, instruments=(native(), ETH), caps=caps)
    house.parent("stop_limit", SIZE, BID - FAR, SELL, stop_price=BID - FAR, trigger=VENUE)
    house.turn(5)
    (waits,) = house.venue.resting
    before = house.intent(side=BUY, size=SIZE, price=BID - FAR)
    house.turn(5)
    house.cancel(before)
    house.turn(5)
    house.venue.lose_events = 0 if learns == "by its report" else 1
    market(house, -2 * FAR)
    assert house.venue.resting == [waits]
    if learns == "by a question":
        house.role.recovery.audit_now(house.now_ns)
        house.turn(20)
    elif learns == "in a later life":
        house.restart()
        house.ready()
    after = house.intent(side=BUY, size=SIZE, price=BID - FAR)
    house.turn(5)
    assert (house.verdict(before), house.verdict(after)) == (Reason.APPROVED, Reason.SELF_TRADE)

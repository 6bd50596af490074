"""One-cancels-the-other and bracket: two exits of one position, never more than the position."""

from pathlib import Path

import pytest

from engine.model.refusals import refusal_text
from engine.model.words import BUY, SELL, CommandKind, OrderFlag, ParentStatus, Reason, TimeInForce
from tests.engine.execution.algorithms.market import ASK, BID, MarketHouse
from tests.engine.execution.memory import MS, STRATEGY

FAR = 1_000
OCO = {"stop_price": BID - FAR}
LONG = {"target_price": BID + 2 * FAR, "stop_price": BID - 2 * FAR}
SHORT = {"target_price": BID - 2 * FAR, "stop_price": BID + 2 * FAR}


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade."""
    return MarketHouse(tmp_path)


def market(house: MarketHouse, moved: int, steps: int = 120) -> None:
    """The whole market at another price."""
    house.venue.sweep(BID + moved, ASK + moved)
    house.turn(steps)


def traded(house: MarketHouse, intent_id: int) -> tuple[int, int]:
    """What an intent has bought and sold."""
    done = [(one.side, one.executed) for one in house.children(intent_id)]
    return sum(size for side, size in done if side == "BUY"), sum(size for side, size in done if side == "SELL")


def test_the_limit_order_s_fill_ends_the_stop(house: MarketHouse) -> None:
    """A stop that is left over sells a position a second time."""
    intent_id = house.parent("oco", 1000, BID + FAR, SELL, **OCO)
    house.turn(5)
    assert [one.price for one in house.venue.resting] == ["60010.00"]
    market(house, FAR)
    market(house, -3 * FAR)
    assert traded(house, intent_id) == (0, 1000)
    house.check_ended(intent_id)


@pytest.mark.parametrize("before", [0, 400])
def test_the_stop_ends_the_limit_order_and_sells_what_it_left(house: MarketHouse, before: int) -> None:
    """Both orders together are the size."""
    intent_id = house.parent("oco", 1000, BID + FAR, SELL, **OCO)
    house.turn(5)
    if before:
        house.venue.fill(house.venue.resting[0].client_id, before)
    market(house, -FAR)
    assert [one.executed for one in house.children(intent_id)] == [before, 1000 - before]
    house.check_ended(intent_id)


@pytest.mark.parametrize("size", [300, 1000])
def test_a_limit_order_that_fills_on_the_way_of_its_cancel_leaves_the_stop_less(house: MarketHouse, size: int) -> None:
    """Two orders in a race are how a position is sold twice."""
    intent_id = house.parent("oco", 1000, BID + FAR, SELL, **OCO)
    house.turn(5)
    house.venue.fault("order.cancel", "late")
    house.venue.bid, house.venue.ask = BID - FAR, ASK - FAR
    house.turn(1)
    house.venue.fill(house.venue.resting[0].client_id, size)
    house.turn(3_000, 2 * MS)
    assert traded(house, intent_id) == (0, 1000)
    house.check_ended(intent_id)


@pytest.mark.parametrize(("side", "terms", "win"), [(BUY, LONG, 2 * FAR), (SELL, SHORT, -2 * FAR - 100)])
@pytest.mark.parametrize("wins", [True, False])
def test_a_bracket_sends_one_exit_for_what_its_entry_filled(
    house: MarketHouse, side: int, terms: dict[str, int], win: int, *, wins: bool
) -> None:
    """The target or the stop, never both, and of the entry's size."""
    intent_id = house.parent("bracket", 1000, ASK if side == BUY else BID, side, **terms)
    house.turn(20)
    (target,) = house.venue.resting
    assert (target.price, target.size) == ("60020.00" if side == BUY else "59980.00", 1000)
    market(house, win if wins else -win)
    assert traded(house, intent_id) == (1000, 1000)
    assert house.role.ledger.owned[STRATEGY, 1].size == 0
    house.check_ended(intent_id)


@pytest.mark.parametrize("event", ["stop", "target", "time", "breaker"])
def test_a_part_that_the_entry_filled_gets_exits_of_its_size_when_the_entry_ends(
    house: MarketHouse, event: str
) -> None:
    """What is held without a stop is what the bracket was sent to prevent."""
    intent_id = house.parent("bracket", 1000, BID, timeout_ns=800 * MS if event == "time" else 0, **LONG)
    house.turn(5)
    house.venue.fill(house.venue.resting[0].client_id, 300)
    house.turn(5)
    if event == "stop":
        house.venue.bid, house.venue.ask = BID - 2 * FAR, ASK - 2 * FAR
    elif event == "target":
        house.venue.bid, house.venue.ask = BID + 2 * FAR, ASK + 2 * FAR
    elif event == "breaker":
        house.role.breakers._cancel_entries(STRATEGY, house.now_ns)
    house.turn(1_000)
    if event in ("time", "breaker"):
        (target,) = house.venue.resting
        assert (target.side, target.size, house.status(intent_id)) == ("SELL", 300, ParentStatus.WORKING)
        market(house, -2 * FAR)
    assert traded(house, intent_id) == (300, 300)
    house.check_ended(intent_id)


def test_a_fill_that_is_reported_after_the_entry_s_cancel_gets_its_exit(house: MarketHouse) -> None:
    """The venue counts the fill in its answer to the cancel: before its report the position looks flat."""
    intent_id = house.parent("bracket", 1000, BID, **LONG)
    house.turn(5)
    house.venue.event_latency_ns = 50 * MS
    house.venue.fill(house.venue.resting[0].client_id, 300)
    house.venue.bid, house.venue.ask = BID - 2 * FAR, ASK - 2 * FAR
    house.turn(1_000)
    assert traded(house, intent_id) == (300, 300)
    house.check_ended(intent_id)


def test_a_bracket_whose_entry_fills_nothing_ends_without_an_exit(house: MarketHouse) -> None:
    """An exit without an entry opens the other side."""
    intent_id = house.parent("bracket", 1000, BID, timeout_ns=50 * MS, **LONG)
    house.turn(100)
    assert traded(house, intent_id) == (0, 0)
    house.check_ended(intent_id)


def test_an_exit_of_a_bracket_is_cut_to_the_position_that_another_order_left(house: MarketHouse) -> None:
    """The strategy sold by hand meanwhile: the bracket must not open the other side."""
    intent_id = house.parent("bracket", 1000, ASK, **LONG)
    house.turn(20)
    house.cancel(0)
    house.role.desk.cancel(house.role.blotter.parents[intent_id].last, house.now_ns)
    house.turn(5)
    again = house.parent("bracket", 1000, ASK, time_in_force=TimeInForce.IOC, **LONG)
    house.turn(1)
    house.intent(side=SELL, size=1400, price=BID)
    house.turn(200)
    market(house, -2 * FAR)
    assert house.role.ledger.owned[STRATEGY, 1].size == 0
    assert traded(house, again) == (1000, 600)


def test_a_cancel_of_a_bracket_ends_its_orders_and_keeps_the_position(house: MarketHouse) -> None:
    """The author decides what becomes of it."""
    intent_id = house.parent("bracket", 1000, ASK, **LONG)
    house.turn(20)
    house.cancel(intent_id)
    house.turn(20)
    assert traded(house, intent_id) == (1000, 0)
    house.check_ended(intent_id)


@pytest.mark.parametrize("word", [CommandKind.HALT, CommandKind.CANCEL_ALL])
def test_an_operator_s_word_ends_a_bracket_and_an_oco(house: MarketHouse, word: CommandKind) -> None:
    """What is halted sends nothing, also when a stop's price comes later."""
    made = [house.parent("bracket", 1000, ASK, **LONG), house.parent("oco", 500, BID + FAR, SELL, **OCO)]
    house.turn(20)
    house.command(word)
    house.turn(20)
    before = [traded(house, one) for one in made]
    market(house, -3 * FAR)
    assert [traded(house, one) for one in made] == before == [(1000, 0), (0, 0)]
    house.check_ended(made[0])


@pytest.mark.parametrize(("name", "side", "price", "terms", "text"), [
    ("oco", SELL, 0, OCO, "PRICE_STEP"),
    ("oco", SELL, BID + FAR, {"stop_price": BID + FAR}, "oco: stop_price is 6001000, which does not fit this order"),
    ("bracket", BUY, BID, LONG | {"target_price": BID}, "bracket: target_price is 6000000, which does not fit"),
    ("bracket", BUY, BID, LONG | {"stop_price": BID}, "bracket: stop_price is 6000000, which does not fit"),
    ("bracket", SELL, BID, LONG, "bracket: target_price is 6002000, which does not fit"),
])  # fmt: skip
def test_prices_on_the_wrong_side_are_refused_by_name(
    house: MarketHouse, name: str, side: int, price: int, terms: dict[str, int], text: str
) -> None:
    """A stop above the target triggers with the first book."""
    intent_id = house.parent(name, 1000, price, side, **terms)
    house.turn(3)
    row = [one for one in house.rings["verdicts"].rows if one.intent_id == intent_id][-1]
    assert row.reason in (Reason.ALGORITHM_PARAMETER, Reason.PRICE_STEP)
    assert text in refusal_text(row.reason, row.value, row.limit)


@pytest.mark.parametrize("listed", [True, False])
def test_a_bracket_whose_entry_the_venue_has_forgotten_ends_when_its_fills_are_listed(
    house: MarketHouse, *, listed: bool
) -> None:
    """Its fills were missing when execution died: it waited for a figure that the venue cannot give any more."""
    intent_id = house.parent("bracket", 1000, BID, **LONG)
    house.turn(5)
    entry = house.venue.resting[0]
    house.venue.lose_events = 1
    fill = house.venue.fill(entry.client_id, 300)
    house.venue.fault("myTrades", *["busy"] * 50)
    house.venue.bid, house.venue.ask = BID - 2 * FAR, ASK - 2 * FAR
    house.turn(50)
    assert house.role.blotter.parents[intent_id].last.flags & OrderFlag.FILLS_MISSING
    house.venue.faults.clear()
    del house.venue.orders[entry.client_id]
    if not listed:
        house.venue.fills.remove(fill)
    house.restart()
    house.run(1)
    house.now_ns += 60_000 * MS
    house.ready()
    house.turn(1_000)
    assert sum(one.executed for one in house.children(intent_id)) == (300 if listed else 0)
    assert (house.status(intent_id), house.role.blotter.parents) == (ParentStatus.DONE, {})

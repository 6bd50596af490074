"""Native pairs: a limit order and a stop of one size at the venue, which ends one of them when the other trades."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.model.instrument import PAIRS
from engine.model.words import BUY, SELL, CommandKind, IntentFlag, OrderState, Reason
from engine.risk.gate import Refusal, Verdict
from engine.venues.trading.budget import Cost, Reported
from tests.engine.execution.algorithms.market import ASK, BID, DeathError, MarketHouse, die_after, native
from tests.engine.execution.memory import ETH, MS, SECOND, STRATEGY
from tests.engine.execution.venue_double import FakePort, VenueOrder

FAR, VENUE, SIZE = 1_000, 2, 1_000
GAIN = BID + FAR
OCO = {"stop_price": BID - FAR, "trigger": VENUE}
LONG = {"target_price": BID + 2 * FAR, "stop_price": BID - 2 * FAR, "trigger": VENUE}


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade, at a venue with pairs."""
    return MarketHouse(tmp_path, instruments=(native(), ETH))


def market(house: MarketHouse, moved: int, steps: int = 20) -> None:
    """The whole market at another price, by trades."""
    house.venue.sweep(BID + moved, ASK + moved)
    house.turn(steps)


def pair(house: MarketHouse, size: int = SIZE, **more: int) -> int:
    """The intent of a seller's OCO."""
    intent_id = house.parent("oco", size, GAIN, SELL, **(OCO | more))
    house.turn(5)
    return intent_id


def both(house: MarketHouse, intent_id: int) -> tuple[VenueOrder, VenueOrder]:
    """The stop and the limit order of an intent's only pair."""
    stop, limit = house.children(intent_id)
    assert house.venue.pairs[stop.client_id] == limit.client_id
    return stop, limit


def stage(house: MarketHouse, intent_id: int) -> int:
    """How far a parent is by its last record: 0 kept, 1 triggered, 2 native."""
    return [int(row.state[2]) for row in house.rings["parents"].rows if row.intent_id == intent_id][-1]


@pytest.mark.parametrize(("side", "price", "stop", "more", "kind", "limits"), [
    (SELL, GAIN, BID - FAR, {}, "STOP_LOSS", ("0.00", "60010.00")),
    (BUY, ASK - FAR, ASK + FAR, {}, "STOP_LOSS", ("0.00", "59991.00")),
    (SELL, GAIN, BID - FAR, {"slippage_bps": 10}, "STOP_LOSS_LIMIT", ("59930.01", "60010.00")),
])  # fmt: skip
@pytest.mark.parametrize("wins", [True, False])
def test_a_pair_waits_at_the_venue_and_ends_there_while_execution_is_dead(
    house: MarketHouse, side: int, price: int, stop: int, more: dict[str, int], kind: str, limits: tuple[str, str], *,
    wins: bool,
) -> None:  # fmt: skip
    """Whichever price comes while nothing of ours runs: one order trades, the other one is gone."""
    intent_id = house.parent("oco", SIZE, price, side, stop_price=stop, trigger=VENUE, **more)
    house.turn(5)
    first, second = both(house, intent_id)
    assert (first.kind, second.kind, first.price, second.price) == (kind, "LIMIT_MAKER", *limits)
    assert (house.verdict(intent_id), stage(house, intent_id)) == (Reason.APPROVED, VENUE)
    market(house, -side * 3 * FAR if wins else side * FAR, 0)
    house.restart()
    house.ready()
    house.turn(20)
    assert (first.executed, second.executed) == ((0, SIZE) if wins else (SIZE, 0))
    house.check_ended(intent_id)


def test_both_orders_of_a_pair_count_as_one_size(house: MarketHouse) -> None:
    """Counted twice, a stop would take the room of the next entry, and a second exit would be refused for nothing."""
    house.intent(side=BUY, size=2 * SIZE, price=ASK)
    house.turn(5)
    intent_id = pair(house, flags=IntentFlag.REDUCE_ONLY)
    owned = house.role.ledger.owned[STRATEGY, 1]
    assert (owned.open_sell, owned.closable, len(house.venue.resting)) == (SIZE, SIZE, 2)
    house.venue.fill(both(house, intent_id)[1].client_id, 300)
    house.turn(5)
    assert (owned.size, owned.open_sell, owned.closable) == (2 * SIZE - 300, SIZE - 300, SIZE)
    market(house, 2 * FAR)
    assert (owned.size, owned.open_sell) == (SIZE, 0)
    house.check_ended(intent_id)


def test_a_reduce_only_pair_is_cut_to_the_position(house: MarketHouse) -> None:
    """The venue locks the money once, and neither order may open the other side."""
    house.intent(side=BUY, size=400, price=ASK)
    house.turn(5)
    intent_id = pair(house, flags=IntentFlag.REDUCE_ONLY)
    assert [one.size for one in both(house, intent_id)] == [400, 400]
    market(house, -FAR)
    assert house.role.ledger.owned[STRATEGY, 1].size == 0


@pytest.mark.parametrize("after", [-FAR, FAR])
def test_the_stop_is_kept_after_a_part_of_the_limit_order_was_filled(house: MarketHouse, after: int) -> None:
    """The venue ends the stop with the first fill: the rest would have no protection."""
    intent_id = pair(house)
    stop, limit = both(house, intent_id)
    house.venue.fill(limit.client_id, 300)
    house.turn(5)
    assert (stop.state(), stage(house, intent_id)) == (OrderState.EXPIRED, 0)
    house.trade(10, price=BID + after)
    market(house, after, 200)
    assert house.filled(intent_id) == SIZE
    assert limit.executed == (SIZE if after > 0 else 300)
    house.check_ended(intent_id)


def test_what_a_thin_book_left_of_the_stop_follows(house: MarketHouse) -> None:
    """The venue lets the rest of a market order expire, and the limit order is gone."""
    intent_id = pair(house)
    house.venue.depth = 300
    market(house, -FAR, 5)
    house.venue.depth = 10**9
    house.turn(500)
    assert [one.executed for one in house.children(intent_id)[:2]] == [300, 0]
    assert house.filled(intent_id) == SIZE
    house.check_ended(intent_id)


@pytest.mark.parametrize("change", [
    {"natives": native().natives & ~PAIRS}, {"natives": PAIRS}, {"orders_max": 1}, {"algo_orders_max": 0, "natives": 0},
    {"market_size_max": SIZE - 1},
])  # fmt: skip
def test_it_is_kept_where_the_venue_would_not_accept_it(tmp_path: Path, change: dict[str, int]) -> None:
    """A pair that a venue rejects protects nothing; the same file trades on every venue."""
    house = MarketHouse(tmp_path, instruments=(replace(native(), **change), ETH))
    intent_id = pair(house)
    (limit,) = house.children(intent_id)
    assert (stage(house, intent_id), limit.price) == (0, "60010.00")
    house.trade(10, price=BID - FAR)
    market(house, -FAR, 200)
    assert (limit.executed, house.filled(intent_id)) == (0, SIZE)
    house.check_ended(intent_id)


def test_a_pair_that_the_venue_rejects_is_kept_from_then_on(house: MarketHouse) -> None:
    """The market has passed the stop on the way: both orders are rejected, and the position must not stay alone."""
    house.venue.bid, house.venue.ask = BID - FAR, ASK - FAR
    intent_id = house.parent("oco", SIZE, GAIN, SELL, **OCO)
    house.turn(500)
    assert house.filled(intent_id) == SIZE
    assert not house.venue.pairs
    house.check_ended(intent_id)


@pytest.mark.parametrize("place", [0, 1])
def test_a_pair_that_another_program_cancels_is_kept_from_then_on(house: MarketHouse, place: int) -> None:
    """The report of one end arrives before the other one: that is no trigger, and must not sell."""
    intent_id = pair(house)
    cancelled = both(house, intent_id)[place]
    house.venue.do_order_cancel(house.venue.ports[0], {"origClientOrderId": cancelled.client_id})
    house.turn(300)
    (limit,) = house.venue.resting
    assert (limit.price, house.filled(intent_id), stage(house, intent_id)) == ("60010.00", 0, 0)
    market(house, 2 * FAR)
    house.check_ended(intent_id)


@pytest.mark.parametrize("ends", ["cancel", "cancel_all", "halt"])
def test_one_cancel_ends_both_orders(house: MarketHouse, ends: str) -> None:
    """The venue cancels the list by the cancel of one order: a second request would be an error each time."""
    intent_id = pair(house)
    house.venue.outgoing.clear()
    if ends == "cancel":
        house.cancel(intent_id)
    else:
        house.command(CommandKind.HALT if ends == "halt" else CommandKind.CANCEL_ALL)
    house.turn(50)
    assert [one.state() for one in both(house, intent_id)] == [OrderState.CANCELLED] * 2
    assert sum(b'"order.cancel"' in one for one in house.venue.outgoing) == 1
    house.check_ended(intent_id)


def test_a_cancel_that_the_venue_refuses_is_repeated_for_both(house: MarketHouse) -> None:
    """A halt that leaves the second order at the venue is no halt."""
    intent_id = pair(house)
    house.venue.fault("order.cancel", "busy")
    house.cancel(intent_id)
    house.run(20, 250 * MS)
    house.turn(50)
    assert [one.state() for one in both(house, intent_id)] == [OrderState.CANCELLED] * 2
    house.check_ended(intent_id)


def test_a_cancel_before_the_answer_ends_both_orders(house: MarketHouse) -> None:
    """A pair on its way has no order that can be cancelled yet."""
    intent_id = house.parent("oco", SIZE, GAIN, SELL, **OCO)
    house.turn(1)
    house.cancel(intent_id)
    house.turn(50)
    assert [one.state() for one in both(house, intent_id)] == [OrderState.CANCELLED] * 2
    house.check_ended(intent_id)


@pytest.mark.parametrize("what", ["lose", "mute", "unknown_done", "unknown_not", "late", "twice", "cut", "torn"])
@pytest.mark.parametrize("after", [-FAR, 2 * FAR])
def test_a_lost_or_doubled_answer_leaves_one_pair(house: MarketHouse, what: str, after: int) -> None:
    """Both orders are asked about by their own ids: two pairs sell twice, half a pair protects half."""
    house.venue.fault("orderList.place.oco", what)
    intent_id = house.parent("oco", SIZE, GAIN, SELL, **OCO)
    house.run(40, 250 * MS)
    house.turn(200, 10 * MS)
    market(house, after)
    house.trade(10, price=BID + after)
    house.turn(300, 10 * MS)
    assert house.filled(intent_id) == SIZE
    house.check_ended(intent_id)


@pytest.mark.parametrize("named", [0, 1])
def test_an_order_of_a_pair_that_the_answer_does_not_name_is_asked_about(
    house: MarketHouse, monkeypatch: pytest.MonkeyPatch, named: int
) -> None:
    """Half an answer must not leave an order that is neither open nor ended here."""
    whole = house.venue.do_orderList_place_oco

    def half(port: FakePort, params: dict[str, Any]) -> Any:
        return {"orderReports": whole(port, params)["orderReports"][named : named + 1]}

    monkeypatch.setattr(house.venue, "do_orderList_place_oco", half)
    house.venue.lose_events = 2
    intent_id = pair(house)
    house.turn(20)
    ours = [house.role.blotter.orders[bytes.fromhex(one.client_id)] for one in both(house, intent_id)]
    assert [one.state for one in ours] == [OrderState.OPEN, OrderState.OPEN]
    market(house, -FAR)
    house.check_ended(intent_id)


@pytest.mark.parametrize("commits", range(1, 5))
@pytest.mark.parametrize("what", ["ok", "lose", "mute", "unknown_not", "late"])
def test_a_death_around_the_request_leaves_one_pair(house: MarketHouse, commits: int, what: str) -> None:
    """Before the bytes, between bytes and answer, after the answer: the next life finds what the venue has."""
    house.venue.fault("orderList.place.oco", what)
    die_after(house, commits)
    intent_id = house.parent("oco", SIZE, GAIN, SELL, **OCO)
    for _ in range(20):
        try:
            house.turn(1)
        except DeathError:
            break
    house.rings["journal"].__dict__.pop("publish_bytes", None)
    house.restart()
    house.ready()
    house.run(40, 250 * MS)
    house.turn(100)
    assert sum(one.open for one in house.children(intent_id)) in (1, 2)
    market(house, -FAR)
    house.trade(10, price=BID - FAR)
    house.turn(300)
    assert house.filled(intent_id) == SIZE
    house.check_ended(intent_id)


def test_the_rate_counts_a_pair_as_the_one_request_that_it_is_in_every_life(house: MarketHouse) -> None:
    """A verdict must be the same before and after a restart."""
    pair(house)
    rate = house.role.gate.rate.account
    before = rate.count(house.now_ns)
    house.restart()
    house.ready()
    assert (before, house.role.gate.rate.account.count(house.now_ns)) == (1, 1)


def test_a_pair_needs_room_for_two_orders_in_the_venue_s_limits(house: MarketHouse) -> None:
    """Binance counts each of the two: the last free place must stay free, for a 429 holds up every request."""
    used = [Reported(Cost._fields.index("orders"), 10 * SECOND, 20, 16)]
    house.role.session.budget.correct(1 << 20, house.now_ns, used, house.now_ns)
    native_pair = house.parent("oco", SIZE, GAIN, SELL, **OCO)
    kept = house.parent("oco", SIZE, GAIN, SELL, stop_price=BID - FAR)
    house.turn(1)
    assert [house.verdict(one) for one in (native_pair, kept)] == [Reason.VENUE_RATE, Reason.APPROVED]


@pytest.mark.parametrize("wins", [True, False])
def test_a_bracket_s_exits_wait_at_the_venue_while_execution_is_dead(house: MarketHouse, *, wins: bool) -> None:
    """A position with both exits at the venue needs nothing of ours to be closed."""
    intent_id = house.parent("bracket", SIZE, ASK, **LONG)
    house.turn(20)
    entry, stop, target = house.children(intent_id)
    assert (entry.executed, stop.kind, target.kind, target.price) == (SIZE, "STOP_LOSS", "LIMIT_MAKER", "60020.00")
    market(house, 3 * FAR if wins else -2 * FAR, 0)
    house.restart()
    house.ready()
    house.turn(20)
    assert (stop.executed, target.executed) == ((0, SIZE) if wins else (SIZE, 0))
    assert house.role.ledger.owned[STRATEGY, 1].size == 0
    house.check_ended(intent_id)


@pytest.mark.parametrize("event", ["time", "breaker", "target"])
def test_a_part_that_the_entry_filled_gets_a_pair_of_its_size_when_the_entry_ends(
    house: MarketHouse, event: str
) -> None:
    """The venue's own list would place the exits only when the whole entry is filled."""
    intent_id = house.parent("bracket", SIZE, BID, timeout_ns=800 * MS if event == "time" else 0, **LONG)
    house.turn(5)
    house.venue.fill(house.venue.resting[0].client_id, 300)
    house.turn(5)
    if event == "breaker":
        house.role.breakers._cancel_entries(STRATEGY, house.now_ns)
    elif event == "target":
        house.trade(10, price=LONG["target_price"])
    house.turn(1_000)
    assert [one.size for one in house.venue.resting] == [300, 300]
    market(house, -2 * FAR)
    assert [one.executed for one in house.children(intent_id)] == [300, 300, 0]
    house.check_ended(intent_id)


def test_a_stop_that_is_reached_while_the_entry_waits_sells_what_it_filled_at_once(house: MarketHouse) -> None:
    """Until the pair is at the venue execution watches the stop; a pair beyond its stop would be rejected."""
    intent_id = house.parent("bracket", SIZE, BID, **LONG)
    house.turn(5)
    house.venue.fill(house.venue.resting[0].client_id, 300)
    house.turn(5)
    house.venue.bid, house.venue.ask = BID - 2 * FAR, ASK - 2 * FAR
    house.trade(10, price=BID - 2 * FAR)
    house.turn(200)
    assert not house.venue.pairs
    assert house.role.ledger.owned[STRATEGY, 1].size == 0
    house.check_ended(intent_id)


def test_a_pair_that_risk_refuses_is_kept(house: MarketHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account's caps may have room for one more order and not for a pair: the position still needs its exits."""
    intent_id = house.parent("bracket", SIZE, BID, **LONG)
    house.turn(5)
    check = house.role.gate.check

    def refuse_pairs(*terms: Any, stop: int = 0, **more: Any) -> Verdict:
        return Refusal(Reason.TOO_MANY_ORDERS, 2, 1) if stop else check(*terms, stop=stop, **more)

    monkeypatch.setattr(house.role.gate, "check", refuse_pairs)
    house.venue.fill(house.venue.resting[0].client_id, SIZE)
    house.turn(500)
    (target,) = house.venue.resting
    assert (target.kind, target.price, stage(house, intent_id)) == ("LIMIT", "60020.00", 0)
    house.trade(10, price=BID - 2 * FAR)
    market(house, -2 * FAR, 200)
    assert house.role.ledger.owned[STRATEGY, 1].size == 0
    house.check_ended(intent_id)


@pytest.mark.parametrize("commits", [1, 2])
def test_a_rest_too_small_for_an_order_ends_its_parent_also_after_a_death(house: MarketHouse, commits: int) -> None:
    """The book shows it, not an order's end: a parent that works for ever keeps its strategy waiting."""
    intent_id = pair(house)
    _, limit = both(house, intent_id)
    die_after(house, commits)
    house.venue.fill(limit.client_id, SIZE - 4)
    with suppress(DeathError):
        house.turn(5)
    house.rings["journal"].__dict__.pop("publish_bytes", None)
    house.venue.sweep(BID - FAR, ASK - FAR)
    house.restart()
    house.ready()
    house.run(40, 250 * MS)
    house.trade(10, price=BID - FAR)
    market(house, -FAR, 300)
    assert house.filled(intent_id) == SIZE - 4
    house.check_ended(intent_id)

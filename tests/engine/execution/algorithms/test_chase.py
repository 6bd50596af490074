"""Chases: at the best price of their side, within their cap, never more than the intent."""

import math
from pathlib import Path
from typing import Any

import pytest

from engine.model.words import BookState, CommandKind, OrderState, Reason, TimeInForce
from tests.engine.execution.algorithms.market import MarketHouse
from tests.engine.execution.memory import CHASE, MS, OTHER, STRATEGY, House, requests


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER))
    house.ready()
    return house


def test_a_chase_follows_the_best_price_and_never_passes_its_cap(house: House) -> None:
    """Its order rests at the best price until that is beyond the cap."""
    house.place(algorithm=CHASE, price=6_000_600, size=1000)
    for bid in (6_000_200, 6_000_500, 6_000_900, 6_000_100):
        house.run(120)
        house.book(bid, bid + 100)
        house.run(5)
    prices = [params["price"] for params in requests(house, "order.place") + requests(house, "order.cancelReplace")]
    assert prices == ["60000.00", "60002.00", "60005.00", "60006.00", "60001.00"]
    assert len([one for one in house.venue.orders.values() if one.open]) == 1
    house.check_truth()


def test_a_chase_is_not_moved_more_often_than_its_pause_allows(house: House) -> None:
    """A nervous book is no reason for a ban; the last price is followed when the pause is over."""
    house.place(algorithm=CHASE, price=0, size=1000)
    for step in range(50):
        house.book(6_000_000 + step * 10, 6_000_100 + step * 10)
        house.run(2)
    assert len(requests(house, "order.cancelReplace")) <= 2
    house.run(150)
    assert requests(house, "order.cancelReplace")[-1]["price"] == "60004.90"


def test_a_partly_filled_chase_cancels_first_and_places_the_exact_rest(house: House) -> None:
    """A fill that overtakes the move must not be bought twice."""
    order = house.place(algorithm=CHASE, price=0, size=1000)
    house.venue.fill(order.client_id.hex(), 300)
    house.run(120)
    house.venue.event_latency_ns = 50 * MS
    house.venue.fill(order.client_id.hex(), 250)
    house.book(6_000_300, 6_000_400)
    house.run(10)
    assert requests(house, "order.cancelReplace") == []
    assert requests(house, "order.place")[-1]["quantity"] == "0.00450"
    house.settle(1)
    house.check_truth()


def test_a_fill_that_overtakes_a_replacement_places_nothing(house: House) -> None:
    """ONLY_NEW: the venue refuses both halves."""
    order = house.place(algorithm=CHASE, price=0, size=1000)
    house.run(120)
    house.venue.event_latency_ns = 50 * MS
    house.venue.fill(order.client_id.hex(), 300)
    house.book(6_000_300, 6_000_400)
    house.run(1)
    assert len(requests(house, "order.cancelReplace")) == 1
    house.settle(4)
    house.book(6_000_300, 6_000_400)
    house.settle(1)
    whole = [one for one in house.venue.orders.values() if one.open]
    assert [one.size - one.executed for one in whole] == [700]
    house.check_truth()


def test_a_chase_ends_when_its_time_is_over(house: House) -> None:
    """And leaves no order open."""
    house.place(algorithm=CHASE, price=0, timeout_ns=300 * MS)
    house.run(330)
    assert not any(one.open for one in house.venue.orders.values())
    assert not house.role.blotter.parents


def test_a_halt_stops_a_chase_between_two_requests(house: House) -> None:
    """No order is open at that moment, so there is nothing to cancel; and resume must not bring it back."""
    order = house.place(algorithm=CHASE, price=0, size=1000)
    house.venue.fill(order.client_id.hex(), 300)
    house.run(120)
    house.book(6_000_300, 6_000_400)
    house.run(1)
    house.command(CommandKind.HALT)
    house.settle(1)
    house.command(CommandKind.RESUME)
    for bid in (6_000_500, 6_000_700):
        house.run(200)
        house.book(bid, bid + 100)
    house.run(5)
    assert not any(one.open for one in house.venue.orders.values())
    assert house.role.blotter.parents == {}
    house.check_truth()


def test_a_chase_goes_on_after_a_death(house: House) -> None:
    """The chase does not ask the strategy."""
    house.place(algorithm=CHASE, price=0, size=1000)
    house.restart()
    house.ready()
    house.run(120)
    house.book(6_000_700, 6_000_800)
    house.run(5)
    assert [one.price for one in house.venue.orders.values() if one.open] == ["60007.00"]
    house.check_truth()


def test_each_move_of_a_chase_passes_risk(house: House) -> None:
    """A spread too wide stops it at its present price."""
    house.place(algorithm=CHASE, price=0, size=1000)
    house.run(120)
    house.book(6_000_200, 6_100_000)
    house.run(5)
    assert requests(house, "order.cancelReplace") == []
    assert house.rings["verdicts"].rows[-1].reason == Reason.SPREAD_TOO_WIDE


def between_two_requests(house: House) -> Any:
    """A chase whose request was cancelled to be moved, and whose next is not placed yet."""
    order = house.place(algorithm=CHASE, price=0, size=1000)
    house.venue.fill(order.client_id.hex(), 300)
    house.run(120)
    house.book(6_000_300, 6_000_400)
    house.run(1)
    house.book(6_000_300, 6_000_400, state=BookState.RESYNCING)
    house.run(20)
    assert order.state == OrderState.CANCELLED
    assert house.role.blotter.parents
    return order


@pytest.mark.parametrize("word", ["cancel", "cancel all", "halt"])
def test_a_chase_that_was_stopped_between_two_requests_stays_so_after_a_death(house: House, word: str) -> None:
    """Its last order ends as every replaced one does: only the record of the stop shows that nothing follows."""
    order = between_two_requests(house)
    if word == "cancel":
        house.cancel(order.intent_id)
    elif word == "cancel all":
        house.command(CommandKind.CANCEL_ALL)
    elif word == "halt":
        house.command(CommandKind.HALT)
        house.run(2)
        house.command(CommandKind.RESUME)
    house.run(1)
    before = len(requests(house, "order.place"))
    house.restart()
    house.ready()
    house.settle(2)
    assert len(requests(house, "order.place")) == before
    house.check_truth()


def prices(house: House) -> list[str]:
    """The chase's prices, request by request."""
    return [params["price"] for params in requests(house, "order.place") + requests(house, "order.cancelReplace")]


def follow(house: House, steps: tuple[tuple[int, float], ...]) -> list[str]:
    """Chase through best bids, each with its imbalance."""
    house.place(algorithm=CHASE, price=0, size=1000)
    for bid, imbalance in steps:
        house.run(120)
        house.book(bid, bid + 100, imbalance=imbalance)
        house.run(5)
    house.check_truth()
    return prices(house)


def test_a_chase_knows_the_imbalance_and_follows_whatever_it_is(house: House) -> None:
    """A policy that is not configured must change nothing, not even in a book that is all offers."""
    assert follow(house, ((6_000_200, -1.0), (6_000_500, float("nan")))) == ["60000.00", "60002.00", "60005.00"]
    assert math.isnan(house.role._tops[1].imbalance)
    house.book(6_000_500, 6_000_600, imbalance=-0.25)
    house.run(1)
    assert house.role._tops[1].imbalance == -0.25


def test_a_chase_holds_while_the_book_leans_towards_it(tmp_path: Path) -> None:
    """Asked to, it does not pay more while more is offered than bid; it follows where it gains by it."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER), chase_hold_imbalance=0.5)
    house.ready()
    steps = ((6_000_200, -0.6), (6_000_300, -0.5), (6_000_400, -0.9), (6_000_100, -0.9), (6_000_500, 0.9))
    assert follow(house, steps) == ["60000.00", "60003.00", "60001.00", "60005.00"]


@pytest.mark.parametrize("count", [1, 20])
def test_a_top_has_the_imbalance_of_its_record_by_both_ways(house: House, count: int) -> None:
    """A burst of books is read by the reader's methods, a few in place: the chaser must not see two numbers."""
    for number in range(count):
        house.book(6_000_000 + number, 6_000_100 + number, imbalance=number / 32 - 0.5)
    house.run(1)
    assert house.role._tops[1].imbalance == (count - 1) / 32 - 0.5


def test_a_chase_crosses_within_10_ms_of_its_time(tmp_path: Path) -> None:
    """Asked to, it pays the spread rather than end unfilled; a move just before must not delay it."""
    house = MarketHouse(tmp_path)
    begin_ns = house.now_ns
    intent_id = house.parent("chase", 1000, cross_ms=500)
    house.turn(450)
    house.venue.bid, house.venue.ask = house.venue.bid + 50, house.venue.ask + 50
    while house.now_ns < begin_ns + 490 * MS:
        house.turn()
    assert [one.price for one in house.venue.resting] == ["60000.50"]
    while house.now_ns < begin_ns + 510 * MS:
        house.turn()
    assert house.filled(intent_id) == 1000
    assert house.children(intent_id)[-1].price == "60001.50"
    house.check_ended(intent_id)


def test_a_chase_that_may_not_take_is_refused_when_asked_to_cross(tmp_path: Path) -> None:
    """A post-only order at the opposite price is rejected by the venue, every time."""
    house = MarketHouse(tmp_path)
    intent_id = house.parent("chase", 1000, cross_ms=500, time_in_force=TimeInForce.POST_ONLY)
    house.turn(3)
    assert house.verdict(intent_id) == Reason.ALGORITHM_PARAMETER


def test_a_chase_is_repriced_within_one_book_event(tmp_path: Path) -> None:
    """The step that reads the book sends the request."""
    house = MarketHouse(tmp_path)
    house.parent("chase", 1000)
    house.turn(150)
    house.venue.bid += 50
    house.turn(1)
    assert requests(house, "order.cancelReplace")[-1]["price"] == "60000.50"


def test_an_improving_chase_is_one_step_better_and_does_not_outbid_itself(tmp_path: Path) -> None:
    """It leads the queue where the spread has room, and joins it where it has none."""
    house = MarketHouse(tmp_path)
    house.parent("improve", 1000)
    house.turn(150)
    assert [one.price for one in house.venue.resting] == ["60000.01"]
    house.venue.bid = 6_000_001  # its own order
    house.turn(150)
    assert [one.price for one in house.venue.resting] == ["60000.01"]
    house.venue.bid = 6_000_099
    house.turn(150)
    assert [one.price for one in house.venue.resting] == ["60000.99"]

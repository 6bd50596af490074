"""Pegged: at its offset from the book, moved with it, cancelled when its time is over."""

from pathlib import Path

import pytest

from engine.model.words import SELL
from tests.engine.execution.algorithms.market import MarketHouse
from tests.engine.execution.memory import MS


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade."""
    return MarketHouse(tmp_path)


@pytest.mark.parametrize(("side", "terms", "prices"), [
    (1, {}, ["59970.49", "60970.99"]), (SELL, {}, ["60030.51", "61032.01"]),
    (1, {"offset_bps": 10}, ["59940.49", "60940.49"]),
    (1, {"reference": 1}, ["60000.00", "61001.00"]), (SELL, {"reference": 1}, ["60001.00", "61002.00"]),
    (1, {"reference": 1, "offset_bps": 1}, ["59994.00", "60994.89"]),
    (1, {"reference": 2}, ["60000.50", "61001.50"]), (SELL, {"reference": 2}, ["60000.50", "61001.50"]),
])  # fmt: skip
def test_a_pegged_order_is_at_its_offset_and_moves_with_the_book(
    house: MarketHouse, side: int, terms: dict[str, int], prices: list[str]
) -> None:
    """5 bps of the middle unless the intent asks for another offset; rounded away from the other side."""
    house.parent("pegged", 1000, 0, side, **terms)
    house.turn(120)
    seen = [house.venue.resting[0].price]
    house.venue.bid, house.venue.ask = 6_100_100, 6_100_200
    house.turn(5)
    assert [*seen, *(one.price for one in house.venue.resting)] == prices
    house.check_truth()


@pytest.mark.parametrize(("terms", "end_ms"), [({}, 30_000), ({"timeout_ms": 700}, 700)])
def test_a_pegged_order_is_cancelled_within_10_ms_of_its_time(
    house: MarketHouse, terms: dict[str, int], end_ms: int
) -> None:
    """30 s unless the intent asks for another time; a late cancel is an order that no process watches."""
    begin_ns = house.now_ns
    intent_id = house.parent("pegged", 1000, **terms)
    house.turn((end_ms - 10) // 10, 10 * MS)
    assert len(house.venue.resting) == 1
    while house.now_ns < begin_ns + (end_ms + 10) * MS:
        house.turn()
    house.check_ended(intent_id)


def test_a_pegged_order_that_a_death_met_is_cancelled_at_its_time(house: MarketHouse) -> None:
    """The time counts from the intent, so a death does not prolong it."""
    intent_id = house.parent("pegged", 1000, timeout_ms=700)
    house.turn(5)
    house.restart()
    house.ready()
    house.turn(710)
    house.check_ended(intent_id)


@pytest.mark.parametrize("fault", ["busy", "late", "lose"])
@pytest.mark.parametrize("fill", [0, 300])
def test_a_pegged_order_whose_replacement_fails_at_its_time_is_cancelled(
    house: MarketHouse, fault: str, fill: int
) -> None:
    """The order that was to be replaced lives on, or ends before the refused one: neither may follow the book then."""
    intent_id = house.parent("pegged", 1000, timeout_ms=700, interval_ms=100)
    house.turn(690)
    house.venue.fault("order.cancelReplace", fault)
    house.venue.bid, house.venue.ask = 6_000_500, 6_000_600
    house.turn(6)
    if fill:
        house.venue.fill(house.venue.resting[0].client_id, fill)
    house.turn(3_000, 2 * MS)
    house.check_ended(intent_id)


def test_a_pegged_order_never_passes_its_limit(house: MarketHouse) -> None:
    """The book may run; the parent's price is the bound."""
    house.parent("pegged", 1000, 6_000_100, reference=1)
    house.turn(120)
    house.venue.bid, house.venue.ask = 6_000_500, 6_000_600
    house.turn(5)
    assert [one.price for one in house.venue.resting] == ["60001.00"]

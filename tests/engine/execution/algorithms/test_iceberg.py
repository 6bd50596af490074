"""Iceberg: only the display size is visible, refilled until the parent's exact size."""

from pathlib import Path

import pytest

from engine.model.words import SELL, Reason
from tests.engine.execution.algorithms.market import MarketHouse


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade."""
    return MarketHouse(tmp_path)


@pytest.mark.parametrize("side", [1, SELL])
def test_only_the_display_size_is_visible_and_every_fill_refills_it(house: MarketHouse, side: int) -> None:
    """Who sees the whole size trades against it."""
    price = 5_999_900 if side == 1 else 6_000_300
    intent_id = house.parent("iceberg", 1050, price, side, display=200)
    for _ in range(6):
        house.turn(10)
        [shown] = house.venue.resting
        assert shown.size <= 200
        house.venue.fill(shown.client_id, 150)
        house.turn(5)
        assert house.venue.resting == ([] if shown.size == 50 else [shown])
        if shown.open:
            house.venue.fill(shown.client_id, 50)
    house.turn(5)
    assert [one.size for one in house.children(intent_id)] == [200] * 5 + [50]
    assert {one.price for one in house.children(intent_id)} == {f"{price / 100:.2f}"}
    house.check_ended(intent_id)


def test_an_iceberg_without_a_price_rests_at_the_best_price(house: MarketHouse) -> None:
    """The edge of the collar, which is the limit then, would cross."""
    house.parent("iceberg", 1000, 0, display=200)
    house.turn(10)
    assert [(one.price, one.executed) for one in house.venue.resting] == [("60000.00", 0)]


@pytest.mark.parametrize(("size", "display", "reason"), [
    (1000, 0, Reason.ALGORITHM_PARAMETER), (1000, 5, Reason.NOTIONAL_TOO_SMALL),
    (1004, 200, Reason.NOTIONAL_TOO_SMALL), (5, 200, Reason.NOTIONAL_TOO_SMALL),
])  # fmt: skip
def test_an_iceberg_whose_last_child_is_too_small_is_refused_at_the_start(
    house: MarketHouse, size: int, display: int, reason: Reason
) -> None:
    """Its rest could not be sold without showing more than the display size."""
    intent_id = house.parent("iceberg", size, 5_999_900, display=display)
    house.turn(3)
    assert house.verdict(intent_id) == reason
    assert not house.venue.orders

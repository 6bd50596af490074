"""Protected market: at once, never worse than the cap of its start, nothing left at the venue."""

from pathlib import Path

import pytest

from engine.model.words import SELL
from tests.engine.execution.algorithms.market import MarketHouse


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade."""
    return MarketHouse(tmp_path)


@pytest.mark.parametrize(("side", "price", "terms", "cap"), [
    (1, 0, {}, "60061.00"), (1, 0, {"slippage_bps": 1}, "60007.00"), (1, 6_000_300, {}, "60003.00"),
    (SELL, 0, {}, "59940.00"), (SELL, 5_999_900, {}, "59999.00"),
])  # fmt: skip
def test_a_protected_order_takes_at_most_to_its_cap(
    house: MarketHouse, side: int, price: int, terms: dict[str, int], cap: str
) -> None:
    """A thin book must not cost more than the author allowed: 10 bps, or what the intent has."""
    intent_id = house.parent("protected", 1000, price, side, **terms)
    house.turn(5)
    assert [(one.price, one.executed) for one in house.children(intent_id)] == [(cap, 1000)]
    house.check_ended(intent_id)


def test_what_a_thin_book_left_follows_within_the_same_cap_until_the_time_is_over(house: MarketHouse) -> None:
    """The cap does not follow the market; the end leaves nothing at the venue."""
    house.venue.depth = 300
    intent_id = house.parent("protected", 1000)
    house.turn(250)
    house.venue.bid, house.venue.ask = 6_006_000, 6_006_200
    house.turn(400)
    assert house.filled(intent_id) == 900
    assert {one.price for one in house.children(intent_id)} == {"60061.00"}
    house.turn(400)
    house.check_ended(intent_id)

"""Adaptive TWAP: rests while the book lets it, crosses when the book moves away."""

from pathlib import Path

import pytest

from tests.engine.execution.algorithms.market import MarketHouse


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade."""
    return MarketHouse(tmp_path)


@pytest.mark.parametrize(("imbalance", "side", "crossed"), [
    (0.9, 1, True), (-0.9, 1, False), (0.9, -1, False), (-0.9, -1, True), (0.2, 1, False), (float("nan"), 1, False),
])  # fmt: skip
def test_it_crosses_early_only_while_the_book_leans_away(
    house: MarketHouse, imbalance: float, side: int, crossed: bool
) -> None:
    """More bids than offers lift the price that a buyer waits below."""
    intent_id = house.parent("adaptive_twap", 1000, side=side, duration_ms=1000, slices=2)
    house.turn(150)
    house.turn(10, imbalance=imbalance)
    assert house.filled(intent_id) == (500 if crossed else 0)


def test_it_is_off_its_schedule_by_at_most_one_slice(house: MarketHouse) -> None:
    """Patience ends within the slice."""
    begin_ns, size, slice_ns = house.now_ns, 1003, 250_000_000
    intent_id = house.parent("adaptive_twap", size, duration_ms=1000, slices=4, patience_pct=90)
    for _ in range(1020):
        house.turn()
        late, index = ((house.now_ns - begin_ns - behind_ns) // slice_ns for behind_ns in (10_000_000, 0))
        assert size * late // 4 <= house.filled(intent_id) <= size * (index + 1) // 4
    house.check_ended(intent_id)

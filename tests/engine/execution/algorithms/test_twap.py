"""TWAP: off its schedule by at most one slice, to the exact size, through deaths."""

from pathlib import Path

import pytest

from engine.model.refusals import refusal_text
from engine.model.words import SELL, Reason
from tests.engine.execution.algorithms.market import MarketHouse
from tests.engine.execution.memory import BTC, MS


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade."""
    return MarketHouse(tmp_path)


@pytest.mark.parametrize("side", [1, SELL])
@pytest.mark.parametrize("patience", [0, 50])
def test_a_twap_is_off_its_schedule_by_at_most_one_slice(house: MarketHouse, side: int, patience: int) -> None:
    """Between two slices it may have what the first of them allows, and no less than what the last one asked for."""
    size, slices, slice_ns = 1003, 5, 200 * MS
    begin_ns = house.now_ns
    intent_id = house.parent("twap", size, side=side, duration_ms=1000, slices=slices, patience_pct=patience)
    for _ in range(1020):
        house.turn()
        late, index = ((house.now_ns - begin_ns - behind_ns) // slice_ns for behind_ns in (10 * MS, 0))
        assert size * late // slices <= house.filled(intent_id) <= size * (index + 1) // slices
    assert house.filled(intent_id) == size
    assert len(house.children(intent_id)) == (slices if not patience else 2 * slices)
    house.check_ended(intent_id)


def test_a_patient_child_that_is_filled_at_its_price_does_not_cross(house: MarketHouse) -> None:
    """It pays no spread where the market comes to it."""
    intent_id = house.parent("twap", 1000, duration_ms=1000, slices=5, patience_pct=80)
    for _ in range(5):
        house.turn(20)
        for one in house.venue.resting:
            house.venue.fill(one.client_id, 1000)
        house.turn(180)
    assert {one.price for one in house.children(intent_id)} == {"60000.00"}
    house.check_ended(intent_id)


@pytest.mark.parametrize(("size", "price", "terms", "reason", "text"), [
    (1000, 0, {"slices": 0}, Reason.ALGORITHM_PARAMETER, "twap: slices is 0"),
    (1000, 0, {"duration_ms": 0}, Reason.ALGORITHM_PARAMETER, "twap: duration_ms is 0"),
    (1000, 0, {"patience_pct": 91}, Reason.ALGORITHM_PARAMETER, "twap: patience_pct is 91"),
    (1000, 0, {"slices": 6}, Reason.SLICE_TOO_SHORT, "a slice has 166 ms, at least 200: ask for fewer slices"),
    (44, 0, {}, Reason.NOTIONAL_TOO_SMALL, "4.8000000 is less than 5.0000000 USDT"),
    (4, 0, {}, Reason.SIZE_STEP, "0.00000 BTC is less than 0.00001 BTC"),
    (0, 0, {}, Reason.SIZE_STEP, "0.00000 BTC is less than 0.00001 BTC"),
])  # fmt: skip
def test_a_twap_that_cannot_be_exact_is_refused_at_the_start(
    house: MarketHouse, size: int, price: int, terms: dict[str, int], reason: Reason, text: str
) -> None:
    """A parent whose last slice is too small for the venue would end with a rest that no one expected."""
    intent_id = house.parent("twap", size, price, **{"duration_ms": 1000, "slices": 5} | terms)
    house.turn(3)
    verdict = [row for row in house.rings["verdicts"].rows if row.intent_id == intent_id][-1]
    assert verdict.reason == reason
    assert text in refusal_text(verdict.reason, verdict.value, verdict.limit, BTC)
    assert not house.venue.orders


def test_an_execution_that_was_dead_resumes_with_the_deficit_in_children_of_one_slice(house: MarketHouse) -> None:
    """One order of the whole deficit would be the impact that the schedule avoids."""
    intent_id = house.parent("twap", 1000, duration_ms=1000, slices=5)
    house.turn(10)
    house.kill()
    house.now_ns += 700 * MS
    house.role = house.live()
    house.ready()
    begin = len(house.children(intent_id))
    house.turn(310)
    assert [one.executed for one in house.children(intent_id)[begin - 1 :]] == [200] * 4
    house.turn(800)
    assert house.filled(intent_id) == 1000
    house.check_ended(intent_id)


def test_an_execution_that_was_dead_beyond_the_end_completes_the_size(house: MarketHouse) -> None:
    """A schedule whose time passed unattended is late, not forgotten."""
    intent_id = house.parent("twap", 1000, duration_ms=1000, slices=5)
    house.turn(10)
    house.kill()
    house.now_ns += 5000 * MS
    house.role = house.live()
    house.ready()
    house.turn(600)
    assert house.filled(intent_id) == 1000
    house.check_ended(intent_id)


def test_a_market_beyond_the_limit_ends_the_schedule_with_what_it_could_fill(house: MarketHouse) -> None:
    """No child is worse than the limit, none is left at the venue, and the record shows what is missing."""
    intent_id = house.parent("twap", 1000, 6_000_150, duration_ms=1000, slices=5)
    house.turn(450)
    house.venue.sweep(6_000_200, 6_000_300)
    house.turn(800)
    assert house.filled(intent_id) == 600
    assert max(one.price for one in house.children(intent_id)) <= "60001.50"
    house.check_ended(intent_id)


def test_a_child_that_rests_at_the_limit_is_filled_when_the_market_returns(house: MarketHouse) -> None:
    """Waiting at the limit loses no place in the queue."""
    intent_id = house.parent("twap", 1000, 6_000_000, duration_ms=1000, slices=5)
    house.turn(450)
    assert [one.price for one in house.venue.resting] == ["60000.00"]
    house.venue.sweep(5_999_900, 6_000_000)
    house.turn(900)
    assert house.filled(intent_id) == 1000
    house.check_ended(intent_id)


def test_rejections_in_a_row_end_the_schedule(house: MarketHouse) -> None:
    """A venue that has no balance for it is not asked ten times a second for a day."""
    house.venue.fault("order.place", *["refuse"] * 3)
    intent_id = house.parent("twap", 1000, duration_ms=10_000, slices=5)
    house.turn(9_000, 2 * MS)
    assert len(house.venue.outgoing) < 40
    house.check_ended(intent_id)

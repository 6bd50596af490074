"""Every algorithm, killed after any record of the journal: never more than the parent, no orphan, the same end."""

import random
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.model.words import BUY, SELL, Reason
from tests.engine.execution.algorithms.market import MarketHouse, die_after, run_through

SHARE, WHOLE = 3, 1_000
soak = (pytest.mark.soak, pytest.mark.timeout(3600))
COUNTS = [SHARE, pytest.param(WHOLE, marks=soak)]


class Case(NamedTuple):
    """One parent."""

    name: str
    size: int
    child: int  # the size of one child
    terms: dict[str, int]


CASES = [
    Case("twap", 1003, 201, {"duration_ms": 1000, "slices": 5}),
    Case("twap", 1003, 201, {"duration_ms": 1000, "slices": 5, "patience_pct": 60}),
    Case("iceberg", 1050, 200, {"display": 200}),
    Case("pegged", 1000, 1000, {"reference": 2, "timeout_ms": 900, "interval_ms": 20}),
    Case("pov", 1000, 60, {"participation_pct": 30}),
    Case("vwap", 1003, 400, {"duration_ms": 1000, "slices": 5}),
    Case("adaptive_twap", 1003, 201, {"duration_ms": 1000, "slices": 5}),
    Case("protected", 1000, 0, {"timeout_ms": 700}),
    Case("chase", 1000, 0, {"interval_ms": 20, "cross_ms": 500}),
    Case("improve", 1000, 0, {"interval_ms": 20, "cross_ms": 500}),
]  # fmt: skip
PROFILE = "time_ms,symbol,volume\n1700000000000,BTCUSDT,3\n1700000060000,BTCUSDT,5\n"
IDS = [f"{one.name}-{place}" for place, one in enumerate(CASES)]


def opened(directory: Path) -> MarketHouse:
    """A house with a volume profile."""
    directory.mkdir()
    (directory / "profile.csv").write_text(PROFILE)
    return MarketHouse(directory / "journal", volume_profile=str(directory / "profile.csv"))


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_death_after_any_record_changes_the_end_by_at_most_one_child(tmp_path: Path, case: Case, count: int) -> None:
    """The journal is cut at every record in turn (here: a share of them), and the next life continues."""
    whole = opened(tmp_path / "whole")
    before = whole.rings["journal"].cursor
    intent_id = whole.parent(case.name, case.size, **case.terms)
    run_through(whole, intent_id)
    expected, records = whole.filled(intent_id), whole.rings["journal"].cursor - before
    whole.check_ended(intent_id)
    for at in range(1, records, max(1, records // count)):
        house = opened(tmp_path / str(at))
        die_after(house, at)
        assert house.parent(case.name, case.size, **case.terms) == intent_id
        run_through(house, intent_id)
        assert expected - case.child <= house.filled(intent_id) <= case.size, f"record {at}"
        house.check_ended(intent_id)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_drawn_sizes_prices_markets_and_deaths_end_in_the_truth(tmp_path: Path, case: Case, count: int) -> None:
    """Whatever the market does and whenever execution dies: never more than the parent, nothing left at the venue."""
    for seed in range(count):
        print(f"seed {seed}")  # noqa: T201 - to repeat it
        draw = random.Random(f"{case.name} {seed}")
        house = opened(tmp_path / str(seed))
        side = draw.choice((BUY, SELL))
        price = draw.choice((0, 0, 6_000_050 + draw.randrange(-40, 90)))
        size = draw.randrange(case.child, 3 * case.size)
        intent_id = house.parent(case.name, size, price, side, timeout_ns=3_000_000_000, **case.terms)
        house.turn(4)
        if house.verdict(intent_id) == Reason.APPROVED:
            die_after(house, draw.randrange(120))
            run_through(house, intent_id, draw)
            house.check_ended(intent_id)

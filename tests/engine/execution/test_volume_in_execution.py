"""The cap on an order's share of the traded volume, in the real Execution over the lane of ticks."""

from pathlib import Path

import pytest

from engine.execution.algorithms import prints
from engine.model.refusals import refusal_text
from engine.model.words import SELL, Reason, TickKind
from engine.risk.table import read_risk
from tests.engine.execution.algorithms.market import MarketHouse
from tests.engine.execution.memory import BTC, SECOND

RISK = {"max_volume_share": {"share": "0.1", "minutes": 1}}


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system whose orders are at most a tenth of a minute's volume."""
    return MarketHouse(tmp_path, risk=RISK, caps=read_risk(RISK)[1])


def reason(house: MarketHouse, size: int, **more: int) -> Reason:
    """Risk's answer to an order of this size."""
    house.turn(2)
    intent = house.intent(size=size, price=5_990_000, **more)
    house.turn(3)
    return Reason(house.verdict(intent))


def test_without_a_print_no_entry_passes(house: MarketHouse) -> None:
    """A market of which nothing is known is not one that can bear an order."""
    assert reason(house, 1_000) == Reason.VOLUME_SHARE
    house.trade(50_000, kind=TickKind.LEVEL)
    house.trade(50_000, instrument=2)
    assert reason(house, 1_000) == Reason.VOLUME_SHARE


def test_an_entry_is_at_most_its_share_until_the_volume_is_old(house: MarketHouse) -> None:
    """The last allowed size, one above it, and the same a minute later."""
    house.trade(30_000)
    assert [reason(house, size) for size in (3_000, 3_001)] == [Reason.APPROVED, Reason.VOLUME_SHARE]
    last = house.rings["verdicts"].rows[-1]
    text = refusal_text(last.reason, last.value, last.limit, BTC)
    assert "0.03001 BTC of 0.03000 BTC for what the market traded" in text
    house.turn(600, SECOND // 10)
    assert reason(house, 1_000) == Reason.VOLUME_SHARE


def test_an_exit_passes_any_volume(house: MarketHouse) -> None:
    """A thin market must not hold a position fast."""
    house.trade(30_000)
    house.turn(2)
    intent = house.intent(size=3_000, price=house.venue.ask)
    house.turn(5)
    assert house.filled(intent) == 3_000
    house.turn(700, SECOND // 10)
    assert reason(house, 3_000) == Reason.VOLUME_SHARE
    leaving = house.intent(side=SELL, size=3_000, price=house.venue.ask + 100)
    house.turn(3)
    assert house.verdict(leaving) == Reason.APPROVED


def test_the_next_life_counts_the_ring_again(house: MarketHouse) -> None:
    """A death must not stop entries for minutes, nor count a print twice."""
    house.trade(30_000)
    assert reason(house, 3_000) == Reason.APPROVED
    house.restart()
    house.ready()
    assert [reason(house, size) for size in (3_000, 3_001)] == [Reason.APPROVED, Reason.VOLUME_SHARE]


def test_an_algorithm_counts_no_print_of_before_its_start(house: MarketHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Risk reads the ring from its beginning, in parts, and the algorithms read with it."""
    for _ in range(200):
        house.trade(1_000)
    monkeypatch.setattr(prints, "MOST", 1)
    house.restart()
    house.ready()
    house.turn(100)
    intent = house.parent("pov", 10_000, participation_pct=20)
    house.turn(300)
    assert house.filled(intent) == 9  # the smallest order at the start

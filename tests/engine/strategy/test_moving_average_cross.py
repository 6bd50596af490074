"""The sample on bars: when it is long, and what a gap in the bars does."""

import pytest

from engine.model.words import BUY, SELL
from engine.strategy.inputs.values import inputs_of
from engine.strategy.samples import MovingAverageCross
from tests.engine.strategy.conftest import BTC, System, begin

S = 1_000_000_000


def closes(system: System, *prices: int, interval_ns: int = S) -> None:
    """Bars with these closes."""
    for price in prices:
        system.aggregate("bars", instrument=1, close=price, interval_ns=interval_ns)


def test_it_buys_when_the_fast_mean_is_over_the_slow_one_and_sells_when_it_is_not(system: System) -> None:
    """Bars of another interval are none of its closes."""
    kind = MovingAverageCross
    strategy = kind((BTC,), kind.Parameters(size="0.00010", interval_ms=1_000, fast=1, slow=3, slip_bps=100.0))
    role = system.role(strategy)
    begin(role)

    def step(now_ns: int) -> list[tuple[int, int, int]]:
        before = len(system.intents)
        system.book([(9_900, 100)], [(10_100, 100)])
        role.step(now_ns)
        return [(one.side, one.size, one.price) for one in system.intents[before:]]

    closes(system, 100, 100)
    closes(system, 900, interval_ns=60 * S)
    assert step(2_000) == []
    closes(system, 130)  # means: 130 and 110
    assert step(2_001) == []
    assert step(2_002) == [(BUY, 10, 10_201)]
    system.fill(strategy.orders(BTC)[0].intent_id, BUY, 10)
    system.verdict(strategy.orders(BTC)[0].intent_id, 12)
    role.step(2_003)
    closes(system, 90)  # means: 90 and 106.7
    role.step(2_004)
    assert step(2_005) == [(SELL, 10, 9_801)]
    inputs_of(strategy).reset()
    closes(system, 200, 300)
    role.step(2_006)
    assert step(2_007) == [], "two bars after a gap are no slow mean"


def test_means_that_can_never_cross_are_refused() -> None:
    """It would hold for ever, or never."""
    with pytest.raises(ValueError, match="fast must be below slow, was 20 with slow 20"):
        MovingAverageCross.Parameters(size="1", interval_ms=1, fast=20, slow=20)

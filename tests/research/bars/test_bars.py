"""What a run on arrays of bars refuses, and its rules on the smallest bars that show them."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from research.bars import BAR, check, cross, hold, tape
from research.simulate import Fees
from tests.research.bars.series import BEGIN_NS, BTC, MINUTE_NS, bars

FEES = Fees.flat("0", "0.001")


def flat(*closes: int, gap: int = 0) -> np.ndarray:
    """Bars that open at the close before, 5 units higher."""
    table = np.zeros(len(closes), BAR)
    table["start_ns"] = BEGIN_NS + np.arange(len(closes)) * (1 + gap) * MINUTE_NS
    table["close"] = closes
    table["open"] = np.append(closes[0], closes[:-1]) + 5
    table["high"], table["low"] = np.maximum(table["open"], closes), np.minimum(table["open"], closes)
    return table


def test_a_decision_at_a_close_is_filled_at_the_next_open_half_a_spread_worse() -> None:
    """A fill at the close that decided it is the commonest flattery of a test on bars."""
    table = flat(1_000, 1_100, 1_200, 1_150, 1_150)
    found = hold(table, BTC, "1m", sides=[0, 1, 0, -1, -1], size="1", fees=FEES, half_spread_steps=2)
    curve = found.curve(0)
    assert curve["position"].tolist() == [0, 0, 1_000, 0, -1_000]
    paid, got, sold = 11.05 + 0.02, 12.05 - 0.02, 11.55 - 0.02
    fees = [0.001 * price for price in (paid, got, sold)]
    assert curve["equity"] == pytest.approx(
        [0, 0, 12 - paid - fees[0], got - paid - sum(fees[:2]), got - paid + sold - 11.5 - sum(fees)]
    )
    [row] = found.table
    assert (row["fills"], row["position"], row["fees"]) == (3, -1_000, round(sum(fees) * 1e8))
    assert row["equity"] == curve["equity"][-1]


def test_bars_of_another_length_are_refused() -> None:
    """Bars of a minute as bars of 30 s would be known half a minute before they have ended."""
    table = flat(1_000, 2_000, 1_500)
    with pytest.raises(ValueError, match="no two rows are 30000000000 ns apart, the nearest are 60000000000: give"):
        hold(table, BTC, "30s", sides=[1, 1, 0], size="1", fees=Fees.flat("0", "0"), half_spread_steps=1)


def test_the_last_close_decides_nothing_and_a_drawdown_is_from_the_highest_equity() -> None:
    """There is no bar after the last one to fill at."""
    table = flat(1_000, 2_000, 1_500, 1_500)
    [row] = hold(table, BTC, "1m", sides=[1, 1, 0, 1], size="1", fees=Fees.flat("0", "0"), half_spread_steps=1).table
    assert row["position"] == 0
    assert row["drawdown"] == pytest.approx(20 - 15.0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"start_ns": 0}, "row 3, start_ns 0, .*expected start_ns in nanoseconds since 1970"),
        ({"start_ns": BEGIN_NS + 2 * MINUTE_NS}, "row 3, .*the row before has the same start_ns"),
        ({"start_ns": BEGIN_NS + MINUTE_NS}, "row 3, .*the row before is later: sort the bars"),
        ({"start_ns": BEGIN_NS + 2 * MINUTE_NS + 1}, "row 3, .*the row before has not ended"),
        ({"low": 0}, "row 3, .*expected prices over 0"),
        ({"high": 900}, "row 3, .*expected a high that no other price exceeds"),
        ({"low": 1_100}, "row 3, .*expected a low that no other price is below"),
        ({"volume": -1}, "row 3, .*expected a volume of 0 or more"),
    ],
)
def test_a_wrong_bar_is_named(change: dict[str, int], text: str) -> None:
    """A mean over a wrong row is a number that looks right."""
    table = flat(1_000, 1_100, 1_000, 1_100, 1_000)
    for name, value in change.items():
        table[name][3] = value
    with pytest.raises(ValueError, match=text):
        check(table, BTC, MINUTE_NS)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"fast": [5], "slow": [5]}, "fast must be below slow and over 0, was 5 with slow 5"),
        ({"fast": [5, 6]}, "fast has 2 windows and slow 1"),
        ({"size": "0.0001"}, "0.0001"),
        ({"size": "0"}, "size: 0 in the decimals of BTCUSDT, expected multiples of 1"),
        ({"half_spread_steps": 0}, "half_spread_steps: found 0, expected a whole number of price steps, 1 or more"),
        ({"half_spread_steps": 10_000}, "10000 steps are not below the lowest price"),
        ({"interval": "1x"}, "found '1x', expected a length like"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], text: str) -> None:
    """An option that is changed in silence tests another strategy."""
    chosen: dict[str, Any] = {"fast": [2], "slow": [3], "size": "1", "half_spread_steps": 1, "interval": "1m"}
    with pytest.raises(ValueError, match=text):
        cross(bars(1), BTC, fees=FEES, **(chosen | options))


@pytest.mark.parametrize(("sides", "text"), [([0, 1], "expected 5 rows"), ([0, 1, 2, 0, 0], "row 2, set 0 has 2")])
def test_sides_that_are_none_are_named(sides: list[int], text: str) -> None:
    """A size in the place of a side would trade it many times over."""
    with pytest.raises(ValueError, match=text):
        hold(flat(100, 200, 300, 400, 500), BTC, "1m", sides=sides, size="1", fees=FEES, half_spread_steps=1)


@pytest.mark.parametrize("limit", [{"size_max": 1_500}, {"notional_max": 1_500 * 1_300}])
def test_an_order_from_long_to_short_keeps_the_venue_s_limits(limit: dict[str, Any]) -> None:
    """The order has two sizes: a venue that rejects it leaves a strategy long which the run shows short."""
    table, one = flat(1_000, 1_100, 1_200, 1_150, 1_150), dataclasses.replace(BTC, **limit)
    options: dict[str, Any] = {"size": "1", "fees": FEES, "half_spread_steps": 2}
    assert hold(table, one, "1m", sides=[0, 1, 0, -1, 1], **options).table["fills"] == 3
    with pytest.raises(ValueError, match=r"size: 1000 in the decimals of BTCUSDT, expected .*2000"):
        hold(table, one, "1m", sides=[0, 1, -1, -1, -1], **options)


def test_an_unknown_path_inside_a_bar_is_named() -> None:
    """Which extreme is first decides whether a stop or a target is filled."""
    with pytest.raises(ValueError, match="path: found 'best', expected one of low_first, high_first"):
        tape(flat(1_000, 1_100), BTC, MINUTE_NS, 1, "best")


def test_a_set_that_does_not_exist_has_no_curve() -> None:
    """The last set in place of it would be read as another."""
    found = cross(bars(1), BTC, "1m", fast=[2], slow=[3], size="1", fees=FEES, half_spread_steps=1)
    with pytest.raises(IndexError, match="set 1: expected 0 to 0"):
        found.curve(1)

"""The array path holds, pays and earns what the strategy itself does when it is run event by event."""

import random
from typing import Any

import numpy as np
import pytest

from engine.strategy.samples import MovingAverageCross
from research.bars import GivenBars, cross, tape
from research.simulate import Constant, Fees, Models, Result, simulate
from tests.research.bars.series import BTC, MINUTE_NS, bars

FEES = Fees.flat("0.0002", "0.00055555")


def event_path(table: np.ndarray, fast: int, slow: int, size: str, fees: Fees, half: int, path: str) -> Result:
    """The sample strategy on the bars as events."""
    return simulate(
        tape(table, BTC, MINUTE_NS, half, path),
        MovingAverageCross,
        instruments=[BTC],
        parameters={"size": size, "interval_ms": 60_000, "fast": fast, "slow": slow, "slip_bps": 50.0},
        models=Models(Constant(1), Constant(1), fees),
        mark_ns=MINUTE_NS,
        bars=GivenBars({BTC: table}, MINUTE_NS),
    )


def held_at(result: Result, ends: np.ndarray) -> tuple[Any, Any]:
    """Position and fees after the fills before these times."""
    fills = result.fills
    until = np.searchsorted(fills["venue_ns"], ends)
    return tuple(np.append(0, np.cumsum(column))[until] for column in (fills["side"] * fills["size"], fills["fee"]))  # type: ignore[return-value]


@pytest.mark.parametrize("seed", range(12))
def test_the_array_path_equals_the_event_path_to_the_last_unit(seed: int) -> None:
    """Otherwise a parameter that a sweep of arrays finds best is not the one that trades."""
    draw = random.Random(seed)
    table = bars(seed)
    slow = draw.randint(2, 40)
    fast, half, size = draw.randint(1, slow - 1), draw.randint(1, 5), f"0.{draw.randint(1, 999):03}"
    result = event_path(table, fast, slow, size, FEES, half, draw.choice(("low_first", "high_first")))
    found = cross(table, BTC, "1m", fast=[1, fast], slow=[2, slow], size=size, fees=FEES, half_spread_steps=half)
    curve = found.curve(1)
    position, fees = held_at(result, table["start_ns"] + MINUTE_NS)
    assert len(result.fills) == found.table[1]["fills"] > 2, seed
    assert (curve["position"] == position).all(), seed
    assert (curve["fees"] == fees).all(), seed
    equity = result.equity(BTC.id)
    assert curve[-1]["equity"] == pytest.approx(equity[-1]["equity"], abs=1e-9), seed
    marked = np.isin(equity["at_ns"], table["start_ns"] + MINUTE_NS) & np.isfinite(equity["equity"])
    rows = np.searchsorted(table["start_ns"] + MINUTE_NS, equity["at_ns"][marked])
    close = table["close"][rows] / 100
    before = curve["equity"][rows]
    assert len(rows) > 100, seed
    np.testing.assert_allclose(before, _at_close(result, rows, table, close), atol=1e-9, err_msg=str(seed))


def test_the_engine_s_own_roles_hold_the_same() -> None:
    """The slower speed of a simulation is the engine itself."""
    table = bars(7, 120, gaps=0)
    models = Models(Constant(1), Constant(1), FEES)
    parameters = {"size": "0.1", "interval_ms": 60_000, "fast": 3, "slow": 8, "slip_bps": 50.0}
    found = cross(table, BTC, "1m", fast=[3], slow=[8], size="0.1", fees=FEES, half_spread_steps=1)
    result = simulate(
        tape(table, BTC, MINUTE_NS, 1), MovingAverageCross, instruments=[BTC], parameters=parameters, models=models,
        speed="engine", bars=GivenBars({BTC: table}, MINUTE_NS),
    )  # fmt: skip
    position, fees = held_at(result, table["start_ns"] + MINUTE_NS)
    curve = found.curve(0)
    assert found.table[0]["fills"] > 2
    assert (curve["position"] == position).all()
    assert (curve["fees"] == fees).all()


def _at_close(result: Result, rows: np.ndarray, table: np.ndarray, close: np.ndarray) -> np.ndarray:
    """What the event path's account is worth at these closes, from its fills."""
    fills = result.fills
    until = np.searchsorted(fills["venue_ns"], table["start_ns"][rows] + MINUTE_NS)
    signed = fills["side"] * fills["size"]
    cash = np.append(0.0, np.cumsum(-signed * fills["price"] / 1e5 - fills["fee"] / 1e8))[until]
    return cash + np.append(0, np.cumsum(signed))[until] / 1e3 * close

"""Indicators that TA-Lib has equal it: seeds, warm-up and values."""

import numpy as np
import pytest

from engine.indicators.catalogue import indicators, make

talib = pytest.importorskip("talib")

ROWS = 2_000
SEEDS = range(4)
# TA-Lib adds and subtracts in one float: what it shows of a small difference is a rest of large numbers.
ROUNDING = {"bollinger": 1e-8, "stochastic": 1e-9}


def market(seed: int) -> dict[str, np.ndarray]:
    """Bars of a random walk in which some prices rest."""
    random = np.random.default_rng(seed)
    close = 100 + np.round(random.normal(size=ROWS) * random.integers(0, 2, ROWS), 2).cumsum()
    high, low = (close + sign * np.round(np.abs(random.normal(size=ROWS)), 2) for sign in (1, -1))
    return {
        "price": close,
        "close": close,
        "high": high,
        "low": low,
        "volume": np.round(random.exponential(size=ROWS), 3),
    }


CASES = {
    "sma": ([(1,), (20,), (500,)], lambda m, n: [talib.SMA(m["close"], n)]),
    "ema": ([(2,), (20,), (500,)], lambda m, n: [talib.EMA(m["close"], n)]),
    "wma": ([(2,), (20,), (500,)], lambda m, n: [talib.WMA(m["close"], n)]),
    "rsi": ([(2,), (14,), (300,)], lambda m, n: [talib.RSI(m["close"], n)]),
    "macd": ([(12, 26, 9), (3, 50, 5)], lambda m, *p: talib.MACD(m["close"], *p)),
    "stochastic": ([(5, 3, 3), (14, 1, 4), (1, 1, 1)],
                   lambda m, n, k, d: talib.STOCH(m["high"], m["low"], m["close"], n, k, 0, d, 0)),
    "atr": ([(1,), (14,), (300,)], lambda m, n: [talib.ATR(m["high"], m["low"], m["close"], n)]),
    "bollinger": ([(20, 2.0), (5, 1.5)], lambda m, n, d: in_our_order(*talib.BBANDS(m["close"], n, d, d, 0))),
    "obv": ([()], lambda m: [talib.OBV(m["close"], m["volume"])]),
}  # fmt: skip


def in_our_order(upper: np.ndarray, middle: np.ndarray, lower: np.ndarray) -> list[np.ndarray]:
    """The bands, the value first."""
    return [middle, upper, lower]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CASES)
def test_an_indicator_equals_talib(name: str, seed: int) -> None:
    """A user who moves here from another engine keeps the thresholds that he tuned there."""
    [kind] = [one for one in indicators() if one.definition.name == name]
    data = market(seed)
    parameters, theirs = CASES[name]
    for values in parameters:
        ours = kind(*values)
        found = list(ours.every(*(data[column] for column in ours.inputs)).values())
        expected = theirs(data, *values)
        for mine, other in zip(found, expected, strict=False):
            assert np.array_equal(np.isnan(mine), np.isnan(other)), values
            np.testing.assert_allclose(mine, other, rtol=1e-12, atol=ROUNDING.get(name, 1e-10))


@pytest.mark.parametrize("name", ["rsi", "stochastic_k", "macd", "atr", "sma", "ema", "wma", "bb_upper"])
def test_a_market_at_rest_equals_talib(name: str) -> None:
    """Where a formula divides by nothing the answer is a convention: it is TA-Lib's."""
    rest = np.full(100, 5.0)
    ours = make(name)
    theirs = {"stochastic_k": "STOCH", "bb_upper": "BBANDS"}.get(name, name.upper())
    expected = getattr(talib, theirs)(*[rest] * len(ours.inputs))
    found = ours.over(*[rest] * len(ours.inputs))
    assert found[-1] == (expected[0] if isinstance(expected, tuple) else expected)[-1]


def test_every_indicator_that_names_a_function_of_talib_is_compared() -> None:
    """The documents state equality for each of them."""
    ours = [one.definition for one in indicators() if one.__module__.startswith("engine.indicators.")]
    named = {one.name for one in ours if one.talib != "no such function"}
    assert named == set(CASES)
    assert all(hasattr(talib, one.talib) for one in ours if one.name in named)

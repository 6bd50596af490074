"""Every indicator equals its plain formula, row by row and over an array, on random histories."""

from collections.abc import Iterator
from math import isfinite, isnan, nan
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.indicators.catalogue import indicators
from engine.indicators.definition import Missing
from engine.indicators.indicator import Indicator
from tests.engine.indicators.histories import history
from tests.engine.indicators.plain import FORMULAS, Outputs, Rows

OURS = [one for one in indicators() if one.__module__.startswith("engine.indicators.")]
SMALL = {"window": 6, "fast": 3, "slow": 5, "signal": 4, "k": 2, "d": 3}
TOLERANCE = 1e-12
usable = lambda number: isfinite(number) and abs(number) <= 1e100  # noqa: E731 - as the definition has it
by_name = pytest.mark.parametrize("kind", OURS, ids=lambda one: one.definition.name)


def small(kind: type[Indicator], random: Random) -> Indicator:
    """One with small windows, so that a short history fills them several times."""
    while True:
        named = {
            one.name: random.randint(1, SMALL[one.name]) for one in kind.definition.parameters if one.name in SMALL
        }
        try:
            return kind(**named)
        except ValueError:  # below a bound, or fast above slow: draw again
            continue


def expected(indicator: Indicator, rows: Rows) -> Outputs:
    """The plain formula, with missing rows as the definition has them."""
    definition = type(indicator).definition
    formula = FORMULAS[definition.name]
    nothing = (nan,) * len(indicator.outputs)
    if definition.missing is Missing.ACCEPT:
        return formula(rows, indicator.parameters)
    if definition.missing is Missing.SKIP:
        there = [row for row in rows if all(map(usable, row))]
        values = iter(formula(there, indicator.parameters) if there else [])
        return [next(values) if all(map(usable, row)) else nothing for row in rows]
    found: Outputs = []
    for whole in runs(definition.name, rows):
        found += formula(whole, indicator.parameters) if whole else [nothing]
    return found


def runs(name: str, rows: Rows) -> Iterator[Rows]:
    """The runs of rows between missing ones, and an empty list for each missing one."""
    run: Rows = []
    for row in rows:
        if all(map(usable, row)) and not (name == "ofi" and (row[1] <= 0 or row[3] <= 0)):
            run.append(row)
        else:
            if run:
                yield run
            yield []
            run = []
    if run:
        yield run


def columns(rows: Rows) -> list[np.ndarray]:
    """The rows as arrays, times as integers where all are there."""
    return [np.array(one) for one in zip(*rows, strict=True)]


def assert_close(indicator: Indicator, found: list[float], exact: float, output: str, row: int, scale: float) -> None:
    """Equal to 1e-12 relative; of sums and differences that may cancel, relative to what was added."""
    value = found[row]
    assert isnan(value) == isnan(exact), (indicator, output, row, value, exact)
    if not isnan(value):
        assert abs(value - exact) <= TOLERANCE * max(abs(exact), scale), (indicator, output, row, value, exact)


def scale_of(name: str, output: str, rows: Rows, exact: dict[str, float]) -> float:
    """What an output's rounding is relative to, if not to the output: the size of what was added."""
    if name in {"macd", "obv", "trade_flow", "ofi", "imbalance"} and output != "trade_imbalance":
        return (
            max((abs(number) for row in rows for number in row if usable(number)), default=0)
            if name != "imbalance"
            else 1
        )
    if name == "bollinger":
        middle, reach = abs(exact["bb_middle"]), exact["bb_upper"] - exact["bb_middle"]
        return middle + reach if output != "bb_pct" else 1 + 1e-3 * middle / reach if reach else 1
    return {"trade_imbalance": 1.0, "spread_bps": 1e5}.get(output, 0.0)


def check(indicator: Indicator, rows: Rows) -> None:
    """A stream of rows, whole arrays and the plain formula give the same."""
    over = indicator.every(*columns(rows)) if rows else {}
    exact = expected(indicator, rows)
    for i, row in enumerate(rows):
        indicator.update(*row)
        wanted = dict(zip(indicator.outputs, exact[i], strict=True))
        for output, value in indicator.values.items():
            np.testing.assert_array_equal(over[output][i], value)  # the same compiled lines: bit for bit
            scale = scale_of(type(indicator).definition.name, output, rows, wanted)
            assert_close(indicator, list(over[output]), wanted[output], output, i, scale)


@by_name
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.sampled_from([1, 2, 7, 40]))
def test_an_indicator_equals_its_formula(kind: type[Indicator], seed: int, rows: int) -> None:
    """A wrong number here is a wrong order later: missing rows, constants, no volume, one value, several windows."""
    random = Random(seed)
    indicator = small(kind, random)
    check(indicator, history(indicator.inputs, random, rows))


@by_name
def test_the_first_value_is_at_the_stated_row(kind: type[Indicator]) -> None:
    """A strategy warms up by this number: one row less and it waits for ever, one more and it trades on nothing."""
    indicator = kind()
    for count, row in enumerate(history(indicator.inputs, Random(3), 400, missing=0), 1):
        indicator.update(*(abs(number) or 1.0 for number in row))
        assert indicator.ready == (count >= indicator.first_row), count
        others = [isnan(value) for value in indicator.values.values()]
        assert kind.definition.name == "bollinger" or others == [not indicator.ready] * len(others)


@by_name
def test_every_formula_has_a_test(kind: type[Indicator]) -> None:
    """A new indicator without a plain formula beside it would be checked by nothing."""
    assert kind.definition.name in FORMULAS


@pytest.mark.parametrize("price", [65_432.1, 0.1, 1 / 3])
@pytest.mark.parametrize("kind", [one for one in OURS if "price" in one.definition.columns(one().parameters)],
                         ids=lambda one: one.definition.name)  # fmt: skip
def test_constant_prices_have_exact_values(kind: type[Indicator], price: float) -> None:
    """Noise where nothing moved would cross a threshold: averages equal the price, deviations are 0."""
    indicator = kind()
    row = [price if name == "price" else 1.0 for name in indicator.inputs]
    values = {name: value[-1] for name, value in indicator.every(*(np.full(500, one) for one in row)).items()}
    zero = {"rsi", "macd", "macd_signal", "macd_histogram", "realised_volatility"}
    for name, value in values.items():
        assert value == (0 if name in zero else price) or (name == "bb_pct" and np.isnan(value)), name


@pytest.mark.xfail(strict=True, reason="the canary: a comparison in which this passes compares nothing")
def test_the_canary_fails() -> None:
    """An error of one part in 10^11 must be found."""
    assert_close(OURS[0](), [1 + 1e-11], 1.0, "canary", 0, 0.0)

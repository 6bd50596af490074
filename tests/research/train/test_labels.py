"""Labels equal a plain loop over rows, and never use a price after the time at which they are known."""

import math
from typing import Any

import numpy as np
import pytest

from research.train.labels import NEVER, barriers, fixed, trend
from tests.research.train.series import walk

SPANS = (3, 7, 12)


@pytest.mark.parametrize("seed", range(5))
def test_fixed_equals_a_loop(seed: Any) -> None:
    """A vectorised label that is off by one row would train on the wrong outcome."""
    at, price = walk(300, seed)
    found = fixed(at, price, 23)
    for row in range(300):
        if at[row] + 23 > at[-1]:
            assert math.isnan(found.value[row])
            assert found.known_ns[row] == NEVER
            continue
        last = max(one for one in range(300) if at[one] <= at[row] + 23)
        assert found.value[row] == price[last] / price[row] - 1
        assert found.known_ns[row] == at[row] + 23


@pytest.mark.parametrize("seed", range(5))
def test_barriers_equal_a_loop(seed: Any) -> None:
    """The first touch decides, and the time of it is when the outcome is known."""
    at, price = walk(300, seed)
    width = np.abs(np.random.default_rng(seed).normal(0.002, 5e-4, 300)) + 1e-5
    width[10] = np.nan
    found = barriers(at, price, width, 40, up=1.0, down=0.7)
    assert set(found.value[np.isfinite(found.value)]) == {-1.0, 0.0, 1.0}
    for row in range(300):
        value, known = _touch(at, price, row, width[row])
        assert found.known_ns[row] == known
        assert found.value[row] == value or (math.isnan(value) and math.isnan(found.value[row]))


def _touch(at: Any, price: Any, row: Any, width: Any) -> Any:
    """The outcome of one row, by walking on from it."""
    if at[row] + 40 > at[-1] or math.isnan(width):
        return math.nan, NEVER
    for later in range(row + 1, len(at)):
        if at[later] > at[row] + 40:
            break
        if price[later] >= price[row] * (1 + width):
            return 1.0, at[later]
        if price[later] <= price[row] * (1 - 0.7 * width):
            return -1.0, at[later]
    return 0.0, at[row] + 40


@pytest.mark.parametrize("seed", range(5))
def test_trend_equals_a_loop(seed: Any) -> None:
    """The t-value is that of a least-squares line, of the span where it is largest."""
    at, price = walk(200, seed)
    found = trend(at, price, SPANS)
    for row in range(200 - max(SPANS)):
        best = max((_t_value(np.log(price[row : row + span + 1])) for span in SPANS), key=abs)
        assert found.value[row] == pytest.approx(best, rel=1e-7)
        assert found.known_ns[row] == at[row + max(SPANS)]
    assert np.isnan(found.value[200 - max(SPANS) :]).all()


def _t_value(values: Any) -> Any:
    """By numpy's own least squares."""
    place = np.arange(len(values))
    (slope, _), covariance = np.polyfit(place, values, 1, cov="unscaled")
    rest = values - np.polyval(np.polyfit(place, values, 1), place)
    return slope / math.sqrt(covariance[0, 0] * (rest @ rest) / (len(values) - 2))


@pytest.mark.parametrize(
    "label", [lambda a, p: fixed(a, p, 30), lambda a, p: barriers(a, p, 0.002, 30, up=1, down=1),
              lambda a, p: trend(a, p, SPANS)],
)  # fmt: skip
def test_no_label_looks_beyond_the_time_at_which_it_is_known(label: Any) -> None:
    """Other prices after a cut leave every label that is known by the cut as it was."""
    at, price = walk(300, 1)
    before = label(at, price)
    cut = 200
    changed = np.where(np.arange(300) > cut, price * 1.5, price)
    after = label(at, changed)
    closed = before.known_ns <= at[cut]
    assert closed.sum() > 100
    assert np.array_equal(before.value[closed], after.value[closed])
    assert not np.array_equal(before.value, after.value, equal_nan=True)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda _, price: price.__setitem__(3, np.nan), "row 3: price nan: expected a finite price above 0"),
        (lambda _, price: price.__setitem__(3, 0.0), r"row 3: price 0\.0: expected a finite price above 0"),
        (lambda at, _: at.__setitem__(3, at[2]), "row 3: time .* expected increasing times"),
    ],
)
def test_bad_rows_are_refused_with_their_number(spoil: Any, text: Any) -> None:
    """A label over a NaN price would look like one over a flat one."""
    at, price = walk(20, 0)
    spoil(at, price)
    for label in (lambda: fixed(at, price, 5), lambda: trend(at, price, (2, 3))):
        with pytest.raises(ValueError, match=text):
            label()


def test_bad_parameters_are_refused() -> None:
    """A horizon of 0 labels every row with 0."""
    at, price = walk(20, 0)
    with pytest.raises(ValueError, match="horizon 0 ns: expected a time above 0"):
        fixed(at, price, 0)
    with pytest.raises(ValueError, match="barriers up = 0"):
        barriers(at, price, 0.1, 5, up=0, down=1)
    with pytest.raises(ValueError, match=r"width -0\.1"):
        barriers(at, price, -0.1, 5, up=1, down=1)
    with pytest.raises(ValueError, match="spans"):
        trend(at, price, (1,))


def test_data_shorter_than_the_horizon_has_no_label() -> None:
    """Ten rows know nothing about the next hour."""
    at, price = walk(10, 0)
    for found in (fixed(at, price, 10**9), trend(at, price, (50,)), barriers(at, price, 0.1, 10**9, up=1, down=1)):
        assert np.isnan(found.value).all()
        assert (found.known_ns == NEVER).all()


def test_flat_prices_have_no_trend() -> None:
    """No division by an error of 0 becomes a signal."""
    at = np.arange(20, dtype=np.int64)
    assert (trend(at, np.full(20, 7.0), (3, 5)).value[:15] == 0).all()

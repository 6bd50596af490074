"""Running sums do not drift: after 10^6 rows a value equals the exact formula of its window."""

from fractions import Fraction
from math import fsum, sqrt

import numpy as np
import pytest

from engine.indicators import Bollinger, Ema, Obv, Rsi, Sma, VolumeRatio, Vwap, Wma

ROWS = 10**6
PLACES = (ROWS - 1, ROWS // 2 + 7)
random = np.random.default_rng(20260)
PRICES = 60_000 * np.exp((random.normal(size=ROWS) * 1e-4).cumsum())
SIZES = random.exponential(size=ROWS) * 10.0 ** random.integers(-8, 8, ROWS)


def exactly(found: float, expected: float) -> None:
    """Equal to 1e-12."""
    assert abs(found - expected) <= 1e-12 * abs(expected), (found, expected)


@pytest.mark.parametrize("window", [20, 1_000, 250_000])
def test_a_moving_mean_after_a_million_rows_is_exact(window: int) -> None:
    """A sum that only adds and subtracts collects the rounding of every row since the start of the process."""
    for values in (PRICES, SIZES):
        found = Sma(window).over(values)
        for at in PLACES:
            exactly(found[at], fsum(values[at + 1 - window : at + 1]) / window)


@pytest.mark.parametrize("window", [20, 1_000, 250_000])
def test_a_weighted_mean_after_a_million_rows_is_exact(window: int) -> None:
    """Its sum is corrected by another running sum, so one error would grow with the square of the rows."""
    found = Wma(window).over(PRICES)
    weights = np.arange(1, window + 1)
    for at in PLACES:
        exactly(found[at], fsum(weights * PRICES[at + 1 - window : at + 1]) / (window * (window + 1) / 2))


@pytest.mark.parametrize("window", [20, 5_000])
def test_a_deviation_after_a_million_rows_is_exact(window: int) -> None:
    """The difference of two sums of squares loses all digits in one float: the bands would close on a quiet market."""
    bands = Bollinger(window, 1.0).every(PRICES)
    for at in PLACES:
        values = [Fraction(float(one)) for one in PRICES[at + 1 - window : at + 1]]
        middle = sum(values) / window
        reach = sqrt(sum((one - middle) ** 2 for one in values) / window)
        assert abs((bands["bb_upper"][at] - bands["bb_middle"][at]) - reach) <= 1e-12 * (reach + float(middle))
        exactly(bands["bb_pct"][at], 0.5 + float(values[-1] - middle) / (2 * reach))


def followed(values: np.ndarray, window: int, factor: float) -> np.longdouble:
    """The last value of an exponential average in long double."""
    average = np.longdouble(fsum(values[:window]) / window)
    for value in values[window:].astype(np.longdouble):
        average += np.longdouble(factor) * (value - average)
    return average


@pytest.mark.parametrize("window", [14, 100_000])
def test_an_average_that_follows_itself_does_not_drift(window: int) -> None:
    """With a small factor the roundings of 100 000 rows would add up."""
    prices = PRICES[:200_000]
    exactly(Ema(window).over(prices)[-1], float(followed(prices, window, 2 / (window + 1))))
    up, down = (followed(np.maximum(sign * np.diff(prices), 0), window, 1 / window) for sign in (1, -1))
    exactly(Rsi(window).over(prices)[-1], float(100 * up / (up + down)))


def test_sums_without_a_window_are_exact_after_a_million_rows() -> None:
    """They never lose an error again."""
    signed = np.append(SIZES[0], np.sign(np.diff(PRICES)) * SIZES[1:])
    exactly(Obv().over(PRICES, SIZES)[-1], fsum(signed))
    found = Vwap().over(PRICES, SIZES, np.zeros(ROWS, np.int64))[-1]
    value = np.dot(PRICES.astype(np.longdouble), SIZES.astype(np.longdouble))
    exactly(found, float(value / np.longdouble(fsum(SIZES))))


def test_a_huge_row_leaves_nothing_in_the_window() -> None:
    """One volume of 1e15 is remembered as long as it is in the window, and its rounding not longer."""
    values = np.full(100, 1e-6)
    values[10] = 1e15
    found = Sma(20).over(values)
    exactly(found[30], 1e-6)
    exactly(VolumeRatio(20).over(values)[30], 1.0)


def test_a_window_of_zeros_sums_to_zero() -> None:
    """A rest of 1e-20 would make a volume ratio of 1e20."""
    values = np.append(np.full(50, 0.1), np.zeros(30))
    assert Sma(20).over(values)[-1] == 0
    assert np.isnan(VolumeRatio(20).over(values)[-1])

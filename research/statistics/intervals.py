"""How sure a figure is: confidence intervals by resampling, and by the formula for a Sharpe ratio.

`stationary` draws rows with blocks of geometric length (Politis and Romano 1994): what follows another stays together.
`plain` draws each value alone, for trades. Every draw is from a seed, which the caller prints.

    standard error of a step's Sharpe S      sqrt((1 - skew * S + (kurtosis - 1) / 4 * S^2) / (n - 1))    (Mertens 2002)
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from research.statistics.figures import Row, Undefined, sharpe

DRAWS = 1_000
LEVEL = 0.95
CELLS_MOST = 4_000_000  # values of the draws in memory at once


class Interval(NamedTuple):
    """The middle part of what the draws gave."""

    low: float
    high: float
    level: float
    defined: float  # the part of the draws that defined the figure


def stationary(count: int, block: float, draws: int, seed: int) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """For each draw, `count` places: after each one the next, or with probability 1 / block any other."""
    random = np.random.default_rng(seed)
    starts = random.integers(0, count, (draws, count))
    jump = random.random((draws, count)) < 1.0 / max(block, 1.0)
    jump[:, 0] = True
    at = np.arange(count)
    last = np.maximum.accumulate(np.where(jump, at, -1), axis=1)
    return np.asarray((np.take_along_axis(starts, last, 1) + at - last) % count, np.int64)


def plain(count: int, draws: int, seed: int) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """For each draw, `count` places."""
    return np.random.default_rng(seed).integers(0, count, (draws, count))


def interval(
    values: Row, figure: Callable[[Row], float], *, block: float = 1.0, draws: int = DRAWS, seed: int = 0,
    level: float = LEVEL,
) -> Interval:  # fmt: skip
    """The interval of a figure over values; a block of 1 draws each value alone."""
    if len(values) < 2:  # noqa: PLR2004 - one value has no spread
        raise Undefined(f"an interval needs at least 2 values, found {len(values)}")
    found: list[float] = []
    each = max(1, CELLS_MOST // len(values))
    for first in range(0, draws, each):
        several = min(each, draws - first)
        key = seed + first
        places = plain(len(values), several, key) if block <= 1 else stationary(len(values), block, several, key)
        found.extend(one for row in places if (one := _value(figure, values[row])) is not None)
    if not found:
        raise Undefined("no draw defines the figure")
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, len(found) / draws)


def _value(figure: Callable[[Row], float], values: Row) -> float | None:
    """The figure of a draw; None where the draw does not define it."""
    try:
        return figure(values)
    except Undefined:
        return None


def moments(returns: Row) -> tuple[float, float]:
    """Skew and kurtosis (3 for a normal distribution), with n."""
    centred = returns - returns.mean()
    second = float(np.mean(centred**2))
    if second == 0.0:
        raise Undefined("every return is the same")
    return float(np.mean(centred**3)) / second**1.5, float(np.mean(centred**4)) / second**2


def sharpe_error(returns: Row, steps: float) -> float:
    """The standard error of a Sharpe ratio of a year."""
    one = sharpe(returns, 1.0)
    skew, kurtosis = moments(returns)
    variance = (1.0 - skew * one + (kurtosis - 1.0) / 4.0 * one * one) / (len(returns) - 1)
    if variance <= 0:
        raise Undefined("the moments of the returns give no error: too few of them")
    return math.sqrt(variance) * math.sqrt(steps)


def sharpe_interval(returns: Row, steps: float, level: float = LEVEL) -> Interval:
    """The interval of a Sharpe ratio by its standard error."""
    middle, error = sharpe(returns, steps), sharpe_error(returns, steps)
    wide = NormalDist().inv_cdf((1 + level) / 2) * error
    return Interval(middle - wide, middle + wide, level, 1.0)

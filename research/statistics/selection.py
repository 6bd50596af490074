"""The best of many trials looks better than it is: by how much.

deflated_sharpe   the probability that the best of N trials has a Sharpe above what luck gives the best of N
                  (Bailey and Lopez de Prado 2014)
overfit           the probability that the trial which is best in one half of the time is below the median in the
                  other (probability of backtest overfitting by combinations, Bailey et al. 2015)
"""

import itertools
import math
from statistics import NormalDist
from typing import Any

import numpy as np

from research.statistics.figures import Row, Undefined, sharpe
from research.statistics.intervals import moments

EULER = 0.577_215_664_901_532_9
BLOCKS = 12  # 924 ways to choose half of them
BLOCKS_MOST = 16


def luckiest(deviation: float, trials: int) -> float:
    """The Sharpe that the best of `trials` without any skill is expected to have; `deviation` is that of the trials."""
    if trials < 2:  # noqa: PLR2004 - one trial is not chosen
        return 0.0
    normal = NormalDist()
    first, second = normal.inv_cdf(1 - 1 / trials), normal.inv_cdf(1 - 1 / (trials * math.e))
    return deviation * ((1 - EULER) * first + EULER * second)


def deflated_sharpe(returns: Row, sharpes: Row) -> float:
    """The probability for the chosen returns, given every trial's Sharpe of one step, the chosen one's too."""
    sharpes = np.asarray(sharpes, np.float64)
    if not len(sharpes) or not np.isfinite(sharpes).all():
        raise ValueError(f"sharpes: found {len(sharpes)} with {int((~np.isfinite(sharpes)).sum())} not finite")
    deviation = float(sharpes.std(ddof=1)) if len(sharpes) > 1 else 0.0
    one = sharpe(returns, 1.0)
    skew, kurtosis = moments(returns)
    spread = 1.0 - skew * one + (kurtosis - 1.0) / 4.0 * one * one
    if spread <= 0:
        raise Undefined("the moments of the returns give no error: too few of them")
    score = (one - luckiest(deviation, len(sharpes))) * math.sqrt(len(returns) - 1) / math.sqrt(spread)
    return NormalDist().cdf(score)


def overfit(returns: "np.ndarray[Any, np.dtype[np.float64]]", blocks: int = BLOCKS) -> float:
    """The probability of overfitting; `returns` has a row for each step and a column for each trial."""
    returns = np.asarray(returns, np.float64)
    if blocks % 2 or not 0 < blocks <= BLOCKS_MOST:
        raise ValueError(f"blocks: found {blocks}, expected an even number from 2 to {BLOCKS_MOST}")
    if returns.ndim != 2 or returns.shape[1] < 2 or returns.shape[0] < 2 * blocks:  # noqa: PLR2004 - a table
        raise Undefined(f"found returns of shape {returns.shape}, needs 2 trials and {2 * blocks} steps")
    if not np.isfinite(returns).all():
        raise ValueError("returns: found a value that is not finite")
    parts = np.array_split(returns, blocks)
    counts = np.array([len(one) for one in parts])
    sums, squares = (np.array([fold(one) for one in parts]) for fold in (_sum, _sum_of_squares))
    below = [_is_below(*(_sharpes(counts, sums, squares, half) for half in halves)) for halves in _halves(blocks)]
    return sum(below) / len(below)


def _halves(blocks: int) -> list[tuple[list[int], list[int]]]:
    """Each way to choose half of the blocks, and the other half."""
    every = set(range(blocks))
    return [(list(one), sorted(every - set(one))) for one in itertools.combinations(range(blocks), blocks // 2)]


def _sum(rows: Row) -> Row:
    return np.asarray(rows.sum(axis=0), np.float64)


def _sum_of_squares(rows: Row) -> Row:
    return np.asarray((rows**2).sum(axis=0), np.float64)


def _sharpes(counts: Any, sums: Row, squares: Row, blocks: list[int]) -> Row:
    """Each trial's Sharpe of one step over some blocks; 0 for one that never moved."""
    count, total, square = counts[blocks].sum(), sums[blocks].sum(axis=0), squares[blocks].sum(axis=0)
    mean = total / count
    variance = np.maximum(square / count - mean**2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = mean / np.sqrt(variance)
    return np.asarray(np.where(variance > 0, found, 0.0), np.float64)


def _is_below(chosen: Row, other: Row) -> bool:
    """Whether the best of one half is at or below the median of the other half."""
    best = int(np.argmax(chosen))
    lower, equal = int((other < other[best]).sum()), int((other == other[best]).sum())
    rank = (lower + (equal + 1) / 2) / (len(other) + 1)
    return rank <= 0.5  # noqa: PLR2004 - the median

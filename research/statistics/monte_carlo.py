"""Other orders of the same trades: what the end and the largest drawdown could have been.

Each path draws as many trades as there were, with replacement, and subtracts from each what a worse execution could
have cost: a draw from a half normal distribution whose mean is `slippage_bps` of the trade's notional. A path is ruined
when its equity falls to `ruin` of the capital at the end of any trade.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from research.statistics.figures import Row, Undefined
from research.statistics.intervals import CELLS_MOST

PATHS = 1_000
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
POINTS = 200  # of the drawn band


class Paths(NamedTuple):
    """What the paths gave."""

    returns: Row  # quantiles of the whole return
    drawdowns: Row  # quantiles of the largest drawdown
    ruin: float  # the part of the paths that was ruined
    spread: float  # of the whole return: its standard deviation
    trades: int
    paths: int
    seed: int
    slippage_bps: float
    band: Row  # quantiles (rows) of the equity at `band_at` (columns)
    band_at: Row  # after how many trades


def paths_of(
    profits: Row, notionals: Row, capital: float, *, slippage_bps: float = 0.0, ruin: float = 0.5, paths: int = PATHS,
    seed: int = 0,
) -> Paths:  # fmt: skip
    """Draw paths; `profits` and `notionals` have one value for each trade."""
    if len(profits) < 2:  # noqa: PLR2004 - one trade has one order
        raise Undefined(f"other orders of the trades need at least 2, found {len(profits)}")
    if not capital > 0 or not 0 <= ruin < 1 or slippage_bps < 0:
        raise ValueError(
            f"found capital {capital}, ruin {ruin}, slippage_bps {slippage_bps}: expected > 0, 0 to 1, >= 0"
        )
    at = np.unique(np.linspace(0, len(profits), min(POINTS, len(profits)) + 1).astype(int))
    random = np.random.default_rng(seed)
    parts = [
        _draw(random, profits, notionals * (slippage_bps / 1e4), capital, several, at)
        for several in _shares(paths, max(1, CELLS_MOST // len(profits)))
    ]
    ends, lows, worst, bands = (np.concatenate(one) for one in zip(*parts, strict=True))
    returns = ends / capital - 1.0
    return Paths(
        np.quantile(returns, QUANTILES), np.quantile(worst, QUANTILES), float(np.mean(lows <= ruin * capital)),
        float(returns.std(ddof=1)), len(profits), paths, seed, slippage_bps, np.quantile(bands, QUANTILES, axis=0),
        at.astype(np.float64),
    )  # fmt: skip


def _shares(whole: int, most: int) -> list[int]:
    """A number in parts of at most `most`."""
    return [min(most, whole - first) for first in range(0, whole, most)]


def _draw(
    random: np.random.Generator, profits: Row, costs: Row, capital: float, paths: int, at: Any
) -> tuple[Row, Row, Row, Row]:
    """End, lowest equity, largest drawdown and drawn band of some paths."""
    places = random.integers(0, len(profits), (paths, len(profits)))
    noise = np.abs(random.standard_normal(places.shape)) * math.sqrt(math.pi / 2)
    equity = capital + np.cumsum(profits[places] - costs[places] * noise, axis=1)
    equity = np.concatenate([np.full((paths, 1), capital), equity], axis=1)
    highest = np.maximum.accumulate(equity, axis=1)
    return equity[:, -1], equity.min(axis=1), (1.0 - equity / highest).max(axis=1), equity[:, at]

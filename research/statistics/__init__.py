"""Statistics of a run: figures with their intervals, the luck of the best trial, and other orders of the trades."""

from research.statistics.figures import (
    Undefined,
    calmar,
    capacity,
    drawdowns,
    max_drawdown,
    per_year,
    profit_factor,
    returns_of,
    sharpe,
    sortino,
    turnover,
    win_rate,
    yearly_return,
)
from research.statistics.intervals import Interval, interval, sharpe_error, sharpe_interval
from research.statistics.monte_carlo import Paths, paths_of
from research.statistics.selection import deflated_sharpe, luckiest, overfit

__all__ = [
    "Interval",
    "Paths",
    "Undefined",
    "calmar",
    "capacity",
    "deflated_sharpe",
    "drawdowns",
    "interval",
    "luckiest",
    "max_drawdown",
    "overfit",
    "paths_of",
    "per_year",
    "profit_factor",
    "returns_of",
    "sharpe",
    "sharpe_error",
    "sharpe_interval",
    "sortino",
    "turnover",
    "win_rate",
    "yearly_return",
]

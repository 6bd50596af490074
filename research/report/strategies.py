"""The strategies of a portfolio in its report: what each earned, lost from its highest profit, and paid.

A strategy has no capital of its own, so its drawdown is money, not a part of an equity. The profits of the strategies
add up to that of the portfolio.
"""

from typing import Any

import numpy as np

from research.performance.performance import Performance
from research.report.grids import correlation
from research.report.lines import LINES_MOST, lines
from research.report.tables import executed
from research.statistics.figures import Row


def strategies(one: Performance) -> dict[str, Any]:
    """A row for each strategy, their profits and drawdowns over time, and the correlation of their returns."""
    fallen = {name: -below_highest(row) for name, row in one.strategies.items()}
    deepest = dict(sorted(fallen.items(), key=lambda each: each[1].min())[:LINES_MOST])  # a sum of them is none
    return {
        "rows": [_strategy(one, number, name) for number, name in enumerate(one.strategies)],
        "profits": lines(one, one.strategies), "drawdowns": lines(one, deepest),
        "correlation": correlation(one.strategies),
    }  # fmt: skip


def below_highest(profit: Row) -> Row:
    """How far a profit is below its highest before, which is at least 0."""
    highest: Row = np.maximum(np.maximum.accumulate(profit), 0.0)
    return highest - profit


def _strategy(one: Performance, number: int, name: str) -> dict[str, Any]:
    """One strategy's row."""
    trades = one.trades[one.trades["account"] == number]
    return executed(one.executions[one.executions["strategy"] == number]) | {
        "strategy": name, "profit": float(one.strategies[name][-1]),
        "drawdown": float(below_highest(one.strategies[name]).max()), "refused": one.refusals[number],
        "trades": len(trades), "win": float((trades["profit"] > 0).mean()) if len(trades) else None,
    }  # fmt: skip

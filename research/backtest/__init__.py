"""`backtest_strategy`: a strategy over a table of ticks, books or bars, by one call."""

from research.backtest.run import backtest_strategy
from research.backtest.settings import Settings

__all__ = ["Settings", "backtest_strategy"]

"""The table of a performance's figures: each with its interval, or with the reason why it is not defined."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from research.performance.performance import Performance
from research.performance.trades import notional_of
from research.statistics import figures, intervals
from research.statistics.figures import Row, Undefined
from research.statistics.intervals import DRAWS

STEPS_MOST = 2_000  # that an interval draws from: of longer rows every n-th equity
TRADES_MOST = 20_000
LEAST_DEFINED = 0.5  # of the draws: with fewer there is no interval


class Figure(NamedTuple):
    """One row of the table; `value` is None when the data does not define it, and `why` is the reason."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    unit: str  # "%", "" or the currency
    why: str


def figures_of(one: Performance, seed: int = 0, draws: int = DRAWS) -> tuple[Figure, ...]:
    """Every figure. `seed` and `draws` are those of the intervals."""
    steps, every = figures.per_year(one.step_ns), max(1, math.ceil(len(one.equity) / STEPS_MOST))
    thin = one.equity[::-1][::every][::-1]  # the last value stays
    tables = _Tables(one.equity, thin, steps, steps / every, max(1.0, len(thin) ** (1 / 3)), seed, draws)
    profits = np.asarray(one.trades["profit"], np.float64)
    notional = notional_of(one.fills)
    return (
        Figure("profit", one.profit, None, None, one.currency, ""),
        _plain("return", lambda: one.equity[-1] / one.capital - 1.0, "%"),
        tables.over_equity("yearly return", figures.yearly_return, "%"),
        _sharpe(one.equity, steps),
        tables.over_returns("Sortino", figures.sortino),
        tables.over_equity("Calmar", figures.calmar),
        tables.over_equity("largest drawdown", lambda equity, _: figures.max_drawdown(equity), "%"),
        Figure("trades", float(len(profits)), None, None, "", ""),
        _trades("win rate", figures.win_rate, profits, seed, draws, "%"),
        _trades("profit factor", figures.profit_factor, profits, seed, draws),
        _trades("profit a trade", lambda row: float(np.mean(figures.closed(row))), profits, seed, draws, one.currency),
        Figure("fees", float(one.fills["fee"].sum()), None, None, one.currency, ""),
        Figure("traded", notional, None, None, one.currency, ""),
        _plain("turnover a year", lambda: figures.turnover(notional, one.equity, steps)),
        _plain("capacity", lambda: figures.capacity(one.capital, notional, one.market_notional), one.currency),
    )


def _plain(name: str, figure: Callable[[], float], unit: str = "") -> Figure:
    """A figure without an interval."""
    try:
        return Figure(name, float(figure()), None, None, unit, "")
    except Undefined as reason:
        return Figure(name, None, None, None, unit, str(reason))


def _sharpe(equity: Row, steps: float) -> Figure:
    """The Sharpe ratio, with the interval of its standard error."""
    try:
        returns = figures.returns_of(equity)
        value = figures.sharpe(returns, steps)
        found = intervals.sharpe_interval(returns, steps)
    except Undefined as reason:
        return Figure("Sharpe", None, None, None, "", str(reason))
    return Figure("Sharpe", value, found.low, found.high, "", "")


def _trades(name: str, figure: Callable[[Row], float], profits: Row, seed: int, draws: int, unit: str = "") -> Figure:
    """A figure over trades, each drawn alone."""
    plain = _plain(name, lambda: figure(profits), unit)
    if plain.value is None:
        return plain
    rows = profits if len(profits) <= TRADES_MOST else np.random.default_rng(seed).choice(profits, TRADES_MOST)
    return _with_interval(plain, lambda: intervals.interval(rows, figure, draws=draws, seed=seed))


def _with_interval(plain: Figure, draw: Callable[[], intervals.Interval]) -> Figure:
    """A figure with the interval of its draws, if enough of them define it."""
    try:
        found = draw()
    except Undefined as reason:
        return plain._replace(why=str(reason))
    if found.defined < LEAST_DEFINED:
        return plain._replace(why=f"only {found.defined:.0%} of the draws define it")
    return plain._replace(low=found.low, high=found.high)


class _Tables(NamedTuple):
    """What figures over time are made of."""

    equity: Row
    thin: Row  # at most STEPS_MOST values
    steps: float  # of a year, of the whole row
    thin_steps: float
    block: float  # mean length of a drawn block, in thin steps
    seed: int
    draws: int

    def over_returns(self, name: str, figure: Callable[[Row, float], float], unit: str = "") -> Figure:
        """A figure over returns."""
        plain = _plain(name, lambda: figure(figures.returns_of(self.equity), self.steps), unit)
        return plain if plain.value is None else _with_interval(plain, lambda: self._draw(figure))

    def over_equity(self, name: str, figure: Callable[[Row, float], float], unit: str = "") -> Figure:
        """A figure over equity: each draw is the equity that its returns make."""

        def made(returns: Row, steps: float) -> float:
            return figure(np.append(1.0, np.cumprod(1.0 + returns)), steps)

        plain = _plain(name, lambda: figure(self.equity, self.steps), unit)
        return plain if plain.value is None else _with_interval(plain, lambda: self._draw(made))

    def _draw(self, figure: Callable[[Row, float], float]) -> intervals.Interval:
        """The interval from blocks of returns."""
        returns = figures.returns_of(self.thin)
        return intervals.interval(
            returns, lambda row: figure(row, self.thin_steps), block=self.block, draws=self.draws, seed=self.seed
        )

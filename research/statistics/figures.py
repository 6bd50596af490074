"""The figures of a run, each one formula over returns at a fixed step, over trades, or over equity.

    n returns r of one step, `per_year` steps in a year of 365 days of 24 hours; e is the equity, with its capital

    sharpe          mean(r) / stdev(r) * sqrt(per_year)                      stdev with n - 1
    sortino         mean(r) / sqrt(mean(min(r, 0)^2)) * sqrt(per_year)
    yearly_return   (e[n] / e[0]) ^ (per_year / n) - 1
    max_drawdown    the largest 1 - e / (the highest e until then)
    calmar          yearly_return / max_drawdown
    win_rate        trades with a profit / trades                            a trade's profit is after fees
    profit_factor   sum of profits / sum of losses
    turnover        traded notional / mean(e) * per_year / n
    capacity        capital * share_most / (traded notional / notional traded by all)

The riskless rate is 0. A figure that its data does not define raises `Undefined`, with the reason: nothing becomes 0 or
infinite.
"""

import math
from typing import Any

import numpy as np

Row = np.ndarray[Any, np.dtype[np.float64]]
YEAR_NS = 365 * 86_400 * 1_000_000_000
SHARE_MOST = 0.01  # of what all traded: more is taken to move the price


class Undefined(ValueError):  # noqa: N818 - a result of a formula, not a fault
    """The data does not define this figure; the text says why."""


def per_year(step_ns: int) -> float:
    """How many steps a year of 365 days of 24 hours has."""
    if step_ns <= 0:
        raise ValueError(f"step_ns: found {step_ns}, expected nanoseconds over 0")
    return YEAR_NS / step_ns


def returns_of(equity: Row) -> Row:
    """What each step earned, as a part of the equity before it."""
    equity = _whole("equity", equity, 2)
    if (equity <= 0).any():
        at = int(np.argmax(equity <= 0))
        raise Undefined(f"the equity of step {at} is {equity[at]:g}: no return is defined from a capital that is lost")
    return np.asarray(equity[1:] / equity[:-1] - 1.0, np.float64)


def sharpe(returns: Row, steps: float) -> float:
    """Mean over standard deviation, for a year of `steps` steps."""
    returns = _whole("returns", returns, 2)
    deviation = float(returns.std(ddof=1))
    if _is_flat(returns):
        raise Undefined("every return is the same: a deviation of 0")
    return float(returns.mean()) / deviation * math.sqrt(steps)


def sortino(returns: Row, steps: float) -> float:
    """Mean over the deviation of the returns below 0, for a year."""
    returns = _whole("returns", returns, 2)
    below = float(np.mean(np.minimum(returns, 0.0) ** 2))
    if below == 0.0:
        raise Undefined("no return is below 0")
    return float(returns.mean()) / math.sqrt(below) * math.sqrt(steps)


def yearly_return(equity: Row, steps: float) -> float:
    """What the whole period would be in a year, compounded."""
    equity = _whole("equity", equity, 2)
    if equity[0] <= 0 or equity[-1] <= 0:
        raise Undefined("the capital is lost")
    power = steps / (len(equity) - 1) * math.log(equity[-1] / equity[0])
    if power > math.log(1e6):
        raise Undefined(f"the period is too short: a year of it would be e^{power:.0f}")
    return math.expm1(power)


def drawdowns(equity: Row) -> Row:
    """At each step, the part of the highest equity until then that is lost."""
    equity = _whole("equity", equity, 1)
    highest = np.maximum.accumulate(equity)
    if highest[0] <= 0:
        raise Undefined(f"the equity begins at {equity[0]:g}: no part of it is defined")
    return np.asarray(1.0 - equity / highest, np.float64)


def max_drawdown(equity: Row) -> float:
    """The largest part of a highest equity that was lost."""
    return float(drawdowns(equity).max())


def calmar(equity: Row, steps: float) -> float:
    """A year's return over the largest drawdown."""
    lost = max_drawdown(equity)
    if lost == 0.0:
        raise Undefined("the equity never fell")
    return yearly_return(equity, steps) / lost


def win_rate(profits: Row) -> float:
    """The part of the trades that earned money."""
    return float(np.mean(closed(profits) > 0.0))


def profit_factor(profits: Row) -> float:
    """What the winning trades earned over what the losing ones lost."""
    profits = closed(profits)
    lost = -math.fsum(profits[profits < 0.0])
    if lost == 0.0:
        raise Undefined("no trade lost money")
    return math.fsum(profits[profits > 0.0]) / lost


def turnover(notional: float, equity: Row, steps: float) -> float:
    """How often a year the equity is traded."""
    equity = _whole("equity", equity, 2)
    mean = float(equity.mean())
    if mean <= 0:
        raise Undefined(f"the mean equity is {mean:g}")
    return notional / mean * steps / (len(equity) - 1)


def capacity(capital: float, notional: float, market_notional: float, share_most: float = SHARE_MOST) -> float:
    """The capital at which our trades are `share_most` of all trades, at the same notional for each unit of capital."""
    if not notional > 0:
        raise Undefined("nothing was traded")
    if not market_notional > 0:
        raise Undefined("what all traded is not known")
    return capital * share_most / (notional / market_notional)


def closed(profits: Row) -> Row:
    """Profits of at least one trade."""
    if not len(profits):
        raise Undefined("no trade was closed")
    return _whole("profits", profits, 1)


def _whole(name: str, values: Row, least: int) -> Row:
    """Enough finite numbers."""
    values = np.asarray(values, np.float64)
    if len(values) < least:
        raise Undefined(f"{name}: found {len(values)}, needs at least {least}")
    wrong = ~np.isfinite(values)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(f"{name}: value {at} is {values[at]}, expected a finite number")
    return values


def _is_flat(values: Row) -> bool:
    """Whether no value differs from another by more than rounding."""
    return bool(np.ptp(values) <= 4 * np.finfo(np.float64).eps * np.abs(values).max())

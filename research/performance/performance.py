"""What a run or a session did, in one currency: the one input of reports, of statistics and of the gate.

Equity is the capital and the profit, with what is held at the middle, at a fixed step. `of_result` makes it of a
simulated run, `of_session` of what a real system recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from research.performance.trades import FILL, Fills, round_trips
from research.statistics.figures import Row


@dataclass(frozen=True)
class Taken:
    """An assumption that the run took for granted."""

    name: str
    favours: bool  # whether it can make the result better than it would have been
    profit: float  # what it adds, in the currency; nan: not known
    text: str
    made: bool = True  # by this run; the others say what they would have added
    unpriced: str = ""  # why its profit is not known


@dataclass(frozen=True)
class Performance:
    """One run or session."""

    title: str
    source: str  # where the figures are from, in a few words
    currency: str
    capital: float
    step_ns: int
    at_ns: "np.ndarray[Any, np.dtype[np.int64]]"  # the end of each step
    equity: Row  # at those times
    profits: Mapping[str, Row]  # of each part, an instrument or a strategy; together the equity less the capital
    values: Mapping[str, Row]  # what is held of each instrument, signed, in the currency
    names: tuple[str, ...]  # of the instruments, by their place in the tables
    fills: Fills  # FILL
    executions: Fills  # EXECUTION
    assumptions: tuple[Taken, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()  # strategy, parameters, models, data
    missing: tuple[str, ...] = ()  # what the data lacks: the result is PARTIAL
    market_notional: float = float("nan")  # what all traded in the period
    unmarked: int = 0  # steps without a good book, valued at the last middle before them
    part: str = "instrument"  # what `profits` are of
    seals: Mapping[str, str] = field(default_factory=dict)  # the strategy's name, hashes of its code and of the data
    parameters: Mapping[str, Any] = field(default_factory=dict)  # the strategy's, with the defaults
    strategies: Mapping[str, Row] = field(default_factory=dict)  # profit of each, in a portfolio
    refusals: tuple[int, ...] = ()  # of each of them
    begun: Fills = field(default_factory=partial(np.zeros, 0, FILL))  # held at the beginning, as fills at the middle

    def __post_init__(self) -> None:
        """Refuse what no figure could be made of."""
        if not (self.capital > 0 and np.isfinite(self.capital)):
            raise ValueError(f"capital: found {self.capital}, expected the money that the strategy had, over 0")
        if len(self.at_ns) != len(self.equity) or len(self.equity) < 2:  # noqa: PLR2004 - one step
            raise ValueError(f"equity: found {len(self.equity)} values at {len(self.at_ns)} times, expected 2 or more")
        if not np.isfinite(self.equity).all():
            at = int(np.argmax(~np.isfinite(self.equity)))
            raise ValueError(f"equity: value {at} is {self.equity[at]}, expected a finite number")

    @cached_property
    def trades(self) -> Fills:
        """The round trips, as TRADE; what was held at the beginning was bought or sold then, without a fee."""
        return round_trips(np.concatenate([self.begun, self.fills]))

    @property
    def profit(self) -> float:
        """What was earned, with what is held at the middle."""
        return float(self.equity[-1] - self.capital)

    @property
    def is_partial(self) -> bool:
        """Whether data is missing."""
        return bool(self.missing)


def carried(values: Row) -> tuple[Row, int]:
    """A row with each nan replaced by the value before it, and how many there were; 0 before the first value."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(last >= 0, np.append(values, 0.0)[last], 0.0), int((~known).sum())

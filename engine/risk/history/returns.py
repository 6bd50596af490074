"""Daily returns of instruments, and the days that several instruments have in common.

    return of a day = close of the day / close of the day before - 1, in units of 10^-12, rounded down

A day is one of UTC; its close is that of the last bar that begins in it. A day without a bar gives no return, nor does
the day after it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from engine.model.fixed import INT64_MAX
from engine.risk.history.bars import History

DAY_NS = 86_400_000_000_000
UNIT = 10**12
Vector = tuple[int, ...]


class Scenarios(NamedTuple):
    """The returns of some instruments on the days that all of them have."""

    days: Vector  # the oldest first
    returns: tuple[Vector, ...]  # one of each instrument, a return for each day
    rises: Any  # by day and instrument in floats: the return where it is over 0, else 0
    falls: Any  # the same of minus the return


class Returns:
    """Each instrument's returns; the vectors that a check asks for are made once a day."""

    def __init__(self) -> None:
        """Begin without a return."""
        self._days: dict[int, dict[int, int]] = {}  # by instrument and day
        self._made: dict[tuple[Vector, int, int], Scenarios] = {}
        self._today = 0
        self.version = 0  # of the returns: how often they were replaced

    def replace(self, days: dict[int, dict[int, int]]) -> None:
        """Go on with these returns, by instrument and day."""
        self._days = days
        self._made.clear()
        self.version += 1

    def scenarios(self, instruments: Vector, today: int, window: int) -> Scenarios:
        """The common days among the last `window` ones before today."""
        if today != self._today:
            self._today = today
            self._made.clear()
        key = (instruments, today, window)
        if key not in self._made:
            self._made[key] = self._common(instruments, range(today - window, today))
        return self._made[key]

    def _common(self, instruments: Vector, window: range) -> Scenarios:
        found = [self._days.get(one, {}) for one in instruments]
        days = tuple(day for day in window if all(day in one for one in found))
        import numpy as np  # noqa: PLC0415 - only a system with this limit needs it

        returns = tuple(tuple(one[day] for day in days) for one in found)
        floats = np.array(returns, float).T / UNIT
        return Scenarios(days, returns, np.maximum(floats, 0), np.maximum(-floats, 0))


def returns_by_day(history: History, instrument: int) -> dict[int, int]:
    """All returns of an instrument."""
    return dict(_returns(history, instrument))


def _returns(history: History, instrument: int) -> Iterator[tuple[int, int]]:
    """The returns of the days that follow a day with a close."""
    closes = {one.start_ns // DAY_NS: one.close for one in history.bars(instrument, 0, INT64_MAX)}
    for day, close in closes.items():
        if (before := closes.get(day - 1)) is not None:
            (above, below), (old_above, old_below) = close.as_integer_ratio(), before.as_integer_ratio()
            yield day, (above * old_below - old_above * below) * UNIT // (old_above * below)

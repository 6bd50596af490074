"""Methods of a strategy that are called at times: `every` an interval, or `at` a time of the day, in UTC.

    @every("5m")                        at 00:00, 00:05, … of each day: an interval divides the day
    def rebalance(self, now_ns): ...
    @at("16:30", days="mon-fri")        once a day, of these days
    def flatten(self, now_ns): ...
    hours = session("08:00", "16:00")   `self.hours` is True from 08:00 to before 16:00

A method is called in the first step at or after its time, with that step's time: so a replay calls it in the same step.
A time that passes while no step is made, or before the strategy has started, is not called later; of several that have
passed there is one call.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])
MARK = "scheduled"  # the attribute of a method that has a rule
S = 1_000_000_000
DAY_NS = 86_400 * S
UNITS = {"s": S, "m": 60 * S, "h": 3_600 * S, "d": DAY_NS}
DAYS = ("thu", "fri", "sat", "sun", "mon", "tue", "wed")  # 1970-01-01 was a Thursday
NEVER_NS = (1 << 63) - 1


class Rule:
    """The times of one method: `at_ns` after each multiple of the interval, on these days."""

    def __init__(self, interval_ns: int, at_ns: int = 0, days: frozenset[int] = frozenset(range(7))) -> None:
        """`days` counts from Thursday."""
        self.interval_ns, self.at_ns, self.days = interval_ns, at_ns, days

    def after(self, now_ns: int) -> int:
        """The first time after this one."""
        found = ((now_ns - self.at_ns) // self.interval_ns + 1) * self.interval_ns + self.at_ns
        while found // DAY_NS % 7 not in self.days:
            found += self.interval_ns
        return found


def every(interval: str) -> Callable[[Method], Method]:
    """Call the method every "30s", "5m", "1h" or "1d", counted from midnight UTC."""
    found = re.fullmatch(r"([1-9]\d*)([smhd])", interval) if isinstance(interval, str) else None
    if not found or DAY_NS % (ns := int(found[1]) * UNITS[found[2]]):
        msg = f'every({interval!r}): expected a part of a day, like "30s", "5m", "1h" or "1d"'
        raise ValueError(msg)
    return _marking(Rule(ns), f'every("{interval}")')


def at(time: str, days: str = "mon-sun") -> Callable[[Method], Method]:
    """Call the method once a day at "16:30" or "16:30:05", UTC; `days` like "mon-fri" or "sat,sun"."""
    return _marking(Rule(DAY_NS, _time_of("at", time), _days_of("at", days)), f'at("{time}")')


class session:  # noqa: N801 - read as a word in a class, beside `every` and `at`
    """A window of the day, UTC: as an attribute of a strategy it is True while `now_ns` is in the window.

    `days` are those on which the window begins. One that ends at or before its begin ends on the next day.
    """

    def __init__(self, begin: str, end: str, days: str = "mon-sun") -> None:
        """`begin` belongs to the window, `end` does not."""
        self._begin_ns = _time_of("session", begin)
        self._length_ns = (_time_of("session", end) - self._begin_ns - 1) % DAY_NS + 1
        self._days = _days_of("session", days)

    def __get__(self, strategy: Any, owner: type) -> Any:
        """Whether a strategy is in the window now; of a class the window itself."""
        return self if strategy is None else self.covers(strategy.now_ns)

    def __set__(self, strategy: object, value: object) -> None:
        """Refuse to replace the window."""
        raise AttributeError(f"{type(strategy).__name__}: a session cannot be set to {value!r}: choose another name")

    def covers(self, now_ns: int) -> bool:
        """Whether a time is in the window."""
        day, after_ns = divmod(now_ns - self._begin_ns, DAY_NS)
        return after_ns < self._length_ns and day % 7 in self._days


def rules_of(kind: type) -> list[tuple[str, Rule]]:
    """The scheduled methods of a class, by name."""
    found = ((name, getattr(inspect.getattr_static(kind, name), MARK, None)) for name in dir(kind))
    return [(name, rule) for name, rule in found if isinstance(rule, Rule)]


def _time_of(what: str, time: str) -> int:
    """A time of the day in nanoseconds after midnight."""
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", time) if isinstance(time, str) else None
    if not found:
        msg = f'{what}({time!r}): expected a time of the day in UTC, like "16:30" or "16:30:05"'
        raise ValueError(msg)
    return (int(found[1]) * 3_600 + int(found[2]) * 60 + int(found[3] or 0)) * S


def _marking(rule: Rule, text: str) -> Callable[[Method], Method]:
    def mark(method: Method) -> Method:
        try:
            inspect.signature(method).bind("self", "now_ns")
        except TypeError:
            msg = f"{text}: {method.__name__}{inspect.signature(method)} cannot be called, expected (self, now_ns)"
            raise TypeError(msg) from None
        setattr(method, MARK, rule)
        return method

    return mark


def _days_of(what: str, text: str) -> frozenset[int]:
    """The days of "mon-fri" or "sat,sun"."""
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            msg = f'{what}(…, days={text!r}): expected days like "mon-fri" or "sat,sun"'
            raise ValueError(msg)
        count = (DAYS.index(last or first) - DAYS.index(first)) % 7
        days |= {(DAYS.index(first) + day) % 7 for day in range(count + 1)}
    return frozenset(days)

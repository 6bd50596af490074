"""Methods of a strategy that are called at times: `every` an interval, or `at` a time of the day, in UTC.

    @every("5m")                        at 00:00, 00:05, … of each day: an interval divides the day
    def rebalance(self, now_ns): ...
    @at("16:30", days="mon-fri")        once a day, of these days
    def flatten(self, now_ns): ...

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
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", time) if isinstance(time, str) else None
    if not found:
        msg = f'at({time!r}): expected a time of the day in UTC, like "16:30" or "16:30:05"'
        raise ValueError(msg)
    seconds = int(found[1]) * 3_600 + int(found[2]) * 60 + int(found[3] or 0)
    return _marking(Rule(DAY_NS, seconds * S, _days_of(days)), f'at("{time}")')


def rules_of(kind: type) -> list[tuple[str, Rule]]:
    """The scheduled methods of a class, by name."""
    found = ((name, getattr(inspect.getattr_static(kind, name), MARK, None)) for name in dir(kind))
    return [(name, rule) for name, rule in found if isinstance(rule, Rule)]


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


def _days_of(text: str) -> frozenset[int]:
    """The days of "mon-fri" or "sat,sun"."""
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            msg = f'at(…, days={text!r}): expected days like "mon-fri" or "sat,sun"'
            raise ValueError(msg)
        count = (DAYS.index(last or first) - DAYS.index(first)) % 7
        days |= {(DAYS.index(first) + day) % 7 for day in range(count + 1)}
    return frozenset(days)

"""Numbers and times as the page has them."""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

HOURS, HOUR_NS = 24, 3_600_000_000_000
DAY_NS = HOURS * HOUR_NS


def number(value: float) -> float | None:
    """A finite number, or None: JSON has no nan."""
    value = float(value)
    return value if math.isfinite(value) else None


def numbers(values: Any, digits: int = 7) -> list[float | None]:
    """Numbers with as many digits as a screen can show."""
    return [None if not math.isfinite(one) else float(f"{one:.{digits}g}") for one in np.asarray(values, np.float64)]


def text_of(at_ns: Any) -> str:
    """A time in UTC."""
    return datetime.fromtimestamp(int(at_ns) / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def step_text(step_ns: int) -> str:
    """A step in the largest unit that divides it."""
    for unit, size in (("d", DAY_NS), ("h", HOUR_NS), ("min", HOUR_NS // 60), ("s", 10**9), ("ms", 10**6)):
        if step_ns % size == 0:
            return f"{step_ns // size} {unit}"
    return f"{step_ns} ns"


def seconds_of(at_ns: Any) -> list[float]:
    """Times for the axis of a chart."""
    return [round(float(one) / 1e9, 3) for one in at_ns]

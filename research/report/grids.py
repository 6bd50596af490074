"""Heat maps and histograms of a report."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from research.performance.performance import Performance
from research.report.values import DAY_NS, HOUR_NS, HOURS, numbers
from research.statistics.figures import Row

BARS = 40
DAYS, THURSDAY = 7, 3  # 1970-01-01 was a Thursday
MOST = 24  # instruments in the matrix


def hours(at_ns: Any, values: Any) -> dict[str, Any]:
    """Sums and counts by hour of the day and day of the week, in UTC."""
    hours = np.asarray(at_ns, np.int64) // HOUR_NS
    cell = (hours // HOURS + THURSDAY) % DAYS * HOURS + hours % HOURS
    count = np.bincount(cell, minlength=DAYS * HOURS)
    total = np.bincount(cell, np.asarray(values, np.float64), DAYS * HOURS)
    shown = np.where(count > 0, total, np.nan).reshape(DAYS, HOURS)
    return {
        "rows": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], "columns": [f"{hour:02}" for hour in range(HOURS)],
        "values": [numbers(row, 5) for row in shown], "counts": count.reshape(DAYS, HOURS).tolist(),
    }  # fmt: skip


def months(one: Performance) -> dict[str, Any]:
    """The return of each month; of each day of the run when it has at most two months."""
    days = one.at_ns // DAY_NS
    last = np.flatnonzero(np.append(np.diff(days) != 0, True))
    stamps = [datetime.fromtimestamp(int(days[at]) * 86_400, UTC) for at in last]
    by_day = len({(each.year, each.month) for each in stamps}) <= 2  # noqa: PLR2004 - two months
    closing: dict[tuple[str, str], float] = {}
    for each, at in zip(stamps, last, strict=True):
        key = (each.strftime("%Y-%m"), each.strftime("%d")) if by_day else (str(each.year), each.strftime("%m"))
        closing[key] = float(one.equity[at])
    found, before = {}, one.capital
    for key, value in closing.items():
        found[key], before = (100 * (value / before - 1) if before > 0 else math.nan), value
    rows, columns = sorted({key[0] for key in found}), sorted({key[1] for key in found})
    values = [numbers([found.get((row, column), math.nan) for column in columns], 5) for row in rows]
    return {"rows": rows, "columns": columns, "values": values, "by_day": by_day}


def correlation(profits: Mapping[str, Row]) -> dict[str, Any] | None:
    """Correlation of the profits' changes of the parts that had any; None with fewer than two."""
    changes = {name: np.diff(row) for name, row in profits.items()}
    moved = sorted((name for name, row in changes.items() if np.ptp(row) > 0), key=lambda name: -np.std(changes[name]))
    moved = moved[:MOST]
    if len(moved) < 2 or len(changes[moved[0]]) < 2:  # noqa: PLR2004 - a pair, two changes
        return None
    matrix = np.corrcoef(np.array([changes[name] for name in moved]))
    return {"rows": moved, "columns": moved, "values": [numbers(row, 3) for row in matrix]}


def bars(values: Any, *, wide: bool = False) -> dict[str, Any] | None:
    """A histogram between the 0.5 and the 99.5 percentile, what lies outside in its first and last bar; None if empty.

    `wide` has bars of equal width on a logarithmic axis, for times.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return None
    low, high = np.quantile(values, [0.005, 0.995])
    if wide:
        edges = np.geomspace(max(low, 1e-6), max(high, 2e-6, low * 1.01), BARS + 1)
    else:
        edges = np.linspace(low, high if high > low else low + max(abs(low), 1.0) * 1e-3, BARS + 1)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    middle, mean = float(np.median(values)), float(values.mean())
    return {"edges": numbers(edges, 4), "counts": counts.tolist(), "median": middle, "mean": mean, "count": len(values)}

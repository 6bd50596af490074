"""Lines over time of the parts of a report, bounded in number and points."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from research.performance.performance import Performance
from research.report.thin import kept
from research.report.values import numbers, seconds_of
from research.statistics.figures import Row

POINTS_MOST = 4_000
LINES_MOST = 12  # parts drawn apart; the rest is drawn as one
OTHERS = "others"


def lines(one: Performance, rows: Mapping[str, Row]) -> dict[str, Any]:
    """Rows of the parts; those with the smallest extremes are added up."""
    names = sorted(rows, key=lambda name: -float(np.nanmax(np.abs(rows[name]), initial=0.0)))
    shown = {name: rows[name] for name in names[:LINES_MOST]}
    if names[LINES_MOST:]:
        shown[OTHERS] = np.sum([rows[name] for name in names[LINES_MOST:]], axis=0)
    if not shown:
        return {"at": [], "lines": []}
    places = kept([np.nan_to_num(row) for row in shown.values()], POINTS_MOST // max(1, len(shown)) * 2)
    drawn = [{"name": name, "values": numbers(row[places], 6)} for name, row in shown.items()]
    return {"at": seconds_of(one.at_ns[places]), "lines": drawn}

"""A row with fewer points that looks the same: of each stretch the first, lowest, highest and last point stay."""

from itertools import pairwise
from typing import Any

import numpy as np

from research.statistics.figures import Row

Places = np.ndarray[Any, np.dtype[np.int64]]


def kept(rows: list[Row], most: int) -> Places:
    """The places to keep, in order, so that no extreme of any row is lost; all when there are at most `most`."""
    count = len(rows[0])
    if count <= most:
        return np.arange(count)
    stretches = max(1, most // (2 + 2 * len(rows)))
    edges = np.linspace(0, count, stretches + 1).astype(np.int64)
    places = [edges[:-1], edges[1:] - 1]
    for row in rows:
        places += [_each(row, edges, np.argmin), _each(row, edges, np.argmax)]
    return np.unique(np.concatenate(places))


def _each(row: Row, edges: Places, find: Any) -> Places:
    """The place that `find` gives in each stretch."""
    return np.array([first + find(row[first:last]) for first, last in pairwise(edges)], np.int64)

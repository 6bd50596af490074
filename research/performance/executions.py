"""How each order was executed: its price against the market's when it was decided, its times, its fees.

slippage_bps   side * (average price / arrival price - 1) * 10 000; above 0: worse than the middle at the decision
wait_ns        from the decision to the first fill
filled         the part of the size that was filled
"""

from typing import Any

import numpy as np

from research.performance.trades import Fills

EXECUTION = np.dtype(
    [("order", "<i8"), ("decided_ns", "<i8"), ("instrument", "<i4"), ("side", "i1"), ("size", "<f8"),
     ("filled", "<f8"), ("limit", "<f8"), ("arrival", "<f8"), ("average", "<f8"), ("slippage_bps", "<f8"),
     ("acknowledged_ns", "<i8"), ("wait_ns", "<i8"), ("last_ns", "<i8"), ("fees", "<f8"), ("makers", "<f8"),
     ("strategy", "<i4")]
)  # fmt: skip
UNKNOWN_NS = -1
BPS = 10_000.0


def executions_of(orders: Fills, fills: Fills) -> Fills:
    """A row for each order. `orders` has the columns up to `arrival`, and `acknowledged_ns`; arrival nan: unknown."""
    table = np.zeros(len(orders), EXECUTION)
    for name in orders.dtype.names or ():
        if name in (EXECUTION.names or ()):
            table[name] = orders[name]
    place = {int(one): at for at, one in enumerate(table["order"])}
    rows = np.array([place.get(int(one), -1) for one in fills["order"]], np.int64)
    known = rows >= 0
    rows, fills = rows[known], fills[known]
    _sum(table, rows, fills)
    return table


def _sum(table: Fills, rows: "np.ndarray[Any, np.dtype[np.int64]]", fills: Fills) -> None:
    """Fill in what the fills of each order add up to."""
    count, size = len(table), fills["size"]
    filled = np.bincount(rows, size, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        average = np.bincount(rows, size * fills["price"], count) / filled
        table["makers"] = np.bincount(rows, size * fills["maker"], count) / filled
    table["filled"], table["average"] = filled, average
    table["fees"] = np.bincount(rows, fills["fee"], count)
    table["slippage_bps"] = table["side"] * (average / table["arrival"] - 1.0) * BPS
    first, last = np.full(count, np.iinfo("i8").max), np.full(count, UNKNOWN_NS)
    np.minimum.at(first, rows, fills["at_ns"])
    np.maximum.at(last, rows, fills["at_ns"])
    table["wait_ns"] = np.where(last >= 0, first - table["decided_ns"], UNKNOWN_NS)
    table["last_ns"] = last

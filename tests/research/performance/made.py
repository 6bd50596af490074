"""A performance with any number of steps, fills and instruments, made from a seed."""

import numpy as np

from research.performance import Performance, Taken, executions_of
from research.performance.trades import FILL

BEGIN_NS = 1_760_000_000_000_000_000
MINUTE_NS = 60_000_000_000
ORDER = [("order", "<i8"), ("decided_ns", "<i8"), ("instrument", "<i4"), ("side", "i1"), ("size", "<f8"),
         ("limit", "<f8"), ("arrival", "<f8"), ("acknowledged_ns", "<i8")]  # fmt: skip


def made(
    steps: int = 3_000, fills: int = 200, names: tuple[str, ...] = ("BTCUSDT", "ETHUSDT"), seed: int = 1,
    title: str = "made", step_ns: int = MINUTE_NS,
) -> Performance:  # fmt: skip
    """Equity that walks, one order for each fill."""
    draw = np.random.default_rng(seed)
    profits = {name: np.cumsum(draw.normal(0.2, 10.0, steps)) for name in names}
    values = {name: draw.normal(0, 2_000.0, steps) for name in names}
    at_ns = BEGIN_NS + np.arange(steps) * step_ns
    table = _fills(draw, fills, len(names), at_ns)
    orders = np.zeros(fills, ORDER)
    for name in ("order", "instrument", "side", "size"):
        orders[name] = table[name]
    orders["decided_ns"], orders["limit"] = table["at_ns"] - draw.integers(10**6, 10**9, fills), table["price"]
    orders["arrival"], orders["acknowledged_ns"] = table["price"] * (1 + draw.normal(0, 1e-4, fills)), 10**6
    return Performance(
        title=title, source="made", currency="USDT", capital=100_000.0, step_ns=step_ns, at_ns=at_ns,
        equity=100_000.0 + np.sum(list(profits.values()), axis=0), profits=profits, values=values, names=names,
        fills=table, executions=executions_of(orders, table), market_notional=1e9,
        assumptions=(Taken("no_impact", True, 12.5, "others do not react"), Taken("odd", False, float("nan"), "<b>")),
        facts=(("strategy", "made"),), seals={"data": "f" * 64},
    )  # fmt: skip


def _fills(draw: np.random.Generator, count: int, names: int, at_ns: np.ndarray) -> np.ndarray:
    """Fills in the order of time."""
    table = np.zeros(count, FILL)
    table["at_ns"] = np.sort(draw.choice(at_ns, count))
    table["order"], table["instrument"] = np.arange(count), draw.integers(0, names, count)
    table["side"], table["maker"] = draw.choice([-1, 1], count), draw.random(count) < 0.5
    table["price"], table["size"] = draw.normal(100.0, 1.0, count), draw.integers(1, 9, count) / 10
    table["fee"] = table["price"] * table["size"] * 1e-4
    return table

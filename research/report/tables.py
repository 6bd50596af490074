"""Tables of a report: execution by instrument, orders and trades, each with a bounded number of rows."""

from typing import Any

import numpy as np

from research.performance.performance import Performance
from research.performance.trades import Fills
from research.report.values import numbers, text_of
from research.statistics.figures import Row

ROWS_MOST = 400


def known(values: Any) -> Row:
    """The values that are numbers."""
    return np.asarray(values[np.isfinite(values)], np.float64)


def milliseconds(values: Any) -> Row:
    """Times that are known, in milliseconds."""
    return np.asarray(values[values >= 0], np.float64) / 1e6


def quality(one: Performance) -> list[dict[str, Any]]:
    """Execution by instrument: what an order cost against the middle at its decision, and how long it took."""
    rows = one.executions
    return [{"instrument": name} | executed(rows[rows["instrument"] == at]) for at, name in enumerate(one.names)]


def executed(rows: Fills) -> dict[str, Any]:
    """What some orders cost and how long they took; slippage is weighted with the notional."""
    weight = np.where(rows["filled"] > 0, rows["filled"] * np.nan_to_num(rows["average"]), 0.0)
    priced = np.isfinite(rows["slippage_bps"]) & (weight > 0)
    total, size = float(weight.sum()), float(rows["size"].sum())
    slipped = float((rows["slippage_bps"][priced] * weight[priced]).sum())
    return {
        "orders": len(rows), "filled": float(rows["filled"].sum()) / size if size else None,
        "traded": total, "slippage_bps": slipped / float(weight[priced].sum()) if priced.any() else None,
        "slippage": slipped / 1e4 if priced.any() else None,
        "fees": float(rows["fees"].sum()), "fees_bps": 1e4 * float(rows["fees"].sum()) / total if total else None,
        "maker": float((np.nan_to_num(rows["makers"]) * weight).sum()) / total if total else None,
        "acknowledged_ms": _median(rows["acknowledged_ns"]), "wait_ms": _median(rows["wait_ns"]),
    }  # fmt: skip


def _median(times: Any) -> float | None:
    """The median of the known times, in milliseconds."""
    known = milliseconds(times)
    return float(np.median(known)) if len(known) else None


def orders(one: Performance) -> dict[str, Any]:
    """The orders that lost most against their arrival price, then the newest without one."""
    rows = one.executions
    cost = np.nan_to_num(rows["slippage_bps"] * rows["filled"] * rows["average"], nan=-np.inf)
    chosen = np.argsort(-cost, kind="stable")[:ROWS_MOST]
    return {"rows": [_order(one, rows[at]) for at in chosen], "count": len(rows)}


def _order(one: Performance, row: Any) -> list[Any]:
    """One order as the table shows it."""
    waits = [None if row[name] < 0 else round(float(row[name]) / 1e6, 3) for name in ("acknowledged_ns", "wait_ns")]
    return [
        text_of(row["decided_ns"]), one.names[row["instrument"]], "buy" if row["side"] > 0 else "sell",
        *numbers([row[name] for name in ("size", "filled", "limit", "arrival", "average", "slippage_bps", "fees")], 8),
        *waits, *_owner(one, row["strategy"]),
    ]  # fmt: skip


def trades(one: Performance) -> dict[str, Any]:
    """The best and the worst trades, in the order of time."""
    rows = one.trades
    order = np.argsort(rows["profit"], kind="stable")
    chosen = order if len(order) <= ROWS_MOST else np.concatenate([order[: ROWS_MOST // 2], order[-ROWS_MOST // 2 :]])
    return {"rows": [_trade(one, rows[at]) for at in sorted(chosen)], "count": len(rows)}


def _trade(one: Performance, row: Any) -> list[Any]:
    """One trade as the table shows it."""
    return [
        text_of(row["opened_ns"]), text_of(row["closed_ns"]), one.names[row["instrument"]],
        "long" if row["side"] > 0 else "short",
        *numbers([row[name] for name in ("size", "entry", "exit", "fees", "profit")], 8),
        *_owner(one, row["account"]),
    ]  # fmt: skip


def _owner(one: Performance, number: int) -> list[str]:
    """The strategy of a row, in a portfolio."""
    return [list(one.strategies)[number]] if one.strategies else []

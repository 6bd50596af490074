"""A walk as plain values, for its page and for `--json`.

pnl_per_day        profit over the length of the part; parts of different lengths compare by it
sharpe_of_a_day    mean over standard deviation of the slices' changes, times the root of the slices in a day
efficiency         profit a day out of sample over that in sample; None unless the profit in sample is over 0
"""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from research.forward.walk import Fold, Walk
from research.sweep import Row

DAY_NS = 86_400_000_000_000


def summary_of(walk: Walk) -> dict[str, Any]:
    """Each fold in sample and out of sample, the whole, and the joined curve out of sample."""
    folds = [_fold(one) for one in walk.folds]
    curve = walk.curve()
    at_ns = [walk.folds[0].split_ns, *curve["at_ns"].tolist()]
    equity = [0.0, *curve["equity"].tolist()]
    return {
        "strategy": walk.strategy, "currency": walk.currency, "objective": walk.objective, "train": walk.train,
        "anchored": walk.anchored, "whole": _whole(walk, equity), "folds": folds,
        "curve": {"at_ns": at_ns, "equity": equity},
    }  # fmt: skip


def _fold(one: Fold) -> dict[str, Any]:
    """One choice and its judgement."""
    inside, outside = _part(one.chosen, one.begin_ns, one.split_ns), _part(one.judged, one.split_ns, one.end_ns)
    return {
        "begin": _text(one.begin_ns), "split": _text(one.split_ns), "end": _text(one.end_ns), "sweep": one.sweep,
        "trial": one.chosen.number, "parameters": one.chosen.parameters, "in_sample": inside, "out_of_sample": outside,
        "efficiency": _efficiency(inside["pnl_per_day"], outside["pnl_per_day"]),
        "luck": None if one.luck is None else one.luck._asdict(),
    }  # fmt: skip


def _part(row: Row, begin_ns: int, end_ns: int) -> dict[str, Any]:
    """The figures of a part, and those that do not depend on its length."""
    days = (end_ns - begin_ns) / DAY_NS
    sharpe = row.figures["sharpe_of_slices"] * math.sqrt(len(row.slices) / days)
    return {**row.figures, "pnl_per_day": row.figures["pnl"] / days, "sharpe_of_a_day": sharpe}


def _whole(walk: Walk, equity: list[float]) -> dict[str, Any]:
    """All folds together; the drawdown is that at the ends of the slices."""
    inside = _rate([(one.chosen, one.split_ns - one.begin_ns) for one in walk.folds])
    outside = _rate([(one.judged, one.end_ns - one.split_ns) for one in walk.folds])
    judged = [one.judged.figures for one in walk.folds]
    return {
        "pnl": equity[-1], "fees": sum(one["fees"] for one in judged), "fills": sum(one["fills"] for one in judged),
        "drawdown": float((np.maximum.accumulate(equity) - equity).max()),
        "in_profit": sum(one["pnl"] > 0 for one in judged), "pnl_per_day_in_sample": inside,
        "pnl_per_day_out_of_sample": outside, "efficiency": _efficiency(inside, outside),
    }  # fmt: skip


def _rate(parts: list[tuple[Row, int]]) -> float:
    """The profit a day over several parts; a day in several parts counts in each."""
    return DAY_NS * sum(row.figures["pnl"] for row, _ in parts) / sum(length for _, length in parts)


def _efficiency(inside: float, outside: float) -> float | None:
    """What is left out of sample; None where there was nothing to lose."""
    return outside / inside if inside > 0 else None


def _text(at_ns: int) -> str:
    """A time, in UTC to the millisecond."""
    return datetime.fromtimestamp(at_ns // 1_000_000 / 1e3, UTC).isoformat(timespec="milliseconds")

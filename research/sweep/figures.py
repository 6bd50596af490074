"""What a trial keeps of its run: a row of numbers, and the change of equity over equal parts of the period."""

from typing import Any

import numpy as np

from engine.model.records import FEE_DECIMALS
from research.simulate.result import Result

FIGURES = ("pnl", "fees", "drawdown", "volume", "fills", "orders", "refused", "sharpe_of_slices")


def figures_of(result: Result, slices: int) -> tuple[dict[str, float | int], list[float]]:
    """The figures, and the change of equity in each slice of the period.

    `sharpe_of_slices` is the mean of these changes over their standard deviation: not annualised.
    """
    at_ns, equity = _equity(result)
    edges = np.linspace(at_ns[0], at_ns[-1], slices + 1)
    changes = np.diff(equity[np.searchsorted(at_ns, edges, side="right") - 1])
    spread = float(changes.std(ddof=1)) if slices > 1 else 0.0
    figures: dict[str, float | int] = {
        "pnl": float(equity[-1]),
        "fees": float(result.fills["fee"].sum() / 10**FEE_DECIMALS),
        "drawdown": float((np.maximum.accumulate(equity) - equity).max()),
        "volume": _volume(result),
        "fills": len(result.fills),
        "orders": len(result.orders),
        "refused": int(result.refused),
        "sharpe_of_slices": float(changes.mean()) / spread if spread else 0.0,
    }
    return figures, [float(one) for one in changes]


def _equity(result: Result) -> tuple[Any, Any]:
    """The times of the marks, and the sum of all instruments' equity; without a good book at its last middle."""
    known = result.at_last_middles()
    tables = [known.equity(one) for one in result.instruments]
    at_ns = np.unique(np.concatenate([one["at_ns"] for one in tables]))
    return at_ns, sum(_at(one["at_ns"], one["equity"], at_ns) for one in tables)


def _at(known_ns: Any, values: Any, at_ns: Any) -> Any:
    """The last known number at each time; 0 before the first."""
    good = ~np.isnan(values)
    places = np.searchsorted(known_ns[good], at_ns, side="right")
    return np.append(0.0, values[good])[places]


def _volume(result: Result) -> float:
    """What was traded, in the quote currency."""
    total = 0.0
    for number, one in result.instruments.items():
        fills = result.fills[result.fills["instrument"] == number]
        total += float(
            (fills["price"].astype("f8") * fills["size"]).sum() / 10 ** (one.price_decimals + one.size_decimals)
        )
    return total

"""Judges a run by explicit thresholds, and writes the verdict that live mode can require.

A figure that is not known fails its threshold: nothing is accepted because nothing was found.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.strategy.accepted import FORMAT, Accepted, Row, sealed
from research.accept.thresholds import Thresholds
from research.performance.summary import Known, Summary


class Bound(NamedTuple):
    """Which figure a threshold bounds: its value, or an end of its interval; `least` or `most`."""

    threshold: str
    figure: str
    part: str = "value"

    @property
    def is_least(self) -> bool:
        """Whether more is better."""
        return self.threshold.endswith("least")


BOUNDS = (
    Bound("trades_least", "trades"), Bound("profit_least", "profit"), Bound("return_least", "return"),
    Bound("sharpe_least", "Sharpe"), Bound("sharpe_low_least", "Sharpe", "low"), Bound("sortino_least", "Sortino"),
    Bound("calmar_least", "Calmar"), Bound("drawdown_most", "largest drawdown"),
    Bound("drawdown_high_most", "largest drawdown", "high"), Bound("win_rate_least", "win rate"),
    Bound("profit_factor_least", "profit factor"), Bound("profit_factor_low_least", "profit factor", "low"),
    Bound("capacity_least", "capacity"), Bound("deflated_sharpe_least", "deflated Sharpe"),
    Bound("overfit_most", "overfit"), Bound("ruin_most", "ruin"),
)  # fmt: skip
NEEDED = ("strategy", "code", "data")


def judge(summary: Summary, thresholds: Thresholds, evidence: Mapping[str, bool] | None = None) -> Accepted:
    """The verdict on a run; `evidence` has the tests that were made, by name, and whether each passed."""
    absent = [name for name in NEEDED if not summary.seals.get(name)]
    if absent:
        msg = f"the summary has no hash of {', '.join(absent)}: make it with of_result(…, events=…, strategy=…)"
        raise ValueError(f"{summary.title}: {msg}")
    rows = list(_rows(summary, thresholds, evidence or {}))
    return sealed(
        Accepted(
            FORMAT, "accepted" if all(one.holds for one in rows) else "rejected", summary.seals["strategy"],
            summary.seals["code"], summary.parameters, summary.seals["data"], rows, msgspec.to_builtins(thresholds),
        )
    )  # fmt: skip


def write(path: Path, verdict: Accepted) -> None:
    """Write a verdict, in one step."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=1))
    new.replace(path)


def _rows(summary: Summary, thresholds: Thresholds, evidence: Mapping[str, bool]) -> Iterator[Row]:
    """A row for each threshold that is written, and for the data."""
    for bound in BOUNDS:
        limit = getattr(thresholds, bound.threshold)
        if limit is not None:
            yield _bounded(bound, limit, summary.figures.get(bound.figure))
    if thresholds.favouring_share_most is not None:
        yield _favouring(summary, thresholds.favouring_share_most)
    missing = "; ".join(summary.missing)
    yield Row("partial", thresholds.partial or not missing, missing or "no data is missing")
    for name in thresholds.evidence:
        found = evidence.get(name)
        yield Row(f"evidence {name}", found is True, {None: "not given", True: "passed", False: "failed"}[found])


def _bounded(bound: Bound, limit: float, found: Known | None) -> Row:
    """Whether a figure keeps its bound."""
    value = None if found is None else getattr(found, bound.part)
    expected = f"expected at {'least' if bound.is_least else 'most'} {limit:g}"
    if value is None:
        why = "it is not in the summary" if found is None else found.why or "it has no interval"
        return Row(bound.threshold, holds=False, text=f"{bound.figure} is not known ({why}), {expected}")
    holds = value >= limit if bound.is_least else value <= limit
    return Row(bound.threshold, holds, f"{bound.figure} {value:.6g}, {expected}")


def _favouring(summary: Summary, most: float) -> Row:
    """Whether favouring assumptions add at most this part of the profit."""
    name, profit = "favouring_share_most", summary.figures.get("profit", Known(None)).value
    unknown = [each for each, added in summary.favours.items() if added is None]
    if unknown:
        return Row(name, holds=False, text=f"what {', '.join(unknown)} add is not known, expected at most {most:g}")
    added = math.fsum(max(0.0, one or 0.0) for one in summary.favours.values())
    if profit is None or profit <= 0:
        return Row(name, added == 0.0, f"favouring assumptions add {added:.6g} to a profit that is not above 0")
    return Row(
        name, added / profit <= most, f"favouring assumptions add {added / profit:.6g}, expected at most {most:g}"
    )

"""How lucky the best trial of a sweep is: the more trials, the better the best one looks without any skill."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from research.statistics import Undefined, deflated_sharpe, overfit
from research.sweep.registry import registry

if TYPE_CHECKING:
    from research.sweep.attached import Sweep

BLOCKS_MOST = 12


class Luck(NamedTuple):
    """The best trial by the Sharpe of its slices, judged against all that was tried; None where it is not defined."""

    trial: int
    tried: int  # trials of the strategy on this data in the registry, this sweep's and those of others, with errors
    sharpe: float  # of one slice, not annualised
    deflated_sharpe: float | None  # the probability that it is more than luck gives the best of so many
    overfit: float | None  # the probability that the best of one half of the time is below the median in the other

    def __str__(self) -> str:
        """The luck in words."""
        shown = ["not defined" if one is None else f"{one:.3f}" for one in (self.deflated_sharpe, self.overfit)]
        return (
            f"{self.tried} trials tried on this data; the best by Sharpe is {self.trial}: deflated Sharpe {shown[0]}, "
            f"probability of overfitting {shown[1]}"
        )


def luck_of(sweep: "Sweep") -> Luck | None:
    """The luck of a sweep so far; None before a trial has figures."""
    rows = [row for row in sweep.rows() if not row.error]
    if not rows:
        return None
    best = max(rows, key=lambda row: (row.figures["sharpe_of_slices"], -row.number))
    tried, sharpes = _tried(sweep)
    returns, slices = np.array([row.slices for row in rows]).T, sweep.study.slices
    return Luck(
        best.number,
        tried,
        best.figures["sharpe_of_slices"],
        _defined(lambda: deflated_sharpe(np.array(best.slices), np.array(sharpes))),
        _defined(lambda: overfit(returns, min(BLOCKS_MOST, slices // 4 * 2))),
    )


def _tried(sweep: "Sweep") -> tuple[int, list[float]]:
    """How many trials of the strategy the registry has on this data, and the Sharpe of those with the same slices."""
    study = sweep.study
    columns = ["strategy", "data_hash", "sharpe_of_slices", "slices"]
    rows = [
        row
        for row in registry(sweep.folder.home).select(columns).to_pylist()
        if (row["strategy"], row["data_hash"]) == (study.experiment.strategy, study.data_hash)
    ]
    same = [row["sharpe_of_slices"] for row in rows if row["slices"] and len(row["slices"]) == study.slices]
    return len(rows), same


def _defined(work: Callable[[], float]) -> float | None:
    """A statistic, or None where it is not defined."""
    try:
        return work()
    except Undefined:
        return None

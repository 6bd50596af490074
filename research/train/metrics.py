"""How good predictions are, on rows that the fit did not see. Each figure is one formula.

    auc        the probability that a row of class 1 has a higher prediction than one of class 0; ties count a half
    brier      mean((p - y)^2)                    log_loss   -mean(y log p + (1 - y) log(1 - p))
    r2         1 - sum((y - p)^2) / sum((y - mean(y))^2)
    ic         the correlation of the ranks of prediction and outcome

An interval is of draws of blocks of rows: labels of neighbouring rows overlap, so a row alone is no new evidence.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from research.statistics.intervals import stationary
from research.train.labels import Row, Times

DRAWS, LEVEL = 500, 0.95
EDGE = 1e-15  # a probability is kept this far from 0 and 1, so that one row cannot make the log loss infinite


class Score(NamedTuple):
    """A figure with its interval; NaN where the data does not define it."""

    value: float
    low: float
    high: float


def auc(predicted: Row, target: Row) -> float:
    """Area under the curve, by ranks."""
    ones = target > 0
    count = int(ones.sum())
    if count in (0, len(target)):
        return float("nan")
    return float((ranks(predicted)[ones].sum() - count * (count + 1) / 2) / (count * (len(target) - count)))


def brier(predicted: Row, target: Row) -> float:
    """Mean squared error of a probability."""
    return float(np.mean((predicted - target) ** 2))


def log_loss(predicted: Row, target: Row) -> float:
    """Mean surprise, in nats."""
    sure = np.clip(predicted, EDGE, 1 - EDGE)
    return float(-np.mean(target * np.log(sure) + (1 - target) * np.log1p(-sure)))


def r2(predicted: Row, target: Row) -> float:
    """The part of the variance that the prediction explains; below 0 it is worse than the mean."""
    total = float(((target - target.mean()) ** 2).sum())
    return float("nan") if total == 0 else 1 - float(((target - predicted) ** 2).sum()) / total


def ic(predicted: Row, target: Row) -> float:
    """Correlation of ranks."""
    one, two = ranks(predicted), ranks(target)
    if one.std() == 0 or two.std() == 0:
        return float("nan")
    return float(np.corrcoef(one, two)[0, 1])


def ranks(values: Row) -> Row:
    """The rank of each value from 1 on; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    found: Row = (last - (count - 1) / 2)[place]
    return found


FIGURES: dict[bool, dict[str, Callable[[Row, Row], float]]] = {
    True: {"auc": auc, "brier": brier, "log_loss": log_loss},
    False: {"r2": r2, "ic": ic},
}


def scores(predicted: Row, target: Row, value: Row, *, classifier: bool, block: float, seed: int) -> dict[str, Score]:
    """Every figure of a task; the `ic` of a classifier is with the value of the label, not with its class."""
    places = stationary(len(target), block, DRAWS, seed)
    found = {name: _score(figure, predicted, target, places) for name, figure in FIGURES[classifier].items()}
    return found | {"ic": _score(ic, predicted, value, places)}


def _score(figure: Callable[[Row, Row], float], predicted: Row, target: Row, places: Any) -> Score:
    """A figure and the middle of its draws."""
    drawn = np.array([figure(predicted[one], target[one]) for one in places])
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)) if len(drawn) else (np.nan, np.nan)
    return Score(figure(predicted, target), float(low), float(high))


def overlap(at_ns: Times, known_ns: Times) -> float:
    """The mean number of rows that a label's span has: the length of a block."""
    return float(np.mean(np.searchsorted(at_ns, known_ns, "right") - np.arange(len(at_ns))))

"""Several models as one prediction: weights and calibration, fitted on out-of-fold predictions only.

prediction = calibrate(base + weights · raw)         raw: one column for each model
"""

from typing import Any, NamedTuple

import numpy as np

from research.train.labels import Row
from research.train.models import need
from research.train.scaling import Table
from research.train.splits import Split


class Weights(NamedTuple):
    """How raw predictions are added."""

    base: float
    each: tuple[float, ...]

    def apply(self, raw: Table) -> Row:
        """One raw prediction of several."""
        added: Row = (raw * np.array(self.each)).sum(axis=1) + self.base  # no BLAS: it may round by threads
        return added


class Calibration(NamedTuple):
    """From a raw prediction to a probability: `platt` has slope and base, `isotonic` has points to interpolate."""

    kind: str
    at: tuple[float, ...] = ()
    to: tuple[float, ...] = ()

    def apply(self, raw: Row) -> Row:
        """A probability, or for a regressor (`identity`) the raw prediction."""
        if self.kind == "identity":
            return raw
        if self.kind == "isotonic":
            return np.asarray(np.interp(raw, self.at, self.to), np.float64)
        slope, base = self.at if self.kind == "platt" else (1.0, 0.0)
        return np.asarray(1 / (1 + np.exp(-np.clip(slope * raw + base, -700, 700))), np.float64)


def average(models: int) -> Weights:
    """Every model alike."""
    return Weights(0.0, (1 / models,) * models)


def stack(raw: Table, target: Row, *, classifier: bool) -> Weights:
    """Weights that predict the target from out-of-fold predictions."""
    linear = need("sklearn.linear_model")
    spread = raw.std(axis=0)
    spread[spread == 0] = 1.0
    made = linear.LogisticRegression(C=1.0, max_iter=1000) if classifier else linear.Ridge(alpha=1.0)
    made.fit(raw / spread, target)
    each = np.ravel(made.coef_) / spread
    return Weights(float(np.ravel(made.intercept_)[0]), tuple(float(one) for one in each))


def calibrate(kind: str, raw: Row, target: Row) -> Calibration:
    """Fit a calibration."""
    if kind == "platt":
        linear = need("sklearn.linear_model")
        made = linear.LogisticRegression(C=1e6, max_iter=1000).fit(raw[:, None], target)
        return Calibration("platt", (float(made.coef_[0, 0]), float(made.intercept_[0])))
    if kind == "isotonic":
        made = need("sklearn.isotonic").IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(raw, target)
        return Calibration("isotonic", _floats(made.X_thresholds_), _floats(made.y_thresholds_))
    return Calibration(kind)


def crossed(raw: Table, target: Row, splits: list[Split], *, classifier: bool) -> Row:
    """The stacked prediction of each row by weights of other folds; NaN where none have a prediction.

    `raw` is out of fold; a split's weights come from its training part, which is purged of the test part.
    """
    total, count = np.zeros(len(raw)), np.zeros(len(raw))
    have = np.asarray(np.isfinite(raw).all(axis=1))
    for split in splits:
        train, test = split.train[have[split.train]], split.test[have[split.test]]
        if len(train) > raw.shape[1] and np.ptp(target[train]) > 0:
            total[test] += stack(raw[train], target[train], classifier=classifier).apply(raw[test])
            count[test] += 1
    with np.errstate(invalid="ignore"):
        found: Row = total / np.where(count > 0, count, np.nan)
    return found


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(one) for one in values)

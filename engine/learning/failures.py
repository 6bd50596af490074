"""How probable it is that a prediction fails: a logistic model of past failures, which learns from each outcome.

    failures = fit(inputs, failed)               from out-of-fold predictions: one row of inputs and 0 or 1 each
    failures.probability((0.2, 1.3))             of a failure, for the inputs of now
    failures.update((0.2, 1.3), failed=True)

The inputs are scaled with the mean and deviation of the rows that it was fitted on; what is beyond `BOUND` deviations
counts as at them, and NaN as the mean. The state is a normal distribution over the coefficients: `fit` finds its peak
and its curvature there, `update` moves both by one outcome (an extended Kalman filter of logistic regression). Before
an update the covariance grows by 1 / `memory`, so what is older counts less; `memory` 1 forgets nothing.
"""

from collections.abc import Sequence
from math import exp, isfinite

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
INPUTS_MOST = 16
BOUND = 6.0
PRIOR = 1.0  # the variance of a coefficient before anything is known, in units of scaled inputs
VARIANCE_MOST = 10.0  # of a coefficient: forgetting alone must not make the model forget itself
STEPS = 50


class Failures(msgspec.Struct):
    """The model and its state: what a strategy saves. The first coefficient is the constant."""

    means: list[float]
    deviations: list[float]
    coefficients: list[float]
    covariance: list[list[float]]
    memory: float = 1.0
    outcomes: int = 0

    def probability(self, inputs: Sequence[float]) -> float:
        """The probability that the prediction with these inputs fails."""
        row = self._row(inputs)
        return _logistic(sum(c * x for c, x in zip(self.coefficients, row, strict=True)))

    def update(self, inputs: Sequence[float], *, failed: bool) -> None:
        """Learn from one outcome."""
        row, wrong = np.array(self._row(inputs)), self.probability(inputs)
        spread = np.array(self.covariance) / self.memory
        widest = float(spread.diagonal().max())
        if widest > VARIANCE_MOST:
            spread *= VARIANCE_MOST / widest
        seen = (spread * row).sum(axis=1)
        curvature = wrong * (1 - wrong)
        spread -= np.multiply.outer(seen, seen) * (curvature / (1 + curvature * float((row * seen).sum())))
        moved = (spread * row).sum(axis=1) * (float(failed) - wrong)
        self.coefficients = (np.array(self.coefficients) + moved).tolist()
        self.covariance = ((spread + spread.T) / 2).tolist()
        self.outcomes += 1

    def _row(self, inputs: Sequence[float]) -> list[float]:
        """The scaled inputs after the constant."""
        if len(inputs) != len(self.means):
            raise ValueError(f"inputs: expected {len(self.means)} numbers, was {len(inputs)}")
        scaled = [(x - m) / d for x, m, d in zip(inputs, self.means, self.deviations, strict=True)]
        return [1.0, *(min(max(x, -BOUND), BOUND) if isfinite(x) else 0.0 for x in scaled)]


def unknown(inputs: int, memory: float = 1.0) -> Failures:
    """A model that knows nothing yet: each prediction fails with probability 1/2, and inputs are taken as scaled."""
    _check(inputs, memory)
    spread = (np.eye(inputs + 1) * PRIOR).tolist()
    return Failures([0.0] * inputs, [1.0] * inputs, [0.0] * (inputs + 1), spread, memory)


def fit(inputs: Floats, failed: npt.ArrayLike, memory: float = 1.0) -> Failures:
    """The model of these failures, by Newton's method; the rows are out of sample for the models that predicted."""
    rows, wrong = np.asarray(inputs, np.float64), np.asarray(failed, np.float64)
    if rows.ndim != 2 or wrong.shape != rows.shape[:1]:  # noqa: PLR2004 - a table
        raise ValueError(f"inputs {rows.shape} and failed {wrong.shape}: expected one row of inputs for each outcome")
    if not np.isin(wrong, (0, 1)).all():
        raise ValueError("failed: expected 0 or 1 for each outcome")
    _check(rows.shape[1], memory)
    finite = np.where(np.isfinite(rows), rows, np.nan)
    if len(rows) == 0 or np.isnan(finite).all(axis=0).any():
        raise ValueError("inputs: each column needs a number at least once")
    found = unknown(rows.shape[1], memory)
    found.means = np.nanmean(finite, axis=0).tolist()
    deviations = np.nanstd(finite, axis=0)
    found.deviations = np.where(deviations > 0, deviations, 1.0).tolist()
    scaled = np.array([found._row(row) for row in rows.tolist()])  # noqa: SLF001 - of its own module
    coefficients = np.zeros(scaled.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-np.clip(scaled @ coefficients, -500, 500)))
        curvature = (scaled * (likely * (1 - likely))[:, None]).T @ scaled + np.eye(len(coefficients)) / PRIOR
        step = np.linalg.solve(curvature, scaled.T @ (wrong - likely) - coefficients / PRIOR)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-12:  # noqa: PLR2004
            break
    found.coefficients, found.covariance = coefficients.tolist(), np.linalg.inv(curvature).tolist()
    found.outcomes = len(wrong)
    return found


def _check(inputs: int, memory: float) -> None:
    if not 1 <= inputs <= INPUTS_MOST:
        raise ValueError(f"inputs: expected 1 to {INPUTS_MOST} of them, was {inputs}")
    if not 0 < memory <= 1:
        raise ValueError(f"memory: expected a number above 0 and at most 1, was {memory}")


def _logistic(value: float) -> float:
    """1 / (1 + e^-value), without an overflow."""
    return 1 / (1 + exp(-value)) if value >= 0 else exp(value) / (1 + exp(value))

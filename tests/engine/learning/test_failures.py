"""The model of failures: its fit, its updates, and what is missing."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from engine.learning.failures import VARIANCE_MOST, fit, unknown


def planted(seed: int, count: int = 4_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, failures, and the probability with which each failed."""
    drawn = np.random.default_rng(seed)
    inputs = drawn.normal((3.0, -1.0), (2.0, 0.5), (count, 2))
    likely = 1 / (1 + np.exp(0.5 - 0.8 * (inputs[:, 0] - 3) + 2 * (inputs[:, 1] + 1)))
    return inputs, (drawn.random(count) < likely).astype(float), likely


def test_a_fit_is_the_peak_that_an_independent_library_finds() -> None:
    """Two codes that find the same coefficients make a slip in one of them improbable."""
    inputs, failed, _ = planted(1)
    found = fit(inputs, failed)
    scaled = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    table = np.column_stack([np.ones(len(scaled)), scaled])
    reference = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-12, max_iter=1000).fit(table, failed)
    assert found.coefficients == pytest.approx(reference.coef_[0].tolist(), abs=1e-6)


def test_updates_one_by_one_come_to_where_the_fit_is() -> None:
    """A live model that learns in another way than the fit would drift from what was validated."""
    inputs, failed, likely = planted(2)
    whole, half = fit(inputs, failed), fit(inputs[:2_000], failed[:2_000])
    for row, one in zip(inputs[2_000:].tolist(), failed[2_000:].tolist(), strict=True):
        half.update(row, failed=bool(one))
    errors = [abs(half.probability(row) - whole.probability(row)) for row in inputs.tolist()]
    assert max(errors) < 0.03
    assert np.mean(np.abs([whole.probability(row) for row in inputs.tolist()] - likely)) < 0.03


def test_a_model_that_forgets_follows_a_change() -> None:
    """What makes a model fail changes: a memory without end is as wrong as no memory."""
    drawn = np.random.default_rng(3)
    lasting, short = unknown(1), unknown(1, memory=0.99)
    for number in range(4_000):
        x = float(drawn.normal())
        failed = bool(drawn.random() < 1 / (1 + math.exp(-2 * x * (1 if number < 3_000 else -1))))
        lasting.update((x,), failed=failed)
        short.update((x,), failed=failed)
    assert short.probability((1.0,)) < 0.3
    assert lasting.probability((1.0,)) > 0.5


def test_forgetting_has_an_end() -> None:
    """Days without the input that matters must not blow its variance up: the next outcome would turn the model."""
    model = unknown(1, memory=0.9)
    for _ in range(10_000):
        model.update((0.0,), failed=False)
    assert max(max(row) for row in model.covariance) <= VARIANCE_MOST
    model.update((1.0,), failed=True)
    assert 0 < model.probability((1.0,)) < 1


def test_a_missing_or_wild_input_is_bounded() -> None:
    """One outlier of a feed must not make a model certain."""
    inputs, failed, _ = planted(4)
    model = fit(inputs, failed)
    middle = inputs.mean(axis=0).tolist()
    assert model.probability((math.nan, middle[1])) == pytest.approx(model.probability(middle))
    assert model.probability((math.inf, middle[1])) == pytest.approx(model.probability(middle))
    assert model.probability((1e9, middle[1])) == model.probability((1e12, middle[1])) < 1


@pytest.mark.parametrize(
    ("inputs", "failed", "text"),
    [
        (np.zeros((3, 2)), [0, 1], "one row of inputs for each outcome"),
        (np.zeros((2, 2)), [0, 0.5], "expected 0 or 1 for each outcome"),
        (np.full((2, 1), np.nan), [0, 1], "each column needs a number"),
        (np.zeros((0, 1)), [], "each column needs a number"),
        (np.zeros((2, 17)), [0, 1], "expected 1 to 16 of them, was 17"),
    ],
)
def test_what_is_refused(inputs: np.ndarray, failed: list[float], text: str) -> None:
    """A fit of the wrong table would be believed."""
    with pytest.raises(ValueError, match=text):
        fit(inputs, failed)
    with pytest.raises(ValueError, match=r"memory: .* was 0"):
        unknown(1, memory=0)
    with pytest.raises(ValueError, match="expected 1 numbers, was 2"):
        unknown(1).probability((1.0, 2.0))

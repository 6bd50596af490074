"""Experts' weights: the regret bound, sleeping experts, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.learning import Experts

NAN = math.nan
PREDICTION = st.one_of(st.just(NAN), st.floats(0, 1))


def regret(experts: Experts, predictions: np.ndarray, outcomes: np.ndarray, best: np.ndarray) -> float:
    """What the mean lost beyond the experts of each time in `best`."""
    for row, outcome in zip(predictions.tolist(), outcomes.tolist(), strict=True):
        experts.update(row, outcome)
    lost = (predictions[np.arange(len(best)), best] - outcomes) ** 2
    return experts.state.loss - float(lost.sum())


@pytest.mark.parametrize("seed", range(20))
def test_after_a_planted_change_the_mean_loses_no_more_than_the_bound(seed: int) -> None:
    """A weight that is dead after a long regime would follow the wrong expert for as long again."""
    drawn, count, change = np.random.default_rng(seed), 2_000, 1_200
    outcomes = drawn.integers(0, 2, count).astype(float)
    good, bad = abs(outcomes - 0.15), abs(outcomes - 0.8)
    first = np.arange(count) < change
    predictions = np.column_stack([np.where(first, good, bad), np.where(first, bad, good), drawn.random(count)])
    experts = Experts(("before", "after", "noise"), share=0.01)
    found = regret(experts, predictions, outcomes, np.where(first, 0, 1))
    assert found <= experts.regret_limit(count, changes=1)
    assert experts.weights["after"] > 0.9


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.sampled_from([0.0, 0.001, 0.02, 0.3]))
def test_no_sequence_of_predictions_breaks_the_bound_of_the_best_expert(seed: int, count: int, share: float) -> None:
    """The bound is for every sequence, not for kind ones: here also for a hostile one that follows the mean."""
    drawn, experts = np.random.default_rng(seed), Experts([str(one) for one in range(count)], share)
    losses = np.zeros(count)
    for _ in range(200):
        row = drawn.choice([0.0, 1.0, drawn.random()], count).tolist()
        outcome = float(experts.probability(row) < 0.5) if drawn.random() < 0.5 else float(drawn.integers(0, 2))
        losses += (np.array(row) - outcome) ** 2
        experts.update(row, outcome)
    assert experts.state.loss - losses.min() <= experts.regret_limit(200) + 1e-9, seed


def test_a_canary_rate_breaks_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of a bound that holds for any rate tests nothing: weights that never move lose more than it allows."""
    monkeypatch.setattr("engine.learning.experts.RATE", 0.0)
    experts = Experts(("right", "wrong"), share=0.0)
    outcomes = np.ones(200)
    found = regret(experts, np.column_stack([outcomes, 1 - outcomes]), outcomes, np.zeros(200, int))
    assert found > experts.regret_limit(200)


@given(st.lists(st.tuples(PREDICTION, PREDICTION, PREDICTION, st.floats(0, 1)), max_size=40), st.floats(0, 0.9))
def test_weights_stay_a_distribution(rows: list[tuple[float, float, float, float]], share: float) -> None:
    """A weight that is NaN or negative once would stay in every later prediction."""
    experts = Experts(("a", "b", "c"), share)
    for a, b, c, outcome in rows:
        experts.update((a, b, c), outcome)
        weights = list(experts.weights.values())
        assert all(weight >= 0 for weight in weights)
        assert math.isclose(math.fsum(weights), 1.0)
        mean = experts.probability((a, b, c))
        given_ = [p for p in (a, b, c) if not math.isnan(p)]
        assert math.isnan(mean) if not given_ else min(given_) - 1e-12 <= mean <= max(given_) + 1e-12


def test_an_expert_without_an_opinion_keeps_its_weight() -> None:
    """A model whose venue is down must not gain or lose by what it did not say."""
    experts = Experts(("a", "b", "silent"), share=0.0)
    experts.update((0.9, 0.1, NAN), 1.0)
    assert experts.weights["silent"] == pytest.approx(1 / 3)
    assert experts.weights["a"] > experts.weights["b"]
    assert math.isnan(experts.probability((NAN, NAN, NAN)))
    before = dict(experts.weights)
    experts.update((NAN, NAN, NAN), 1.0)
    assert experts.weights == before


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Experts(()), "1 to 8 different names, was none"),
        (lambda: Experts(("a", "a")), "different names, was a, a"),
        (lambda: Experts(("a",), share=1.0), "share: expected a number from 0 to below 1, was 1.0"),
        (lambda: Experts(("a", "b")).probability((0.5,)), "expected 2 (a, b), was 1"),
        (lambda: Experts(("a", "b")).probability((0.5, 1.2)), "prediction of b: .* was 1.2"),
        (lambda: Experts(("a",)).update((0.5,), 2.0), "outcome: expected a number from 0 to 1, was 2.0"),
        (lambda: Experts(("a",)).update((0.5,), NAN), "outcome: .* was nan"),
    ],
)
def test_what_is_refused(make: object, text: str) -> None:
    """A score of another scale, taken for a probability, would decide every size."""
    with pytest.raises(ValueError, match=text.replace("(", r"\(").replace(")", r"\)")):
        make()  # type: ignore[operator]

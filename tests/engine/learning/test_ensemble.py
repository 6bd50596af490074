"""The ensemble on planted data that changes: better than equal weights, and it holds back before it fails."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from engine.learning import Belief, Ensemble, Exposure, Learned
from engine.learning.ensemble import OPEN_MOST
from engine.learning.failures import unknown
from engine.model.records import STATE_BYTES

NAMES = ("trend", "reversal", "noise")
BLOCK = 100


def planted(seed: int, count: int = 6_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions of three experts, outcomes, and one regime number. Every 1,500 rows another expert is right.

    In wild times (regime 1, a fifth of all) no expert knows anything.
    """
    drawn = np.random.default_rng(seed)
    outcomes = drawn.integers(0, 2, count).astype(float)
    wild = np.repeat(drawn.random(count // 100) < 0.2, 100)
    knows = np.clip(0.5 + (outcomes - 0.5) * drawn.uniform(-0.3, 1.0, count), 0.02, 0.98)
    guess = drawn.uniform(0.1, 0.9, (3, count))
    turn = np.arange(count) // 1_500 % 2
    trend, reversal = np.where(turn == 0, knows, guess[0]), np.where(turn == 1, knows, guess[1])
    predictions = np.column_stack([trend, reversal, guess[2]])
    predictions[wild] = drawn.uniform(0.1, 0.9, (int(wild.sum()), 3))
    return predictions, outcomes, wild.astype(float)


def run(ensemble: Ensemble, predictions: np.ndarray, outcomes: np.ndarray, regime: np.ndarray) -> list[Belief]:
    """Predict and observe, row by row, each outcome five rows late."""
    beliefs = []
    for time, (row, wild) in enumerate(zip(predictions.tolist(), regime.tolist(), strict=True), 1):
        beliefs.append(ensemble.predict(time, row, (wild,)))
        if time > 5:
            assert ensemble.observe(time - 5, outcomes[time - 6])
    return beliefs


def interval(differences: np.ndarray, seed: int) -> tuple[float, float]:
    """The 99 % interval of a mean of blocks, by bootstrap."""
    drawn = np.random.default_rng(seed)
    means = differences[drawn.integers(0, len(differences), (2_000, len(differences)))].mean(axis=1)
    return float(np.quantile(means, 0.005)), float(np.quantile(means, 0.995))


@pytest.mark.parametrize("seed", range(5))
def test_brier_and_auc_are_better_than_those_of_equal_weights(seed: int) -> None:
    """If learned weights are not surely better than none, they are one more thing that can go wrong."""
    predictions, outcomes, regime = planted(seed)
    beliefs = run(Ensemble(NAMES, ("wild",)), predictions, outcomes, regime)
    ours, equal = np.array([one.probability for one in beliefs]), predictions.mean(axis=1)
    gain = ((equal - outcomes) ** 2 - (ours - outcomes) ** 2).reshape(-1, BLOCK).mean(axis=1)
    assert interval(gain, seed)[0] > 0
    blocks = [slice(begin, begin + BLOCK) for begin in range(0, len(outcomes), BLOCK)]
    areas = [roc_auc_score(outcomes[at], ours[at]) - roc_auc_score(outcomes[at], equal[at]) for at in blocks]
    assert interval(np.array(areas), seed)[0] > 0


@pytest.mark.parametrize("seed", range(5))
def test_the_exposure_is_low_where_the_experts_fail(seed: int) -> None:
    """The model of failures is worth its place only if it is surely right about when to hold back."""
    predictions, outcomes, regime = planted(seed)
    beliefs = run(Ensemble(NAMES, ("wild",)), predictions, outcomes, regime)
    later = slice(1_000, None)
    exposure = np.array([one.exposure for one in beliefs])[later]
    right = np.array([(one.probability > 0.5) == (y > 0.5) for one, y in zip(beliefs, outcomes, strict=True)])[later]
    assert exposure[regime[later] == 1].mean() < 0.6 * exposure[regime[later] == 0].mean()
    gain = (exposure - exposure.mean()) * np.where(right, 1, -1)  # beyond the same exposure all the time
    assert interval(gain.reshape(-1, BLOCK).mean(axis=1), seed)[0] > 0
    confidence = np.array([one.confidence for one in beliefs])[later]
    assert roc_auc_score(right, confidence) > 0.6


@given(st.floats(0, 0.8), st.floats(0.05, 0.2), st.lists(st.floats(0, 1), min_size=2))
def test_exposure_never_falls_where_confidence_rises(low: float, width: float, confidences: list[float]) -> None:
    """A size that grows while the confidence falls is the opposite of holding back."""
    curve = Exposure(low, low + width)
    found = [curve.of(one) for one in sorted(confidences)]
    assert found == sorted(found)
    assert all(0 <= one <= 1 for one in found)
    assert curve.of(math.nan) == 0


def test_after_a_death_it_goes_on_as_if_there_had_been_none() -> None:
    """The next life must not trade on equal weights again, nor lose the outcomes that were open."""
    predictions, outcomes, regime = planted(7, 400)
    whole, first = Ensemble(NAMES, ("wild",)), Ensemble(NAMES, ("wild",))
    expected = run(whole, predictions, outcomes, regime)
    for time in range(1, 201):
        first.predict(time, predictions[time - 1].tolist(), (float(regime[time - 1]),))
        if time > 5:
            first.observe(time - 5, outcomes[time - 6])
    data = msgspec.msgpack.encode(first.save())
    assert len(data) <= STATE_BYTES
    second = Ensemble(NAMES, ("wild",))
    second.load(msgspec.msgpack.decode(data, type=Learned))
    for time in range(201, 401):
        belief = second.predict(time, predictions[time - 1].tolist(), (float(regime[time - 1]),))
        assert belief == expected[time - 1]
        second.observe(time - 5, outcomes[time - 6])


def test_the_largest_state_fits_into_the_lane() -> None:
    """A state that is too large stops the strategy in the middle of trading."""
    ensemble = Ensemble([f"expert{one}" for one in range(6)], [f"regime{one}" for one in range(8)])
    for time in range(1, 2 * OPEN_MOST):
        ensemble.predict(time, [0.123456789] * 6, [1 / 3] * 8)
    assert ensemble.learned.forgotten == OPEN_MOST - 1
    assert len(msgspec.msgpack.encode(ensemble.save())) <= STATE_BYTES


def test_what_is_not_known_is_not_traded() -> None:
    """No opinion is no reason for a size."""
    ensemble = Ensemble(NAMES)
    belief = ensemble.predict(1, (math.nan,) * 3)
    assert belief.exposure == 0
    assert math.isnan(belief.probability)
    assert not ensemble.observe(1, 1.0)


def test_a_state_of_experts_in_another_order_is_refused() -> None:
    """Each weight would be another expert's."""
    with pytest.raises(ValueError, match="state of loss of b, loss of a"):
        Ensemble(("a", "b")).load(Ensemble(("b", "a")).save())


def test_a_wrong_outcome_keeps_the_prediction_and_a_forgotten_one_is_gone() -> None:
    """A caller's slip must not lose what is still to be learned."""
    ensemble = Ensemble(NAMES)
    ensemble.predict(1, (0.5,) * 3)
    with pytest.raises(ValueError, match=r"outcome: .* was nan"):
        ensemble.observe(1, math.nan)
    assert ensemble.observe(1, 1.0)
    ensemble.predict(2, (0.5,) * 3)
    ensemble.forget(2)
    assert not ensemble.observe(2, 1.0)
    assert ensemble.learned.forgotten == 0


def test_two_ensembles_with_one_fitted_model_learn_apart() -> None:
    """A second run of a replay must not begin with what the first one has learned."""
    fitted = unknown(3)
    first, second = Ensemble(("a",), failures=fitted), Ensemble(("a",), failures=fitted)
    first.predict(1, (0.9,))
    first.observe(1, 0.0)
    assert second.learned.failures == fitted == unknown(3)


def twice() -> None:
    """Two predictions of one time."""
    ensemble = Ensemble(NAMES)
    ensemble.predict(1, (0.5,) * 3)
    ensemble.predict(1, (0.5,) * 3)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Ensemble(NAMES, exposure=Exposure(0.6, 0.6)), "low < high <= 1, was 0.6 and 0.6"),
        (
            lambda: Ensemble(NAMES, [str(one) for one in range(12)]),
            "3 experts and 12 regimes are 17 inputs, expected at most 16",
        ),
        (lambda: Ensemble(NAMES).predict(1, (0.5,) * 3, (1.0,)), r"regimes: expected 0 \(\), was 1"),
        (twice, "time_ns 1: expected a time after 1"),
        (lambda: Ensemble(NAMES).load(Ensemble(("a",)).save()), "state of loss of a, disagreement, margin, expected"),
    ],
)
def test_what_is_refused(make: object, text: str) -> None:
    """Each of these would train or trade on the wrong numbers."""
    with pytest.raises(ValueError, match=text):
        make()  # type: ignore[operator]

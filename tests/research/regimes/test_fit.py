"""Fits of hidden states: planted ones are recovered, the likelihood never falls, and an independent library agrees."""

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM

from engine.learning.regimes import HiddenFilter
from research.regimes import Kind, fit

FEATURES, STATES = ("volatility", "return"), ("quiet", "usual", "wild")


def planted(seed: int, count: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Rows of three hidden states that last about 100 rows each, and the states."""
    drawn = np.random.default_rng(seed)
    states, state = np.empty(count, int), 0
    for row in range(count):
        if drawn.random() < 0.01:
            state = int(drawn.integers(0, 3))
        states[row] = state
    rows = np.column_stack(
        [
            drawn.normal(np.array([1.0, 2.0, 4.0])[states], np.array([0.2, 0.4, 0.8])[states]),
            drawn.normal(np.array([0.0, 0.5, -0.5])[states], np.array([0.5, 0.5, 1.5])[states]),
        ]
    )
    return rows, states


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("seed", range(3))
def test_planted_states_are_recovered_live_from_a_fit_of_earlier_rows(kind: Kind, seed: int) -> None:
    """Nine of ten later rows get the state that was planted, by a filter that has seen only the rows before them."""
    rows, states = planted(seed)
    model = fit(rows[:2_000], FEATURES, STATES, kind=kind, seed=seed).model
    follower = HiddenFilter(model)
    found = follower.over(rows).argmax(axis=1)
    assert np.mean(found[2_000:] == states[2_000:]) >= 0.9


@pytest.mark.parametrize("kind", Kind)
def test_the_likelihood_never_falls_and_is_that_of_the_model(kind: Kind) -> None:
    """A round that makes it worse is a wrong formula; a likelihood of another model would choose the wrong start."""
    rows, _ = planted(5, 1_500)
    found = fit(rows, FEATURES, STATES, kind=kind, seed=1)
    assert (np.diff(found.rounds) > -1e-6).all()
    assert len(found.rounds) > 2
    if kind == Kind.HIDDEN:
        follower = HiddenFilter(found.model)
        follower.over(rows)
        assert follower.log_likelihood == pytest.approx(found.model.log_likelihood, rel=1e-9)


def test_an_independent_library_finds_no_more_likely_model() -> None:
    """hmmlearn, begun where our fit ended, has nothing to gain; begun by itself it comes to no better place."""
    rows, _ = planted(6, 2_000)
    ours = fit(rows, FEATURES, STATES, seed=2).model
    theirs = GaussianHMM(3, covariance_type="full", n_iter=300, tol=1e-6, random_state=0).fit(rows)
    assert ours.log_likelihood >= theirs.score(rows) - 0.5
    same = GaussianHMM(3, covariance_type="full", n_iter=1, init_params="")
    same.startprob_, same.transmat_ = np.array(ours.start), np.array(ours.transitions)
    same.means_, same.covars_ = np.array(ours.means), np.array(ours.covariances)
    assert same.score(rows) == pytest.approx(ours.log_likelihood, rel=1e-9)


def test_one_seed_is_one_model() -> None:
    """A label that changes its meaning with every fit cannot be traded on."""
    rows, _ = planted(7, 800)
    first, second = fit(rows, FEATURES, STATES, seed=3), fit(rows, FEATURES, STATES, seed=3)
    assert first == second
    means = [row[0] for row in first.model.means]
    assert means == sorted(means)


def test_rows_that_are_all_alike_still_make_a_model() -> None:
    """A feed that stands still must not end a nightly fit with a matrix that cannot be inverted."""
    model = fit(np.ones((60, 2)), FEATURES, STATES[:2], seed=1).model
    assert np.isfinite(HiddenFilter(model).over(np.ones((3, 2)))).all()


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (np.zeros((100, 3)), r"rows of shape \(100, 3\): expected a column for each of volatility, return"),
        (np.zeros((20, 2)), "20 rows: expected at least 10 for each of 3 states"),
        (np.vstack([np.zeros((40, 2)), [[np.nan, 0]]]), "row 40 has a missing number"),
    ],
)
def test_what_is_refused(rows: np.ndarray, text: str) -> None:
    """A fit on the wrong table is worse than none."""
    with pytest.raises(ValueError, match=text):
        fit(rows, FEATURES, STATES)
    with pytest.raises(ValueError, match="starts: expected at least 1"):
        fit(planted(1, 100)[0], FEATURES, STATES, starts=0)

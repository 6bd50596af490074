"""Hidden states from history, by expectation and maximisation.

HIDDEN    a Gaussian hidden Markov model (Baum and Welch)
MIXTURE   clusters: a Gaussian mixture, in which each row is drawn alone; how often one cluster follows another is
          counted afterwards, so that the live filter can use it as well

The fit begins `starts` times from centres that are drawn with the seed, far from one another (k-means++), and keeps the
most likely result: one seed, one model. The states are in the order of the mean of the first feature, from low to high,
and get the names in this order. Rows with a missing number are refused: how to fill them is the caller's decision.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from engine.learning.regimes.model import FEATURES_MOST, STATES_MOST, HiddenModel, checked
from research.regimes.passes import forward_backward

Floats = npt.NDArray[np.float64]
ROUNDS = 500
GAIN = 1e-7  # per row: a round that adds less ends the fit
FLOOR = 1e-6  # of a feature's variance: what a state's covariance has at least
ROWS_PER_STATE = 10


class Kind(StrEnum):
    """What the rows are taken for."""

    HIDDEN = "hidden"
    MIXTURE = "mixture"


@dataclass(frozen=True)
class Fitted:
    """A fitted model, and the log likelihood after each round of the best start: it never falls."""

    model: HiddenModel
    rounds: tuple[float, ...]


@dataclass
class _Guess:
    """The numbers that one round makes better."""

    start: Floats
    transitions: Floats
    means: Floats
    covariances: Floats


def fit(
    rows: npt.ArrayLike,
    features: tuple[str, ...],
    states: tuple[str, ...],
    *,
    kind: Kind = Kind.HIDDEN,
    seed: int = 0,
    starts: int = 5,
    fitted_on: str = "",
) -> Fitted:
    """The most likely model of these rows."""
    table = np.ascontiguousarray(rows, np.float64)
    _check(table, features, states, starts)
    drawn = np.random.default_rng(seed)
    floor = np.diag(np.maximum(table.var(axis=0), np.finfo(float).tiny) * FLOOR)
    best: tuple[list[float], _Guess] | None = None
    for _ in range(starts):
        found = _climb(table, _begin(table, len(states), drawn, floor), kind, floor)
        if best is None or found[0][-1] > best[0][-1]:
            best = found
    assert best is not None
    rounds, guess = best
    model = _named(guess, features, states, fitted_on, rounds[-1])
    return Fitted(checked(model), tuple(rounds))


def _climb(table: Floats, guess: _Guess, kind: Kind, floor: Floats) -> tuple[list[float], _Guess]:
    """Rounds until the likelihood hardly grows. The last likelihood is that of the guess that is returned."""
    rounds: list[float] = []
    while True:
        logs = _logs(table, guess)
        if kind == Kind.MIXTURE:
            whole = logs + np.log(guess.start)
            greatest = whole.max(axis=1, keepdims=True)
            weights = np.exp(whole - greatest)
            likelihood = float((greatest[:, 0] + np.log(weights.sum(axis=1))).sum())
            shares = weights / weights.sum(axis=1, keepdims=True)
        else:
            likelihood, shares, follows = forward_backward(logs, guess.start, guess.transitions)
        rounds.append(likelihood)
        if len(rounds) == ROUNDS or (len(rounds) > 1 and rounds[-1] - rounds[-2] < GAIN * len(table)):
            if kind == Kind.MIXTURE:
                guess.transitions = _shares_of(shares[:-1].T @ shares[1:])
            return rounds, guess
        guess = _better(table, shares, floor, guess.transitions)
        if kind == Kind.HIDDEN:
            guess.start, guess.transitions = shares[0], _shares_of(follows)
        else:
            guess.start = shares.mean(axis=0)


def _better(table: Floats, shares: Floats, floor: Floats, transitions: Floats) -> _Guess:
    """Means and covariances of the rows, each row with its share in a state."""
    totals = shares.sum(axis=0) + np.finfo(float).tiny
    means = (shares.T @ table) / totals[:, None]
    covariances = np.empty((len(totals), table.shape[1], table.shape[1]))
    for state, total in enumerate(totals):
        off = table - means[state]
        spread = (off * shares[:, state, None]).T @ off / total + floor
        covariances[state] = (spread + spread.T) / 2
    return _Guess(shares[0], transitions, means, covariances)


def _logs(table: Floats, guess: _Guess) -> Floats:
    """The log likelihood of each row in each state."""
    logs = np.empty((len(table), len(guess.means)))
    for state, (mean, covariance) in enumerate(zip(guess.means, guess.covariances, strict=True)):
        factor = np.linalg.cholesky(covariance)
        square = (np.linalg.solve(factor, (table - mean).T) ** 2).sum(axis=0)
        constant = table.shape[1] * np.log(2 * np.pi) / 2 + np.log(factor.diagonal()).sum()
        logs[:, state] = -constant - square / 2
    return logs


def _begin(table: Floats, states: int, drawn: np.random.Generator, floor: Floats) -> _Guess:
    """Centres far from one another, each row with the nearest one."""
    scaled = (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), np.finfo(float).tiny)
    centres = scaled[[int(drawn.integers(len(scaled)))]]
    while len(centres) < states:
        apart = ((scaled[:, None] - centres) ** 2).sum(axis=2).min(axis=1)
        chance = apart / apart.sum() if apart.sum() > 0 else np.full(len(scaled), 1 / len(scaled))
        centres = np.vstack([centres, scaled[[int(drawn.choice(len(scaled), p=chance))]]])
    nearest = ((scaled[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    shares = np.eye(states)[nearest] * 0.98 + 0.02 / states
    guess = _better(table, shares / shares.sum(axis=1, keepdims=True), floor, np.empty(0))
    guess.start = np.full(states, 1 / states)
    guess.transitions = _shares_of(np.eye(states) * 8 + 2 / states)
    return guess


def _shares_of(counts: Floats) -> Floats:
    """Each row as shares of its sum; a state that nothing follows is followed by each alike."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.where(totals > 0, totals, 1), 1 / len(counts))


def _named(
    guess: _Guess, features: tuple[str, ...], states: tuple[str, ...], fitted_on: str, likelihood: float
) -> HiddenModel:
    """The guess as a model, its states in the order of the first feature's mean."""
    order = np.argsort(guess.means[:, 0], kind="stable")
    start, transitions = guess.start[order], guess.transitions[np.ix_(order, order)]
    return HiddenModel(
        features=features,
        states=states,
        start=tuple((start / start.sum()).tolist()),
        transitions=tuple(map(tuple, (transitions / transitions.sum(axis=1, keepdims=True)).tolist())),
        means=tuple(map(tuple, guess.means[order].tolist())),
        covariances=tuple(tuple(map(tuple, one)) for one in guess.covariances[order].tolist()),
        fitted_on=fitted_on,
        log_likelihood=likelihood,
    )


def _check(table: Floats, features: tuple[str, ...], states: tuple[str, ...], starts: int) -> None:
    if table.ndim != 2 or table.shape[1] != len(features):  # noqa: PLR2004 - a table
        raise ValueError(f"rows of shape {table.shape}: expected a column for each of {', '.join(features)}")
    if not (1 <= len(states) <= STATES_MOST and 1 <= len(features) <= FEATURES_MOST):
        raise ValueError(f"expected 1 to {STATES_MOST} states and 1 to {FEATURES_MOST} features")
    if len(table) < ROWS_PER_STATE * len(states):
        raise ValueError(f"{len(table)} rows: expected at least {ROWS_PER_STATE} for each of {len(states)} states")
    if not np.isfinite(table).all():
        place = int(np.argwhere(~np.isfinite(table))[0][0])
        raise ValueError(f"row {place} has a missing number: fill or leave out such rows first")
    if starts < 1:
        raise ValueError(f"starts: expected at least 1, was {starts}")

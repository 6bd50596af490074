"""Splits: no label of the training part looks into the test part, and a planted leak proves that this matters."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from research.train.labels import fixed
from research.train.splits import combinatorial, k_fold, paths, walk_forward
from tests.research.train.series import walk

EMBARGO = 15


def spans(rows: int = 400, seed: int = 0) -> Any:
    """Times and the ends of labels of random length."""
    random = np.random.default_rng(seed)
    at = np.cumsum(random.integers(1, 5, rows)).astype(np.int64)
    return at, at + random.integers(0, 60, rows)


SPLITS = {
    "k_fold": lambda at, known, purge: k_fold(at, known, 5, EMBARGO, purge=purge),
    "walk_forward": lambda at, known, purge: walk_forward(at, known, 5, EMBARGO, purge=purge),
    "combinatorial": lambda at, known, purge: combinatorial(at, known, 6, 2, EMBARGO, purge=purge),
}


@pytest.mark.parametrize("kind", SPLITS)
def test_no_training_row_touches_a_test_row_or_its_embargo(kind: Any) -> None:
    """Each pair is compared, as a plain loop would: labels overlap from either side, and the embargo follows."""
    at, known = spans()
    for train, test in SPLITS[kind](at, known, True):
        assert len(train) > 0
        assert not set(train) & set(test)
        for row in train:
            overlaps = (at[row] <= known[test]) & (known[row] >= at[test])
            assert not overlaps.any()
            for block in _runs(test):
                gap = at[row] - max(at[block[-1]], known[block].max())
                assert not 0 < gap <= EMBARGO


@pytest.mark.parametrize("kind", SPLITS)
def test_purging_removes_nothing_more(kind: Any) -> None:
    """Every removed row has its reason: data is dear."""
    at, known = spans()
    past_only = kind == "walk_forward"
    for train, test in SPLITS[kind](at, known, True):
        removed = set(range(len(at))) - set(train) - set(test)
        for row in removed:
            reasons = [past_only and row > test[-1]]
            for block in _runs(test):
                last = max(at[block[-1]], known[block].max())
                reasons.append(at[block[0]] <= known[row] and at[row] <= last + EMBARGO)
            assert any(reasons)


def _runs(rows: Any) -> Any:
    """The blocks of rows without a hole."""
    return np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)


@pytest.mark.parametrize("kind", ["k_fold", "combinatorial"])
def test_every_row_is_tested(kind: Any) -> None:
    """A row that is never in a test part has no out-of-fold prediction."""
    at, known = spans()
    assert set(np.concatenate([test for _, test in SPLITS[kind](at, known, True)])) == set(range(len(at)))


def test_walk_forward_fits_on_the_past_only() -> None:
    """And on as much of it as is asked for."""
    at, known = spans()
    made = walk_forward(at, known, 5, train_most=50)
    assert len(made) == 4
    for train, test in made:
        assert train.max() < test.min()
        assert len(train) == 50
    assert all(one.test[-1] + 1 == two.test[0] for one, two in pairwise(made))


@pytest.mark.parametrize(("groups", "tested"), [(6, 2), (5, 1), (8, 3)])
def test_paths_use_each_test_group_of_each_split_once(groups: Any, tested: Any) -> None:
    """As many paths as the book says, each a whole history."""
    at, known = spans()
    splits, found = combinatorial(at, known, groups, tested), paths(groups, tested)
    assert len(found) == len(splits) * tested // groups
    blocks = np.array_split(np.arange(len(at)), groups)
    used = [(split, group) for path in found for group, split in enumerate(path)]
    assert len(set(used)) == len(used) == len(splits) * tested
    assert all(np.isin(blocks[group], splits[split].test).all() for split, group in used)


def _nearest(train: Any, test: Any, value: Any) -> Any:
    """Predict each test row by the label of the training row nearest in time: it knows nothing but the overlap."""
    after = np.clip(np.searchsorted(train, test), 0, len(train) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.where(np.abs(train[after] - test) < np.abs(train[before] - test), after, before)
    return value[train[nearer]]


def score(purge: Any) -> Any:
    """The correlation of the predictions with returns of a random walk, which nothing can predict."""
    at, price = walk(20_000, 3)
    label = fixed(at, price, 450)
    rows = np.isfinite(label.value)
    value, found = label.value[rows], np.full(rows.sum(), np.nan)
    for train, test in k_fold(at[rows], label.known_ns[rows], 400, 450, purge=purge):
        found[test] = _nearest(train, test, value)
    return float(np.corrcoef(found, value)[0, 1])


def test_a_planted_leak_scores_without_purging_and_not_with_it() -> None:
    """The score of a model that only knows overlapping labels is what purging must take away."""
    assert score(purge=False) > 0.5
    assert abs(score(purge=True)) < 0.15


@pytest.mark.parametrize(
    ("split", "text"),
    [
        (lambda at, known: k_fold(at, known, 1), "1 blocks of 400 rows"),
        (lambda at, known: k_fold(at, known, 401), "401 blocks of 400 rows"),
        (lambda at, known: k_fold(at, known, 5, -1), "embargo -1 ns"),
        (lambda at, known: k_fold(at[::-1], known, 5), "not in the order of time"),
        (lambda at, _: k_fold(at, at - 1, 5), "row 0: its outcome is known at"),
        (lambda at, known: k_fold(at, known[1:], 5), "400 times and 399 outcomes"),
        (lambda at, known: combinatorial(at, known, 4, 4), "tested = 4 of 4 groups"),
    ],
)
def test_what_cannot_be_split_is_refused(split: Any, text: Any) -> None:
    """With the value and what was expected."""
    with pytest.raises(ValueError, match=text):
        split(*spans())

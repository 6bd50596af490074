"""Splits of a time series for training, without a label of the training part that looks into the test part.

    time      ───────────────────────────────────────────────────────▶
    train     ██████████                             ███████████████
    purged              ▒▒▒▒  labels still open   ▒▒
    test                    ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
    embargo                                         ░░

A row of the training part is purged if its span [at_ns, known_ns] touches that of a test block, from either side; the
embargo also removes what starts within `embargo_ns` after it. Rows are in the order of time and each has an outcome.
"""

from itertools import combinations
from math import comb
from typing import Any, NamedTuple

import numpy as np

from research.train.labels import Times

Places = np.ndarray[Any, np.dtype[np.intp]]


class Split(NamedTuple):
    """The rows to fit on and the rows to judge by."""

    train: Places
    test: Places


def k_fold(at_ns: Times, known_ns: Times, folds: int, embargo_ns: int = 0, *, purge: bool = True) -> list[Split]:
    """Each block is the test part once. `purge=False` shows what a leak is worth; it serves nothing else."""
    blocks = _blocks(at_ns, known_ns, folds, embargo_ns)
    return [_split(at_ns, known_ns, [block], embargo_ns, purge=purge) for block in blocks]


def walk_forward(
    at_ns: Times, known_ns: Times, folds: int, embargo_ns: int = 0, *, train_most: int = 0, purge: bool = True
) -> list[Split]:
    """Fit on the past only: each block but the first is the test part; `train_most` rows at most, 0 for all."""
    made = []
    for block in _blocks(at_ns, known_ns, folds, embargo_ns)[1:]:
        one = _split(at_ns, known_ns, [block], embargo_ns, purge=purge)
        past = one.train[one.train < block[0]]
        made.append(Split(past[-train_most:] if train_most else past, block))
    return made


def combinatorial(
    at_ns: Times, known_ns: Times, groups: int, tested: int, embargo_ns: int = 0, *, purge: bool = True
) -> list[Split]:
    """Each choice of `tested` of the groups is the test part once."""
    if not 0 < tested < groups:
        raise ValueError(f"tested = {tested} of {groups} groups: expected 1 to {groups - 1}")
    blocks = _blocks(at_ns, known_ns, groups, embargo_ns)
    return [
        _split(at_ns, known_ns, [blocks[group] for group in chosen], embargo_ns, purge=purge)
        for chosen in combinations(range(groups), tested)
    ]


def paths(groups: int, tested: int) -> list[list[int]]:
    """The paths through the splits of `combinatorial`: for each group the split whose test part covers it.

    A path covers every group once; every test group of every split is in one path.
    """
    chosen = list(combinations(range(groups), tested))
    splits = [[at for at, one in enumerate(chosen) if group in one] for group in range(groups)]
    return [[splits[group][path] for group in range(groups)] for path in range(comb(groups - 1, tested - 1))]


def _blocks(at_ns: Times, known_ns: Times, count: int, embargo_ns: int) -> list[Places]:
    """The rows in blocks of the same length; ValueError for what cannot be split."""
    if len(at_ns) != len(known_ns):
        raise ValueError(f"{len(at_ns)} times and {len(known_ns)} outcomes: expected as many")
    if not 2 <= count <= len(at_ns):  # noqa: PLR2004 - one block has no training part
        raise ValueError(f"{count} blocks of {len(at_ns)} rows: expected 2 blocks or more, and as many rows")
    if embargo_ns < 0:
        raise ValueError(f"embargo {embargo_ns} ns: expected 0 or more")
    if (np.diff(at_ns) < 0).any():
        raise ValueError("rows are not in the order of time: sort them first")
    if (known_ns < at_ns).any():
        at = int(np.flatnonzero(known_ns < at_ns)[0])
        raise ValueError(f"row {at}: its outcome is known at {known_ns[at]}, before its time {at_ns[at]}")
    return np.array_split(np.arange(len(at_ns)), count)


def _split(at_ns: Times, known_ns: Times, blocks: list[Places], embargo_ns: int, *, purge: bool) -> Split:
    """The rest of the rows without those that touch a block."""
    keep = np.ones(len(at_ns), np.bool_)
    for block in blocks:
        keep[block] = False
        if purge:
            first, last = at_ns[block[0]], max(at_ns[block[-1]], known_ns[block].max())
            keep &= (known_ns < first) | (at_ns > last)
            keep &= ~((at_ns > last) & (at_ns - last <= embargo_ns))
    return Split(np.flatnonzero(keep), np.concatenate(blocks))

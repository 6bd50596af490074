"""Figures equal those of scikit-learn and scipy-free formulas, and an interval holds what it should."""

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from research.train import metrics


@pytest.mark.parametrize("seed", range(4))
def test_figures_equal_those_of_scikit_learn(seed: int) -> None:
    """With ties, which ranks share."""
    random = np.random.default_rng(seed)
    target = (random.random(300) < 0.4).astype(float)
    predicted = np.clip(np.round(0.3 * target + random.random(300) * 0.7, 2), 0, 1)
    assert metrics.auc(predicted, target) == pytest.approx(reference.roc_auc_score(target, predicted), rel=1e-12)
    assert metrics.brier(predicted, target) == pytest.approx(reference.brier_score_loss(target, predicted), rel=1e-12)
    sure = np.clip(predicted, 1e-15, 1 - 1e-15)
    assert metrics.log_loss(predicted, target) == pytest.approx(reference.log_loss(target, sure), rel=1e-9)
    value = random.normal(0, 1, 300) + predicted
    assert metrics.r2(predicted, value) == pytest.approx(reference.r2_score(value, predicted), rel=1e-9)


def test_ranks_share_ties() -> None:
    """By hand."""
    assert metrics.ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]
    assert metrics.ic(np.array([1.0, 2.0, 3.0]), np.array([10.0, 100.0, 1000.0])) == pytest.approx(1)


def test_what_is_not_defined_is_nan() -> None:
    """One class has no curve, a constant no rank."""
    same = np.ones(5)
    assert math.isnan(metrics.auc(np.arange(5.0), same))
    assert math.isnan(metrics.ic(same, np.arange(5.0)))
    assert math.isnan(metrics.r2(np.arange(5.0), same))


def test_a_block_makes_the_interval_of_overlapping_rows_wider() -> None:
    """Ten copies of each row are no new evidence: intervals of single rows would be three times too narrow."""
    random = np.random.default_rng(1)
    value = np.repeat(random.normal(0, 1, 100), 10)
    predicted = value + np.repeat(random.normal(0, 3, 100), 10)
    alone, blocks = (
        metrics.scores(predicted, value, value, classifier=False, block=block, seed=0)["ic"] for block in (1.0, 10.0)
    )
    assert blocks.high - blocks.low > 1.8 * (alone.high - alone.low)
    assert blocks.low < blocks.value < blocks.high


def test_overlap_counts_the_rows_of_a_label() -> None:
    """Each label covers three rows, but the last ones."""
    at = np.arange(5, dtype=np.int64) * 10
    assert metrics.overlap(at, at + 20) == (3 + 3 + 3 + 2 + 1) / 5

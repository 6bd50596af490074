"""The buckets of a histogram: every duration has one, none is far from what stands for it, and the hot path agrees."""

import random
from itertools import pairwise

import numpy as np
import pytest

from engine.meters import current
from engine.meters.buckets import BUCKETS, SUB, TOP_BITS, bounds_of, bucket_of, middle_of
from engine.monitor.meters import Histogram

EDGES = [0, 1, SUB - 1, SUB, 2 * SUB - 1, 2 * SUB, *(1 << bits for bits in range(5, TOP_BITS))]


@pytest.fixture
def draws() -> random.Random:
    """Draws; the seed is printed with a failure."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with the failure
    return random.Random(seed)


def durations(draws: random.Random, count: int) -> list[int]:
    """Durations of every size, and each edge with its neighbours."""
    near = [edge + step for edge in EDGES for step in (-1, 0, 1)]
    return [*near, *(int(2 ** draws.uniform(0, TOP_BITS)) for _ in range(count))]


def test_the_buckets_follow_one_another_without_a_hole() -> None:
    """A duration between two buckets would be lost, one in two counted twice."""
    bounds = [bounds_of(bucket) for bucket in range(BUCKETS)]
    assert bounds[0][0] == 0
    assert bounds[-1][1] == 1 << TOP_BITS
    assert all(before[1] == after[0] for before, after in pairwise(bounds))


def test_every_duration_is_in_its_bucket_and_close_to_its_middle(draws: random.Random) -> None:
    """The error of every quantile is the distance to the middle: 1/64 at most."""
    for duration_ns in durations(draws, 20_000):
        bucket = bucket_of(duration_ns)
        low, after = bounds_of(bucket)
        assert duration_ns < 0 or duration_ns >= 1 << TOP_BITS or low <= duration_ns < after
        assert (
            duration_ns < 0 or duration_ns >= 1 << TOP_BITS or abs(middle_of(bucket) - duration_ns) * 64 <= duration_ns
        )


def test_the_hot_path_computes_the_same_bucket(draws: random.Random) -> None:
    """Two formulas of one table would drift, and every figure with them."""
    for duration_ns in [*durations(draws, 20_000), -(1 << 62), (1 << 63) - 1]:
        assert current.bucket(duration_ns) == bucket_of(duration_ns), duration_ns


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.99, 0.999, 1.0])
def test_a_quantile_is_within_a_64th_of_the_exact_one(draws: random.Random, share: float) -> None:
    """What an operator reads as p99 must be the p99, for every shape of distribution."""
    for _ in range(50):
        center, width = draws.uniform(3, 22), draws.uniform(0.01, 3)
        sample = sorted(int(draws.lognormvariate(center, width)) for _ in range(draws.randrange(1, 2000)))
        sample = [min(one, (1 << TOP_BITS) - 1) for one in sample]
        buckets = np.bincount([bucket_of(one) for one in sample], minlength=BUCKETS)
        exact = sample[max(1, int(np.ceil(share * len(sample)))) - 1]
        found = Histogram(buckets, sum(sample), sample[-1]).quantile(share)
        assert found is not None
        assert abs(found - exact) * 64 <= exact, (exact, found)
        assert found <= sample[-1]


def test_an_empty_histogram_has_no_quantile() -> None:
    """A 0 would read as a hop that takes no time."""
    empty = Histogram(np.zeros(BUCKETS, np.int64), 0, 0)
    assert empty.quantile(0.5) is None
    assert empty.count == 0

"""HdrHistogram logs: what other tools read is what was measured."""

import random
from pathlib import Path

import numpy as np
import pytest

from engine.meters.buckets import BUCKETS, bucket_of
from engine.monitor.meters import MIDDLES, Histogram

hdr = pytest.importorskip("engine.monitor.hdr", reason="the extra hdr is not installed")


def histogram(sample: list[int]) -> Histogram:
    """A histogram of durations."""
    return Histogram(np.bincount([bucket_of(one) for one in sample], minlength=BUCKETS), sum(sample), max(sample))


@pytest.mark.parametrize("seed", range(5))
def test_a_log_that_is_read_back_has_the_same_buckets(seed: int, tmp_path: Path) -> None:
    """Ours to theirs and back: the rounding of their format is finer than a bucket of ours."""
    draws = random.Random(seed)
    found = {
        tag: histogram([max(1, int(2 ** draws.uniform(0, 36))) for _ in range(500)])
        for tag in ("feed.decode", "execution.gate")
    }
    hdr.write_log(tmp_path / "x.hlog", list(found.items()))
    again = hdr.read_log(tmp_path / "x.hlog")
    assert list(again) == list(found)
    for tag, one in found.items():
        assert np.array_equal(again[tag].buckets, one.buckets), tag


def test_every_bucket_survives_the_way_through_their_format(tmp_path: Path) -> None:
    """Each one alone, from 1 ns to the last."""
    every = Histogram(np.ones(BUCKETS, np.int64), int(MIDDLES.sum()), int(MIDDLES[-1]))
    hdr.write_log(tmp_path / "x.hlog", [("all", every)])
    again = hdr.read_log(tmp_path / "x.hlog")["all"]
    assert again.buckets[1] == 2  # their format has no 0: it is recorded as 1
    assert np.array_equal(again.buckets[2:], every.buckets[2:])


def test_their_own_quantiles_of_our_log_are_ours(tmp_path: Path) -> None:
    """A reader of the log in another language must see the p99 that engine-ctl prints."""
    one = histogram([1000] * 98 + [50_000] * 2)
    hdr.write_log(tmp_path / "x.hlog", [("hop", one)])
    reader = hdr.HistogramLogReader(str(tmp_path / "x.hlog"), hdr.HdrHistogram(1, 1 << 40, 3))
    theirs = reader.get_next_interval_histogram()
    for share in (0.5, 0.99, 1.0):
        assert abs(theirs.get_value_at_percentile(share * 100) - one.quantile(share)) <= one.quantile(share) / 500

"""HdrHistogram logs of the hops: the format that the Java and C tools of that library read and write.

A log has one line for each hop, with the hop's name as its tag. HdrHistogram rounds to three significant digits, which
is finer than our buckets, so a histogram that is read back has the same buckets.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from engine.meters.buckets import BUCKETS, bucket_of
from engine.monitor.meters import MIDDLES, Histogram

LOWEST_NS, HIGHEST_NS, DIGITS = 1, 1 << 40, 3
NS_PER_MS = 1_000_000


def to_hdr(found: Histogram) -> HdrHistogram:
    """The same durations, each at the middle of its bucket; 0 ns is recorded as 1."""
    made = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
    for bucket in np.flatnonzero(found.buckets).tolist():
        made.record_value(max(1, int(MIDDLES[bucket])), int(found.buckets[bucket]))
    return made


def from_hdr(log: HdrHistogram) -> Histogram:
    """A histogram of a log in our buckets."""
    buckets, sum_ns, largest_ns = np.zeros(BUCKETS, np.int64), 0, 0
    for item in log.get_recorded_iterator():
        duration_ns = int(item.value_iterated_to)
        buckets[bucket_of(duration_ns)] += item.count_added_in_this_iter_step
        sum_ns += duration_ns * item.count_added_in_this_iter_step
        largest_ns = duration_ns
    return Histogram(buckets, sum_ns, largest_ns)


def write_log(path: Path, found: Sequence[tuple[str, Histogram]]) -> None:
    """Write a log of these histograms, each under its tag. The lines are written here: the package writes no tags."""
    begin_s = time.time()
    with path.open("w", encoding="utf-8") as file:
        file.write("#[Histogram log format version 1.3]\n")
        file.write("#[durations in nanoseconds; the tag is role.hop]\n")
        file.write(f"#[StartTime: {begin_s:.3f} (seconds since epoch)]\n")
        file.write('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n')
        for tag, one in found:
            made = to_hdr(one)
            encoded = made.encode().decode()
            file.write(f"Tag={tag},{begin_s:.3f},0.000,{made.get_max_value() / NS_PER_MS:.3f},{encoded}\n")


def read_log(path: Path) -> dict[str, Histogram]:
    """The histograms of a log, by tag; those of one tag together."""
    found: dict[str, Histogram] = {}
    reader = HistogramLogReader(str(path), HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS))
    while (log := reader.get_next_interval_histogram()) is not None:
        one = from_hdr(log)
        tag = log.get_tag() or ""
        found[tag] = found[tag].together(one) if tag in found else one
    return found

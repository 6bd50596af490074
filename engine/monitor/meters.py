"""The meters of a system's roles, as lookers read them: counters, gauges, and histograms with their quantiles.

    found = read_meters("demo")              {"feed": RoleMeters, "execution": …}
    found["feed"].count("frames")            since the lanes were created: a restart of the role continues
    found["feed"].histogram("decode")        .count, .sum_ns, .largest_ns, .quantile(0.99)
    later.since(earlier)                     what one interval brought

The words are read while the role writes them: each word is whole, and two words may be of two updates.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

import shm
from engine.lanes import LOOKERS, lane_of, open_lanes
from engine.lanes.owners import found_owners
from engine.meters.buckets import BUCKETS, middle_of
from engine.meters.table import BY_NAME, FIRST_BUCKET, HOPS, LARGEST, PLACES, SUM, MeterKind

Words = np.ndarray[tuple[int], np.dtype[np.int64]]
SHARES = (0.5, 0.9, 0.95, 0.99, 0.999)  # the quantiles that a table of hops has
ORDER = {one.name: place for place, one in enumerate(HOPS)}  # of an order's way
MIDDLES = np.array([middle_of(bucket) for bucket in range(BUCKETS)], np.int64)


@dataclass(frozen=True)
class Histogram:
    """The durations that one hop took, in nanoseconds. Of an interval `largest_ns` is its largest bucket's middle."""

    buckets: Words
    sum_ns: int
    largest_ns: int

    @property
    def count(self) -> int:
        """How many were recorded."""
        return int(self.buckets.sum())

    def quantile(self, share: float) -> int | None:
        """The duration that this share of the recorded ones does not exceed, by nearest rank; None without any."""
        total = self.count
        if not total:
            return None
        rank = max(1, int(np.ceil(share * total)))
        bucket = int(np.searchsorted(np.cumsum(self.buckets), rank))
        return min(int(MIDDLES[bucket]), self.largest_ns)

    def count_up_to(self, limit_ns: int) -> int:
        """How many are in buckets whose middle is at most this long."""
        return int(self.buckets[: int(np.searchsorted(MIDDLES, limit_ns, side="right"))].sum())

    def share_within(self, budget_ns: int | None) -> float | None:
        """The share that keeps to a budget; None without a budget."""
        return None if budget_ns is None else self.count_up_to(budget_ns) / self.count

    def since(self, before: "Histogram") -> "Histogram":
        """What was recorded after an earlier reading."""
        buckets = self.buckets - before.buckets
        used = np.flatnonzero(buckets)
        largest_ns = min(int(MIDDLES[used[-1]]), self.largest_ns) if len(used) else 0
        return Histogram(buckets, self.sum_ns - before.sum_ns, largest_ns)

    def together(self, other: "Histogram") -> "Histogram":
        """Both: the same hop in two roles."""
        largest_ns = max(self.largest_ns, other.largest_ns)
        return Histogram(self.buckets + other.buckets, self.sum_ns + other.sum_ns, largest_ns)


@dataclass(frozen=True)
class RoleMeters:
    """One reading of a role's words. `epoch` is the number of the role's life."""

    words: Words
    epoch: int

    def count(self, name: str, label: str = "") -> int:
        """The value of a counter or gauge; of a counter with labels the sum, or one label's."""
        meter, place = BY_NAME[name], PLACES[name]
        if label:
            place += meter.labels.index(label)
            return int(self.words[place])
        return int(self.words[place : place + meter.words].sum())

    def labelled(self, name: str) -> dict[str, int]:
        """The labels of a counter that counted something, with their values."""
        meter, place = BY_NAME[name], PLACES[name]
        values = zip(meter.labels, self.words[place : place + meter.words].tolist(), strict=True)
        return {label: value for label, value in values if value}

    def histogram(self, name: str) -> Histogram:
        """The histogram of a hop."""
        place = PLACES[name]
        buckets = self.words[place + FIRST_BUCKET : place + FIRST_BUCKET + BUCKETS]
        return Histogram(buckets, int(self.words[place + SUM]), int(self.words[place + LARGEST]))

    def since(self, before: "RoleMeters") -> "RoleMeters":
        """What was counted after an earlier reading; a gauge is the one of now."""
        words = self.words - before.words
        if (words[: PLACES["queue"]] < 0).any():  # the lanes were created again: everything was counted since then
            return self
        for name, meter in BY_NAME.items():
            if meter.kind == MeterKind.GAUGE:
                words[PLACES[name]] = self.words[PLACES[name]]
            elif meter.kind == MeterKind.HISTOGRAM:
                words[PLACES[name] + LARGEST] = self.histogram(name).since(before.histogram(name)).largest_ns
        return RoleMeters(words, self.epoch)

    def histograms(self) -> Iterator[tuple[str, Histogram]]:
        """The hops of which this role recorded something."""
        for name, meter in BY_NAME.items():
            if meter.kind == MeterKind.HISTOGRAM and (found := self.histogram(name)).count:
                yield name, found


class MeterReaders:
    """Keeps the lanes of a system's meters open; attaches again to one that was created again."""

    def __init__(self, system: str) -> None:
        """Open them at the first reading."""
        self.system = system
        self._readers: dict[str, shm.WordReader] = {}

    def read(self) -> Mapping[str, RoleMeters]:
        """The meters of each role that has them, in the order of their names; an unreadable lane is left out."""
        names = found_owners(self.system, lane_of("meters"))
        self._readers = {name: one for name, one in self._readers.items() if name in names and not one.replaced()}
        for name in names:
            if name not in self._readers:
                try:
                    self._readers[name] = open_lanes(self.system, LOOKERS).word_reader("meters", name)
                except (shm.SegmentError, OSError):  # of another version, or removed meanwhile
                    continue
        return {name: RoleMeters(one.words(), one.epoch) for name, one in sorted(self._readers.items())}


def read_meters(system: str) -> Mapping[str, RoleMeters]:
    """The meters of each role of a system, once."""
    return MeterReaders(system).read()


def hops_of(meters: Mapping[str, RoleMeters]) -> list[tuple[str, str, Histogram]]:
    """The role, the name and the histogram of each hop that was recorded, in the order of an order's way."""
    found = [(role, name, one) for role, of_role in meters.items() for name, one in of_role.histograms()]
    return sorted(found, key=lambda row: (ORDER[row[1]], row[0]))

"""Merges streams of batches by time, with one batch of each open stream in memory.

1. Open each stream whose first time is not after what may be given out next.
2. Up to the smallest last time of the open batches, no stream can bring an earlier row: give these rows, sorted.
3. A batch that is used up is replaced by its stream's next one.

The order within a stream is kept: a time that steps back counts as the latest time before it.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

END = (1 << 63) - 1


class Stream(NamedTuple):
    """A stream that is opened when its time has come."""

    first_ns: int
    open: Callable[[], Iterator[pa.RecordBatch]]


class _Open:
    """The current batch of an open stream, with the time of each row."""

    def __init__(self, batches: Iterator[pa.RecordBatch], time: str) -> None:
        self._batches, self._time, self._latest = batches, time, -END
        self.batch: pa.RecordBatch | None = None
        self.times: np.ndarray[Any, np.dtype[np.int64]] = np.empty(0, "i8")
        self.read()

    def read(self) -> None:
        """Read the next batch that has rows."""
        self.batch = next((one for one in self._batches if len(one)), None)
        if self.batch is not None:
            times = self.batch.column(self._time).to_numpy(zero_copy_only=False)
            self.times = np.maximum(np.maximum.accumulate(times), self._latest)
            self._latest = int(self.times[-1])

    def cut(self, cutoff: int) -> tuple[pa.RecordBatch, Any]:
        """Give the rows up to a time, and keep the rest."""
        assert self.batch is not None, "cut after the end"
        count = int(np.searchsorted(self.times, cutoff, "right"))
        given, times = self.batch.slice(0, count), self.times[:count]
        self.batch, self.times = self.batch.slice(count), self.times[count:]
        if not len(self.batch):
            self.read()
        return given, times


def merge(streams: Sequence[Stream], time: str) -> Iterator[pa.RecordBatch]:
    """Give the rows of all streams in the order of their times; of equal times, those of the earlier stream first."""
    waiting = [(stream.first_ns, number, stream) for number, stream in enumerate(streams)]
    heapq.heapify(waiting)
    opened: dict[int, _Open] = {}
    while waiting or opened:
        cutoff = min((int(one.times[-1]) for one in opened.values()), default=-END)
        while waiting and (not opened or waiting[0][0] <= cutoff):
            _, number, stream = heapq.heappop(waiting)
            opened[number] = _Open(stream.open(), time)
            opened = {one: opened[one] for one in sorted(opened) if opened[one].batch is not None}
            cutoff = min((int(one.times[-1]) for one in opened.values()), default=-END)
        if opened:
            yield _sorted([one.cut(cutoff) for one in opened.values() if one.times[0] <= cutoff])
        opened = {number: one for number, one in opened.items() if one.batch is not None}


def _sorted(pieces: list[tuple[pa.RecordBatch, Any]]) -> pa.RecordBatch:
    if len(pieces) == 1:
        return pieces[0][0]
    order = np.argsort(np.concatenate([times for _, times in pieces]), kind="stable")
    table = pa.Table.from_batches([batch for batch, _ in pieces]).unify_dictionaries().take(order)
    return table.combine_chunks().to_batches()[0]

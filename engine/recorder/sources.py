"""What the recorder reads: a ring record by record, cells by their changes. Both leave the writer alone.

A ring waits in shared memory until a block is worth a write, so the death of the recorder loses nothing that the ring
still has. Cells keep only the latest value: every `cell_ms` each cell that was written since is copied once, with the
number of its writes, so a reader sees how many values lie between two rows.
"""

import struct
from itertools import chain
from typing import Any, Protocol

import numpy as np

from engine.lanes.map import Lane
from engine.recorder.part import CELL_FIELDS, Rows
from shm import CellReader, RingReader
from shm.record import Record

BLOCK_SIZE = 1 << 20
MS = 1_000_000
CELL = struct.Struct("<IIQq")  # the fields before a cell's value, as in CELL_FIELDS
TIMES = ("publish_ns", "now_ns", "receive_ns")  # the time of a ring's record is the first of these that it has


class Log(Protocol):
    """The parts of one lane, as a source writes them."""

    after: int  # the number of the next row
    last_ns: int  # the time of the last row
    writes: dict[int, int]  # of cells: the last recorded write of each

    def add_rows(self, rows: Rows, first: int, now_ns: int) -> None:
        """Append rows."""

    def add_gap(self, first: int, after: int, begin_ns: int, end_ns: int) -> None:
        """Append a gap."""


class Lost:
    """What a source did not record in this life."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.records = self.gaps = self.ns = 0

    def add(self, records: int, ns: int) -> None:
        """Count a gap."""
        self.records, self.gaps, self.ns = self.records + records, self.gaps + 1, self.ns + ns


class RingSource:
    """One ring."""

    def __init__(self, lane: Lane, reader: RingReader, log: Log, flush_ns: int) -> None:
        """Continue after the last recorded record, or begin with the oldest one."""
        self.reader, self.log, self.lost = reader, log, Lost()
        reader.cursor = log.after if log.after >= 0 else reader.oldest
        log.after = reader.cursor
        self._limit = max(1, BLOCK_SIZE // lane.record.size)
        self._enough = min(self._limit, max(1, lane.capacity // 8))
        self._flush_ns, self._due_ns = flush_ns, 0
        self._time = time_of(lane.record)

    @property
    def lag(self) -> int:
        """How many records wait."""
        return self.reader.lag

    def step(self, now_ns: int, *, all_of_it: bool = False) -> int:
        """Write what waits if it is worth a block, or old enough; how many records. OSError leaves them in the ring."""
        waiting = self.reader.lag
        if not waiting or (waiting < self._enough and now_ns < self._due_ns and not all_of_it):
            return 0
        lost, rows = self.reader.copy(self._limit)
        try:
            self._write(rows, lost, now_ns)
        except OSError:
            self.reader.cursor = self.log.after
            raise
        self._due_ns = next_turn(now_ns, self._flush_ns)
        return len(rows) + bool(lost)

    def _write(self, rows: Rows, lost: int, now_ns: int) -> None:
        first = self.reader.cursor - len(rows)
        if lost:
            begin_ns, end_ns = self.log.last_ns, int(rows[self._time][0]) if len(rows) else now_ns
            begin_ns = begin_ns or end_ns
            self.log.add_gap(first - lost, first, begin_ns, end_ns)
            self.lost.add(lost, max(0, end_ns - begin_ns))
        if len(rows):
            self.log.add_rows(rows, first, now_ns)
            self.log.last_ns = int(rows[self._time][-1])


class CellSource:
    """One segment of cells."""

    lag = 0

    def __init__(self, lane: Lane, reader: CellReader, log: Log, every_ns: int) -> None:
        """Continue after the writes that were recorded."""
        del lane
        self.reader, self.log, self.lost = reader, log, Lost()
        log.after = max(0, log.after)
        self._every_ns, self._due_ns, self._writes = every_ns, 0, -1

    def step(self, now_ns: int, *, all_of_it: bool = False) -> int:
        """Write each cell that has changed, when it is time; how many."""
        if now_ns < self._due_ns and not all_of_it:
            return 0
        self._due_ns = next_turn(now_ns, self._every_ns)
        writes = self.reader.writes
        if writes == self._writes:
            return 0
        rows = self._changed(now_ns)
        for at in range(0, len(rows), size := max(1, BLOCK_SIZE // max(1, rows.itemsize))):
            piece = rows[at : at + size]
            self.log.add_rows(piece, self.log.after, now_ns)
            self.log.writes.update(zip(piece["cell"].tolist(), piece["writes"].tolist(), strict=True))
        self._writes = writes
        return len(rows)

    def _changed(self, now_ns: int) -> Rows:
        """The cells with another number of writes than the one that was recorded."""
        recorded, sequence = self.log.writes, self.reader.sequence
        changed = (index for index in range(self.reader.count) if sequence(index) != recorded.get(index, 0))
        found = ((index, sample) for index in changed if (sample := self.reader.sample(index)) is not None)
        packed = b"".join(chain.from_iterable((CELL.pack(i, 0, one[0], now_ns), one[1]) for i, one in found))
        return np.frombuffer(packed, row_of(self.reader.record, "cells").dtype)


def next_turn(now_ns: int, every_ns: int) -> int:
    """The next multiple of a time: all lanes are due in the same step, so the process sleeps between two of them."""
    return (now_ns // every_ns + 1) * every_ns


def row_of(record: Record[Any], kind: str) -> Record[Any]:
    """The description of a row: the record, of cells after the cell's number, its writes and when it was read."""
    if kind != "cells":
        return record
    size = record.size + sum(int(text[1:]) for text in CELL_FIELDS.values())
    return Record(record.name, size, {**CELL_FIELDS, **record.types})


def time_of(record: Record[Any]) -> str:
    """The field by which the records of a ring are ordered."""
    return next(name for name in TIMES if name in record.types)


def source_of(lane: Lane, reader: Any, log: Log, flush_ns: int, cell_ns: int) -> RingSource | CellSource:
    """The source of a lane."""
    if lane.kind == "cells":
        return CellSource(lane, reader, log, cell_ns)
    return RingSource(lane, reader, log, flush_ns)

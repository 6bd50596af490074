"""One recorded lane in a file without a name, mapped: every record at the place of its sequence.

    chunks of (sequences, rows), in any order ─▶ [ record first │ record first+1 │ not recorded │ … ]

So a replay reads the lane as it reads a ring, in memory that the kernel may take back at any time. The file has no
name: it is gone when its process ends, whatever ends it.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.lanes.map import Lane
from engine.lanes.memory import MemoryRing

Rows = np.ndarray[Any, np.dtype[Any]]
FIRST_ROOM = 1 << 12


class Chunk(NamedTuple):
    """Some rows of a lane, and the sequence of each."""

    sequences: Rows
    rows: Rows


class RecordedLane(MemoryRing):
    """A ring whose records are those of a recording."""

    def __init__(self, lane: Lane, chunks: Iterable[Chunk], place: Path | None = None) -> None:
        """Copy the chunks into a file at a place. OSError where it has no room for them."""
        super().__init__(lane, keep_all=True)
        self._file = tempfile.TemporaryFile(dir=place)  # noqa: SIM115 - lives as long as the lane
        self._dtype = lane.record.dtype
        self._have = np.zeros(0, bool)
        self.rows: Rows = np.zeros(0, self._dtype)
        for chunk in chunks:
            self._add(chunk)
        after = int(np.flatnonzero(self._have)[-1]) + 1 if self._have.any() else 0
        self.rows, self._have = self.rows[:after], self._have[:after]
        self._holes = np.append(0, np.cumsum(~self._have))

    @property
    def cursor(self) -> int:
        """The sequence after the last record."""
        return self.first + len(self.rows)

    def record(self, sequence: int) -> bytes:
        """Give the bytes of a record."""
        found: bytes = self.rows[sequence - self.first].tobytes()
        return found

    def records(self) -> list[bytes]:
        """Give the bytes of every record."""
        return [row.tobytes() for row in self.rows]

    def row(self, sequence: int) -> Any:
        """Give the row of a record."""
        return self.codec.unpack(self.record(sequence))

    def lost(self, first: int, after: int) -> int:
        """How many of the records [first, after) the recording does not have."""
        begin, end = (min(max(one - self.first, 0), len(self.rows)) for one in (first, after))
        missing = int(self._holes[end] - self._holes[begin])
        return missing + max(0, after - max(first, self.cursor))

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """The runs of records, as places in `rows`, that the recording does not have: each [first, after)."""
        edges = np.flatnonzero(np.diff(np.concatenate(([True], self._have, [True]))))
        return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    def _add(self, chunk: Chunk) -> None:
        places = chunk.sequences.astype(np.int64) - self.first
        if not len(places):
            return
        self._make_room(int(places.max()) + 1)
        self.rows[places], self._have[places] = chunk.rows, True

    def _make_room(self, count: int) -> None:
        """Reserve room on the disk before it is mapped: a mapped file without room would end the process."""
        if count <= len(self.rows):
            return
        room = max(count, 2 * len(self.rows), FIRST_ROOM)
        try:
            os.posix_fallocate(self._file.fileno(), 0, room * self._dtype.itemsize)
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"{room * self._dtype.itemsize} bytes for a lane") from error
        self.rows = np.memmap(self._file, self._dtype, "r+", shape=(room,))
        self._have = np.append(self._have, np.zeros(room - len(self._have), bool))

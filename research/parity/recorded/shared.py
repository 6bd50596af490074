"""The lanes of a system in shared memory, where no recorder has run: as far as its rings reach back.

The segments exist while a system runs, and after all its processes were killed; `down` removes them. What a ring has
overwritten is lost, and a comparison says so.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import shm
from engine.config import Paths, load
from engine.lanes.map import Lane
from engine.recorder.described import Described, described
from engine.recorder.sources import source_of
from engine.supervisor.life import read as read_life
from research.parity.recorded.lane import Chunk, Rows
from research.parity.recorded.recording import Recording, Session, time_field_of

THIS = "shared"  # the only stream: a segment is one creation of its lane


class Copied:
    """What a source of the recorder gives, kept as chunks in place of a file."""

    after, last_ns = -1, 0

    def __init__(self) -> None:
        """Begin without a row."""
        self.chunks: list[Chunk] = []
        self.writes: dict[int, int] = {}

    def add_rows(self, rows: Rows, first: int, now_ns: int) -> None:
        """Keep rows."""
        del now_ns
        self.chunks.append(Chunk(np.arange(first, first + len(rows)), rows.copy()))
        self.after = first + len(rows)

    def add_gap(self, first: int, after: int, begin_ns: int, end_ns: int) -> None:
        """Keep nothing: a place without a row is a gap."""
        del first, begin_ns, end_ns
        self.after = after


class SharedLanes(Recording):
    """The lanes of a system as they are now; each is copied once."""

    def __init__(self, system: str) -> None:
        """Copy nothing yet."""
        self.directory, self.source = Path(), f"the lanes of {system} in shared memory, without a recorder"
        self._system, self._sessions = system, []
        self._copied: dict[str, list[Chunk]] = {}

    @property
    def place(self) -> Path | None:
        """Where large files may be: in the directory for temporary files."""
        return None

    def descriptions(self) -> list[Described]:
        """The configuration that the system was started with; none where its run directory has no record of it."""
        life = read_life(Paths.known(self._system).system)
        return [described(load(life.config))] if life is not None else []

    def description_at(self, at_ns: int) -> Described | None:
        """The same: a system that runs has one configuration."""
        del at_ns
        return next(iter(self.descriptions()), None)

    def times(self, full: str, lane: Lane) -> dict[str, tuple[int, int]]:
        """The times of the first and the last row."""
        times = [chunk.rows[time_field_of(lane)] for chunk in self._copy(full, lane)]
        return {THIS: (min(int(one.min()) for one in times), max(int(one.max()) for one in times))} if times else {}

    def chunks(self, full: str, lane: Lane, session: Session) -> Iterator[Chunk]:
        """The rows of a lane."""
        del session
        return iter(self._copy(full, lane))

    def _copy(self, full: str, lane: Lane) -> list[Chunk]:
        """Copy a lane up to its end at this moment, by the recorder's own sources."""
        if full not in self._copied:
            copied = Copied()
            if f"{self._system}.{full}" in shm.names(self._system):
                open_reader = shm.CellReader if lane.kind == "cells" else shm.RingReader
                source = source_of(lane, open_reader(f"{self._system}.{full}"), copied, 1, 1)
                while source.step(time.time_ns(), all_of_it=True) and source.lag:
                    pass
            self._copied[full] = copied.chunks
        return self._copied[full]

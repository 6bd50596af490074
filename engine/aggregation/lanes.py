"""The lanes that the aggregation reads and writes.

TICKS, BOOKS, HEARTBEAT of the feed, at a start INSTRUMENTS and BOOK_TOPS ──▶ aggregation ──▶
GROUPS, GLOBAL_BOOKS, GLOBAL_TOPS, OPPORTUNITIES, OPEN_OPPORTUNITIES, BARS, LAST_BARS, STEPS
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

import shm
from engine.lanes import AGGREGATION, FEED, lane_of, open_lanes
from engine.model.words import RoleState

OUTPUTS = ("groups", "global_books", "global_tops", "opportunities", "open_opportunities", "bars", "last_bars")
NOTHING = np.zeros(0, np.uint8)
ALWAYS = (1 << 63) - 1
RUNNING = int(RoleState.RUNNING)


@dataclass(slots=True)
class AggregationLanes:
    """The lanes of the role."""

    instruments: shm.CellReader
    ticks: shm.RingReader
    books: shm.RingReader
    book_tops: shm.CellReader
    groups: shm.CellWriter
    global_books: shm.RingWriter
    global_tops: shm.CellWriter
    opportunities: shm.RingWriter
    open_opportunities: shm.CellWriter
    bars: shm.RingWriter
    last_bars: shm.CellWriter
    steps: shm.RingWriter
    bars_closed: shm.RingReader  # its own ring: the bars that an earlier life closed
    feed: shm.CellReader | None = None  # its heartbeat; without one the feed counts as alive
    beat_ns: int = 0  # the newest heartbeat RUNNING

    def feed_time_ns(self) -> int:
        """Return up to when the feed has published what it received: the time of its last heartbeat RUNNING.

        A feed that is starting, draining or stopped beats too, but receives nothing.
        """
        if self.feed is None:
            return ALWAYS
        row = self.feed.read(0)
        if row is not None and row.state == RUNNING:
            self.beat_ns = max(self.beat_ns, int(row.wall_ns))
        return self.beat_ns

    def close(self) -> None:
        """Close the lanes that it writes."""
        for lane in (*OUTPUTS, "steps"):
            getattr(self, lane).close()


def open_aggregation_lanes(system: str, *, feed_beats: bool = False) -> AggregationLanes:
    """Attach to a system's lanes; takes the locks of those it writes. `feed_beats`: the system has a feed."""
    lanes = open_lanes(system, AGGREGATION)
    return AggregationLanes(
        groups=lanes.cell_writer("groups"),
        global_books=lanes.ring_writer("global_books"),
        global_tops=lanes.cell_writer("global_tops"),
        opportunities=lanes.ring_writer("opportunities"),
        open_opportunities=lanes.cell_writer("open_opportunities"),
        bars=lanes.ring_writer("bars"),
        last_bars=lanes.cell_writer("last_bars"),
        instruments=lanes.cell_reader("instruments"),
        ticks=lanes.ring_reader("ticks"),
        books=lanes.ring_reader("books"),
        book_tops=lanes.cell_reader("book_tops"),
        steps=lanes.ring_writer("steps"),
        bars_closed=lanes.ring_reader("bars"),
        feed=lanes.cell_reader("heartbeat", FEED) if feed_beats else None,
    )


def meanings(cells: shm.CellReader) -> dict[int, tuple[int, ...]]:
    """Return each instrument's decimals and multiplier as published now."""
    rows = (cells.read(index) for index in range(cells.count))
    return {row.id: (row.price_decimals, row.size_decimals, row.multiplier) for row in rows if row is not None}


def changed_ns(cells: shm.CellReader) -> dict[int, int]:
    """Return since when an instrument has its decimals, for those whose decimals changed."""
    rows = (cells.read(index) for index in range(cells.count))
    return {row.id: row.update_ns for row in rows if row is not None and row.version > 1}


def flat(records: Any) -> Any:
    """Return records as plain bytes for compiled code."""
    return records.view(np.uint8).reshape(-1) if len(records) else NOTHING


def cells_flat(cells: shm.CellReader | shm.CellWriter, lane: str) -> Any:
    """Return every cell of a segment as records, zeros for a cell that was never written."""
    record = lane_of(lane).record
    rows = np.zeros(cells.count, record.dtype)
    for index in range(cells.count):
        if (row := cells.read(index)) is not None:
            rows[index] = tuple(row)
    return rows

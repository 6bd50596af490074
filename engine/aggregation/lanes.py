"""The lanes that the aggregation reads and writes.

TICKS, BOOKS, HEARTBEAT of every feed, at a start INSTRUMENTS and BOOK_TOPS ──▶ aggregation ──▶
GROUPS, GLOBAL_BOOKS, GLOBAL_TOPS, OPPORTUNITIES, OPEN_OPPORTUNITIES, BARS, LAST_BARS, STEPS
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import shm
from engine.lanes import RoleLanes, lane_of
from engine.model.words import RoleState
from engine.role import WorkingOn

OUTPUTS = ("groups", "global_books", "global_tops", "opportunities", "open_opportunities", "bars", "last_bars")
NOTHING = np.zeros(0, np.uint8)
ALWAYS = (1 << 63) - 1
RUNNING = int(RoleState.RUNNING)


@dataclass(slots=True)
class FeedLanes:
    """The lanes of one feed, and the records that were read but not applied yet."""

    name: str
    instruments: shm.CellReader
    ticks: shm.RingReader
    books: shm.RingReader
    book_tops: shm.CellReader
    heartbeat: shm.CellReader | None = None  # without one the feed counts as alive
    beat_ns: int = 0  # the newest heartbeat RUNNING
    heard_ns: int = 0  # the feed's time when it was read last
    unapplied: Any = field(default_factory=lambda: NOTHING)  # books that were read, but not their ticks
    whole: bool = True  # the last read reached the end of both lanes
    skips: dict[int, int] = field(
        default_factory=dict
    )  # by instrument: up to which place on TICKS its records are left out

    @property
    def skipped(self) -> int:
        """Up to which place on TICKS no record of any instrument is read."""
        return max(self.skips.values(), default=0)

    def time_ns(self) -> int:
        """Return up to when the feed has published what it received: the time of its last heartbeat RUNNING.

        A feed that is starting, draining or stopped beats too, but receives nothing.
        """
        if self.heartbeat is None:
            return ALWAYS
        row = self.heartbeat.read(0)
        if row is not None and row.state == RUNNING:
            self.beat_ns = max(self.beat_ns, int(row.wall_ns))
        return self.beat_ns


@dataclass(slots=True)
class AggregationLanes:
    """The lanes of the role. `feeds` are in the configuration's order."""

    feeds: tuple[FeedLanes, ...]
    groups: shm.CellWriter
    global_books: shm.RingWriter
    global_tops: shm.CellWriter
    opportunities: shm.RingWriter
    open_opportunities: shm.CellWriter
    bars: shm.RingWriter
    last_bars: shm.CellWriter
    steps: shm.RingWriter
    bars_closed: shm.RingReader  # its own ring: the bars that an earlier life closed

    def close(self) -> None:
        """Close the lanes that it writes."""
        for lane in (*OUTPUTS, "steps"):
            getattr(self, lane).close()


def open_aggregation_lanes(lanes: RoleLanes, beating: Collection[str] = ()) -> AggregationLanes:
    """Open the lanes of the role. `beating`: the feeds that have a heartbeat."""
    return AggregationLanes(
        feeds=tuple(open_feed_lanes(lanes, feed, beats=feed in beating) for feed in lanes.readable("ticks")),
        groups=lanes.cell_writer("groups"),
        global_books=lanes.ring_writer("global_books"),
        global_tops=lanes.cell_writer("global_tops"),
        opportunities=lanes.ring_writer("opportunities"),
        open_opportunities=lanes.cell_writer("open_opportunities"),
        bars=lanes.ring_writer("bars"),
        last_bars=lanes.cell_writer("last_bars"),
        steps=lanes.ring_writer("steps"),
        bars_closed=lanes.ring_reader("bars"),
    )


def open_feed_lanes(lanes: RoleLanes, feed: str, *, beats: bool) -> FeedLanes:
    """Open the lanes of one feed."""
    return FeedLanes(
        feed,
        instruments=lanes.cell_reader("instruments", feed),
        ticks=lanes.ring_reader("ticks", feed),
        books=lanes.ring_reader("books", feed),
        book_tops=lanes.cell_reader("book_tops", feed),
        heartbeat=lanes.cell_reader("heartbeat", feed) if beats else None,
    )


def skip_records(feeds: Iterable[FeedLanes], skips: Iterable[WorkingOn]) -> None:
    """Have this life begin after the records on which an earlier life failed twice."""
    for feed in feeds:
        ends = {f"ticks.{feed.name}": 1, f"books.{feed.name}": 0}  # a book names the place after its ticks
        found = sorted((one.instrument, one.sequence + ends[one.lane]) for one in skips if one.lane in ends)
        feed.skips = dict(found)  # of several of one instrument the last


def shown(feeds: Sequence[FeedLanes]) -> Iterator[Any]:
    """Every instrument's row that a feed has published."""
    for feed in feeds:
        cells = feed.instruments
        yield from (row for index in range(cells.count) if (row := cells.read(index)) is not None)


def meanings(feeds: Sequence[FeedLanes]) -> dict[int, tuple[int, ...]]:
    """Return each instrument's decimals and multiplier as published now."""
    return {row.id: (row.price_decimals, row.size_decimals, row.multiplier) for row in shown(feeds)}


def changed_ns(feeds: Sequence[FeedLanes]) -> dict[int, int]:
    """Return since when an instrument has its decimals, for those whose decimals changed."""
    return {row.id: row.update_ns for row in shown(feeds) if row.version > 1}


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

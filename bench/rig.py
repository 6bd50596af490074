"""A feed's pipeline over real lanes, without a role around it: what the benches of market data measure."""

import uuid

import shm
from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.lanes import FEED, LOOKERS, open_lanes
from engine.lanes.create import create
from engine.venues.catalogue import dialect_of

NOW = 1_723_161_255_000_000_000
LANES = ("ticks.feed", "books.feed", "book_tops.feed")


class Rig:
    """A pipeline over real lanes."""

    def __init__(self, venue: str, snapshot: bytes, decimals: int, offset_ns: int | None = 0, system: str = "") -> None:
        """Create the lanes and fill the book."""
        self.system = system or f"bench-feed-{uuid.uuid4().hex[:8]}"
        for name in LANES:
            create(self.system, name, wake="never")
        self.ticks = open_lanes(self.system, FEED).ring_writer("ticks", populate=True)
        self.books = open_lanes(self.system, FEED).ring_writer("books", populate=True)
        self.cells = open_lanes(self.system, FEED).cell_writer("book_tops")
        self.reader = open_lanes(self.system, LOOKERS).ring_reader("ticks")
        dialect, outbox = dialect_of(venue), Outbox(self.ticks, self.books, self.cells, offset_ns)
        market = dialect.market()
        market.add("BTCUSDT", decimals, decimals)
        self.pipeline = Pipeline(market, outbox)
        self.track = Track(0, 1, "BTCUSDT", dialect.rule(), outbox)
        self.pipeline.add(self.track)
        self.pipeline.snapshot(0, snapshot, NOW, NOW)
        self.lost = self.read = 0

    def drain(self) -> None:
        """Read the published records."""
        lost, records = self.reader.copy()
        self.lost += lost
        self.read += len(records)

    def close(self) -> None:
        """Remove the lanes."""
        for lane in (self.ticks, self.books, self.cells):
            lane.close()
        for name in LANES:
            shm.remove(f"{self.system}.{name}")

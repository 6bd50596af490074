"""A system's lanes, the feed's hands on them, and the role that is under test."""

import os
import random
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

import shm
from engine import instruments
from engine.aggregation import make_role
from engine.aggregation.lanes import open_aggregation_lanes
from engine.aggregation.role import AggregationRole
from engine.config.tables import Aggregation
from engine.lanes import AGGREGATION, FEED, LOOKERS, Owners, open_lanes
from engine.lanes.create import create
from engine.model.instrument import Instrument
from engine.model.words import BookState, Flag, TickKind

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
DEPTH = 10
BTC = Instrument(1, "north", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 10, 10**12, 0)
ELSEWHERE = replace(BTC, id=2, venue="south", symbol="BTC-USDT", price_decimals=1, size_decimals=8)
FAR = replace(BTC, id=3, venue="west", symbol="BTC/USDT", price_decimals=3, size_decimals=3)
FEES = {"north": "10", "south": "5", "west": "0.5"}
OF_FEEDS = ("instruments", "ticks", "books", "book_tops")
LANES = (
    "groups", "global_books", "global_tops", "opportunities",
    "open_opportunities", "bars", "last_bars",
)  # fmt: skip
Levels = list[tuple[int, int]]


def seed_of_this_run() -> int:
    """A seed that a failed run shows; STEELYARD_SEED repeats it."""
    seed = int(os.environ.get("STEELYARD_SEED", random.randrange(2**32)))
    print("seed", seed)  # noqa: T201 - what a failure is repeated by
    return seed


def wide(high: int, low: int) -> int:
    """A number from its two halves."""
    return (high << 64) | low


def column(levels: Levels, at: int) -> tuple[int, ...]:
    """One column of ten levels."""
    return tuple(level[at] for level in levels) + (0,) * (DEPTH - len(levels))


class DeadError(Exception):
    """The process was killed here."""


@dataclass
class Mortality:
    """How likely a write is the last act of a life."""

    draw: random.Random = field(default_factory=random.Random)
    share: float = 0.0

    def strike(self) -> None:
        """Die, or not."""
        if self.draw.random() < self.share:
            raise DeadError


class Mortal:
    """A lane's writer that a test can kill before or after any write."""

    def __init__(self, lane: Any, mortality: Mortality) -> None:
        """Around the real one."""
        self.lane, self.mortality = lane, mortality

    def __getattr__(self, name: str) -> Any:
        """All else is the lane's."""
        return getattr(self.lane, name)

    def publish_bytes(self, view: Any) -> None:
        """On the ring, if still alive."""
        self.mortality.strike()
        self.lane.publish_bytes(view)
        self.mortality.strike()

    def write_bytes(self, place: int, view: Any) -> None:
        """In the cell, if still alive."""
        self.mortality.strike()
        self.lane.write_bytes(place, view)
        self.mortality.strike()


class Hand:
    """What one feed writes."""

    def __init__(self, system: str, feed: str) -> None:
        """Become the writer of its lanes."""
        lanes = open_lanes(system, FEED, feed)
        self.ticks, self.books = lanes.ring_writer("ticks"), lanes.ring_writer("books")
        self.tops, self.shown = lanes.cell_writer("book_tops"), lanes.cell_writer("instruments")

    def close(self) -> None:
        """Give them up."""
        for lane in (self.ticks, self.books, self.tops, self.shown):
            lane.close()


@dataclass
class System:
    """One system's lanes; `publish_*` write what a feed writes."""

    instruments: tuple[Instrument, ...] = (BTC, ELSEWHERE, FAR)
    settings: dict[str, Any] = field(default_factory=dict)
    now_ns: int = START
    name: str = ""
    lives: int = 0
    mortality: Mortality = field(default_factory=Mortality)
    recorded: bool = False
    feed: shm.CellReader | None = None  # the heartbeat of a feed, where a test gives it one
    feeds: tuple[str, ...] = (FEED,)
    places: dict[int, int] = field(default_factory=dict)  # by instrument: of its feed
    beats: dict[str, shm.CellReader] = field(default_factory=dict)  # of several feeds

    def __post_init__(self) -> None:
        """Make the lanes and both sides of them."""
        self.name = f"test-aggregation-{secrets.token_hex(6)}"
        for lane in self.lanes():
            create(self.name, lane, wake="never")
        self.hands = [Hand(self.name, feed) for feed in self.feeds]
        self.ticks, self.books, self.tops = self.hands[0].ticks, self.hands[0].books, self.hands[0].tops
        self.show()
        self.changes = 0
        self.readers = {lane: self.reader(lane) for lane in ("global_books", "opportunities", "bars")}
        self.steps = open_lanes(self.name, LOOKERS).ring_reader("steps", "aggregation")
        self.role = self.begin()

    def lanes(self) -> list[str]:
        """The names of all lanes in the system."""
        of_feeds = [f"{lane}.{feed}" for lane in OF_FEEDS for feed in self.feeds]
        return [*of_feeds, *LANES, "steps.aggregation"]

    def hand(self, of: int) -> Hand:
        """The feed of an instrument."""
        return self.hands[self.places.get(of, 0)]

    def reader(self, lane: str) -> shm.RingReader:
        """A reader of one of the rings."""
        return open_lanes(self.name, LOOKERS).ring_reader(lane)

    def begin(self, **settings: Any) -> AggregationRole:
        """A life of the role."""
        table = msgspec.convert({"taker_fee_bps": FEES, "bar_grace_ms": 100, **self.settings, **settings}, Aggregation)
        owners = Owners(feeds=self.feeds)
        lanes: Any = open_aggregation_lanes(open_lanes(self.name, AGGREGATION, owners=owners))
        for feed, name in zip(lanes.feeds, self.feeds, strict=True):
            feed.heartbeat = self.beats.get(name, self.feed)
        lanes.bars, lanes.last_bars = Mortal(lanes.bars, self.mortality), Mortal(lanes.last_bars, self.mortality)
        self.role = make_role(
            table, "aggregation", 7, self.instruments, lanes, recorded=self.recorded, feeds=self.places
        )
        self.lives += 1
        return self.role

    def show(self) -> None:
        """Publish the instruments, as the feed does."""
        for place, one in enumerate(self.instruments):
            instruments.write(self.hand(one.id).shown, place, one, self.now_ns)

    def die(self) -> None:
        """The role is gone in the middle of everything; its successor begins."""
        self.role.close()
        self.begin()

    def close(self) -> None:
        """Remove the lanes."""
        self.role.close()
        for hand in self.hands:
            hand.close()
        for lane in self.lanes():
            shm.remove(f"{self.name}.{lane}")

    def step(self, forward_ns: int = 0) -> int:
        """One step of the role, that much later; a dead role is succeeded until one lives through it."""
        self.now_ns += forward_ns
        try:
            return self.role.step(self.now_ns)
        except DeadError:
            self.die()
            return self.step()

    def tick(self, kind: int, of: int, *, side: int = 0, price: int = 0, size: int = 0, detail: int = 0,
             flags: int = Flag.LAST, receive_ns: int = 0, venue_ns: int = 0) -> None:  # fmt: skip
        """One record on TICKS."""
        at_ns = receive_ns or self.now_ns
        self.hand(of).ticks.publish(at_ns, at_ns, venue_ns, 0, price, size, detail, of, kind, side, flags)

    def publish_print(self, of: int, price: int, size: int, number: int, *, side: int = 1, receive_ns: int = 0,
                   venue_ns: int = 0) -> None:  # fmt: skip
        """A trade between others."""
        self.tick(TickKind.PRINT, of, side=side, price=price, size=size, detail=number, receive_ns=receive_ns,
                  venue_ns=venue_ns)  # fmt: skip

    def publish_best(self, of: int, side: int, price: int, size: int) -> None:
        """The venue's own best, ahead of its levels."""
        self.tick(TickKind.BEST, of, side=side, price=price, size=size)

    def publish_state(self, of: int, state: int, flags: int = Flag.LAST) -> None:
        """What may be believed of a book."""
        self.tick(TickKind.STATE, of, detail=state, flags=flags)

    def publish_book(
        self, of: int, bids: Levels, asks: Levels, state: int = BookState.GOOD, *, bests: bool = True,
        flags: int = Flag.LAST,
    ) -> None:  # fmt: skip
        """A book's event: its bests, its state, its top."""
        if bests:
            for side, levels in ((1, bids), (-1, asks)):
                price, size = levels[0] if levels else (0, 0)
                self.tick(TickKind.BEST, of, side=side, price=price, size=size, flags=0)
            self.publish_state(of, state, flags)
        self.changes += 1
        row = (
            self.now_ns, self.now_ns, 0, 0, self.hand(of).ticks.cursor, 0.0, 0.0, of, state, len(bids), len(asks),
            flags, self.changes, column(bids, 0), column(bids, 1), column(asks, 0), column(asks, 1), (0,) * 7,
        )  # fmt: skip
        self.hand(of).books.publish(*row)
        self.hand(of).tops.write(of - 1, *row)

    def published(self, lane: str) -> list[Any]:
        """The records that were published on a ring since the last call."""
        return list(self.readers[lane].rows())

    def top(self, group: int = 1) -> Any:
        """A group's cell."""
        return open_lanes(self.name, LOOKERS).cell_reader("global_tops").read(group - 1)

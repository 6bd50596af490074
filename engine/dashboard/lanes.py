"""Reads the lanes as a looker: raw records of books, orders, fills and journals, and the rate of every ring."""

import struct
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import shm
from engine.lanes import LOOKERS, open_lanes
from engine.lanes.map import LaneError
from engine.model.records import BOOK_TOP
from engine.model.words import BookState
from engine.monitor.figures import Rate

RINGS = ("orders", "fills", "journal")
KEPT = {"orders": 10_000, "fills": 2_000, "journal": 200}  # records before now that are read at the start
RATED = ("frames", "ticks", "books", "intents", "verdicts", "orders", "fills", "global_books", "bars", "journal")
MOST = 4_096  # records of one ring in one step: the rest is read in the next one


AT = {one.name: one.offset for one in BOOK_TOP.fields}
Reader = TypeVar("Reader", shm.RingReader, shm.CellReader)
NUMBER, PRICE = struct.Struct("<I"), struct.Struct("<q")


class Top(NamedTuple):
    """What the history needs of a book's record. `good`: both sides are there, and the book is right."""

    instrument: int
    good: bool
    bid: int
    ask: int


def top_of(record: bytes) -> Top:
    """Read four fields of a book's record: decoding all 60 would cost more than the rest of a frame."""
    (instrument,) = NUMBER.unpack_from(record, AT["instrument"])
    (bid,), (ask,) = PRICE.unpack_from(record, AT["bid_price"]), PRICE.unpack_from(record, AT["ask_price"])
    good = record[AT["state"]] == BookState.GOOD and bool(record[AT["bids"]] and record[AT["asks"]])
    return Top(instrument, good, bid, ask)


class Lanes:
    """Attached to what exists; attaches again where a segment was replaced. A reader registers nowhere."""

    def __init__(self, system: str) -> None:
        """Attach at the first search."""
        self.system = system
        self.lost = 0  # records that were overwritten before they were read
        self.rates: dict[str, Rate] = {}
        self._rings: dict[str, shm.RingReader] = {}
        self._of_lane: dict[str, list[shm.RingReader]] = {}
        self._books: dict[str, shm.CellReader] = {}
        self._beats: dict[str, shm.CellReader] = {}
        self._written: dict[str, list[int]] = {}
        self._sequences: dict[tuple[str, int], int] = {}

    def search(self, now_ns: int) -> None:
        """Attach to new lanes, find the written books, measure the rates: some times a second, not for each frame."""
        names = [name.split(".", 1)[1] for name in shm.names(self.system)]
        self._rings, self._books = _kept(self._rings, names), _kept(self._books, names)
        self._beats = _kept(self._beats, names)
        for name in names:
            lane = name.partition(".")[0]
            if lane in RATED and name not in self._rings:
                self._attach_ring(name, lane)
            if lane == "book_tops" and name not in self._books:
                self._attach_books(name)
            if lane == "heartbeat" and name not in self._beats:
                self._attach_cells(self._beats, name)
        self._written = {name: [at for at in range(one.count) if one.sequence(at)] for name, one in self._books.items()}
        self._of_lane = {
            lane: [one for name, one in self._rings.items() if name.partition(".")[0] == lane] for lane in RINGS
        }
        self.rates = {name: self.rates.get(name, Rate()) for name in self._rings}
        for name, ring in self._rings.items():
            self.rates[name].update(ring.end, now_ns)

    def ages(self, now_ns: int) -> dict[str, float]:
        """The age of each role's last heartbeat in milliseconds: what the role publishes is as old as that."""
        found = ((name.partition(".")[2], cells.read()) for name, cells in self._beats.items())
        return {role: max(0, now_ns - row.wall_ns) / 1e6 for role, row in found if row is not None}

    def books(self) -> dict[tuple[str, int], bytes]:
        """The books that have changed since the last call, by lane and cell."""
        changed, known = {}, self._sequences
        for name, places in self._written.items():
            cells = self._books[name]
            for at in places:
                place = name, at
                if cells.sequence(at) != known.get(place) and (found := cells.sample(at)) is not None:
                    known[place], changed[place] = found
        return changed

    def feeds(self) -> dict[int, str]:
        """The feed of each written book, by instrument."""
        found = {
            name.partition(".")[2]: [sample[1] for at in places if (sample := self._books[name].sample(at)) is not None]
            for name, places in self._written.items()
        }
        return {top_of(record).instrument: feed for feed, samples in found.items() for record in samples}

    def new(self, lane: str) -> Iterator[bytes]:
        """The records of this lane, of every owner, since the last call."""
        for ring in self._of_lane.get(lane, ()):
            for _ in range(MOST):
                record = ring.read_bytes()
                if record is None:
                    break
                if isinstance(record, shm.Lapped):
                    self.lost += record.lost
                else:
                    yield record

    def _attach_ring(self, name: str, lane: str) -> None:
        try:
            ring = open_lanes(self.system, LOOKERS).ring_reader(lane, name.partition(".")[2])
        except (shm.SegmentError, LaneError, OSError):  # of another version, or removed meanwhile
            return
        if lane in RINGS:
            ring.cursor = max(ring.oldest, ring.end - KEPT[lane])
        self._rings[name] = ring

    def _attach_books(self, name: str) -> None:
        self._attach_cells(self._books, name)
        self._sequences = {key: one for key, one in self._sequences.items() if key[0] != name}

    def _attach_cells(self, into: dict[str, shm.CellReader], name: str) -> None:
        lane, _, of = name.partition(".")
        try:
            into[name] = open_lanes(self.system, LOOKERS).cell_reader(lane, of)
        except (shm.SegmentError, LaneError, OSError):
            return


def _kept(attached: dict[str, Reader], names: list[str]) -> dict[str, Reader]:
    """The readers whose segments still exist."""
    return {name: one for name, one in attached.items() if name in names and not one.replaced()}

"""The recorded market data of one instrument as events of a simulation, without our own orders in it.

    LEVELS (the whole book), where it was recorded, else BOOKS (ten levels a side) ─┐
    TICKS: the prints ──────────────────────────────────────────────────────────────┴─▶ events, in a file that is mapped

A venue's book contains our resting orders. A simulated order of ours would wait behind its own recorded copy, so the
size of our open orders is taken from each level, from when an order was sent until it had ended.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.model.words import BUY, SELL, BookState, TickKind
from research.parity.recorded.lane import RecordedLane, Rows
from research.simulate.data.events import EVENT, LAST, LEVEL, STATE, Events, from_ticks

CHUNK = 1 << 14
Footprint = Mapping[int, tuple[Rows, Rows]]  # by side * price: times, and our open size from each time on


class Span(NamedTuple):
    """A time without market data."""

    begin_ns: int
    end_ns: int
    why: str


class Lanes(NamedTuple):
    """The lanes of the feed that has an instrument."""

    levels: RecordedLane
    books: RecordedLane
    ticks: RecordedLane


class Market:
    """One instrument."""

    def __init__(self, instrument: int, lanes: Lanes, *, holds_ours: bool = True) -> None:
        """Find the rows of the instrument. A paper venue's market does not hold our orders, and has our clock."""
        self.instrument, self._lanes, self._holds_ours = instrument, lanes, holds_ours
        self._levels, self._books, self._ticks = (_places(lane, instrument) for lane in lanes)
        kinds = lanes.ticks.rows["kind"][self._ticks] if len(self._ticks) else np.zeros(0)
        self._prints = self._ticks[kinds == TickKind.PRINT]

    @property
    def has_levels(self) -> bool:
        """Whether the whole book was recorded."""
        return bool(len(self._levels))

    @property
    def is_recorded(self) -> bool:
        """Whether a book was recorded at all."""
        return bool(len(self._books))

    def middle2(self) -> int:
        """Twice the middle of the last good book; 0 without one."""
        for chunk in _backwards(self._books):
            rows = self._lanes.books.rows[chunk]
            good = np.flatnonzero((rows["state"] == BookState.GOOD) & (rows["bids"] > 0) & (rows["asks"] > 0))
            if len(good):
                return int(rows["bid_price"][good[-1], 0] + rows["ask_price"][good[-1], 0])
        return 0

    def missing(self) -> list[Span]:
        """The times without data: gaps of the recording, and those at which the book was not good."""
        lane, found = self._lanes.levels if self.has_levels else self._lanes.books, []
        for one, name in ((lane, "book"), (self._lanes.ticks, "prints")):
            times = one.rows["receive_ns"]
            for first, after in one.gaps:
                begin = int(times[first - 1]) if first else 0
                end = int(times[after]) if after < len(times) else 1 << 62
                found.append(Span(begin, end, f"{after - first} records of {name} are not recorded"))
        return found + self._bad_times()

    def _bad_times(self) -> list[Span]:
        """The times at which the book was not good."""
        if not len(self._books):
            return [Span(0, 1 << 62, "no book is recorded")]
        rows = self._lanes.books.rows
        states, times = rows["state"][self._books], rows["receive_ns"][self._books]
        is_good = states == BookState.GOOD
        turns = [0, *(np.flatnonzero(np.diff(is_good)) + 1).tolist()]
        ends = [*turns[1:], len(times)]
        bad = [(turn, end) for turn, end in zip(turns, ends, strict=True) if not is_good[turn]]
        found = [Span(0, int(times[0]), "before the first book")]
        found += [
            Span(int(times[turn]), int(times[end]) if end < len(times) else 1 << 62, "the book was not good")
            for turn, end in bad
        ]
        return found

    def events(self, footprint: Footprint, place: Path | None) -> Events:
        """Every event, in the order in which the engine received them."""
        file = tempfile.TemporaryFile(dir=place)  # noqa: SIM115 - lives as long as the mapping
        count, latest = 0, np.zeros(2, np.int64)
        for events in self._chunks():
            if self._holds_ours:
                remove_own(events, footprint)
            else:
                events["venue_ns"] = events["receive_ns"]  # the paper venue reads the feed's lanes
            for index, name in enumerate(("venue_ns", "receive_ns")):
                events[name] = np.maximum.accumulate(np.maximum(events[name], latest[index]))
                latest[index] = events[name][-1]
            file.write(events.tobytes())
            count += len(events)
        file.flush()
        mapped = np.memmap(file, EVENT, "r+", shape=(count,)) if count else np.zeros(0, EVENT)
        if count:
            mapped["flags"][-1] |= LAST
        return mapped

    def _chunks(self) -> Iterator[Events]:
        """The events of the book, each chunk with the prints of its time."""
        market = self._level_chunks() if self.has_levels else self._book_chunks()
        ticks = self._lanes.ticks.rows
        times = np.maximum.accumulate(ticks["receive_ns"][self._prints]) if len(self._prints) else np.zeros(0)
        done = 0
        for rows, until_ns in market:
            upto = int(np.searchsorted(times, until_ns))
            prints, done = self._prints[done:upto], upto
            events = from_ticks(rows, ticks[prints])
            if len(events):
                yield events

    def _level_chunks(self) -> Iterator[tuple[Rows, int]]:
        """Rows of the whole book, with the time of the next row."""
        rows = self._lanes.levels.rows
        for first in range(0, len(self._levels), CHUNK):
            after = self._levels[first + CHUNK : first + CHUNK + 1]
            until_ns = int(rows["receive_ns"][after[0]]) if len(after) else 1 << 62
            yield rows[self._levels[first : first + CHUNK]], until_ns

    def _book_chunks(self) -> Iterator[tuple[Rows, int]]:
        """The same of the first ten levels: the changes from book to book."""
        lane, changes = self._lanes.books, Changes(self._lanes.levels.rows.dtype)
        for first in range(0, len(self._books), CHUNK):
            after = self._books[first + CHUNK : first + CHUNK + 1]
            until_ns = int(lane.rows["receive_ns"][after[0]]) if len(after) else 1 << 62
            rows = map(lane.codec.unpack, (lane.rows[at].tobytes() for at in self._books[first : first + CHUNK]))
            yield changes.of(rows), until_ns


class Changes:
    """The changes of the levels of one instrument, from one record of BOOKS to the next."""

    def __init__(self, dtype: "np.dtype[Any]") -> None:
        """Begin with an empty book; the changes are rows of LEVELS."""
        self._dtype, self._state = dtype, int(BookState.EMPTY)
        self._sides: dict[int, dict[int, int]] = {BUY: {}, SELL: {}}

    def of(self, books: Iterator[Any]) -> Rows:
        """The rows of these books."""
        found: list[tuple[Any, ...]] = []
        for book in books:
            changes = [*self._levels(BUY, book.bid_price[: book.bids], book.bid_size)]
            changes += self._levels(SELL, book.ask_price[: book.asks], book.ask_size)
            if book.state != self._state:
                self._state = book.state
                changes.append((0, 0, STATE, 0, book.state))
            last = len(changes) - 1
            found += [
                (book.receive_ns, book.publish_ns, book.venue_ns, 0, price, size, detail, book.instrument, kind, side,
                 LAST * (index == last))
                for index, (price, size, kind, side, detail) in enumerate(changes)
            ]  # fmt: skip
        return np.array(found, self._dtype)

    def _levels(
        self, side: int, prices: Sequence[int], sizes: Sequence[int]
    ) -> Iterator[tuple[int, int, int, int, int]]:
        """The changes of one side: levels that are gone first."""
        before, now = self._sides[side], dict(zip(prices, sizes, strict=False))
        self._sides[side] = now
        for price in before.keys() - now.keys():
            yield price, 0, LEVEL, side, 0
        for price, size in now.items():
            if before.get(price) != size:
                yield price, size, LEVEL, side, 0


def remove_own(events: Events, footprint: Footprint) -> None:
    """Take our open orders from the levels of some events."""
    levels = np.flatnonzero(events["kind"] == LEVEL)
    keys = events["side"][levels].astype(np.int64) * events["price"][levels]
    for key in np.intersect1d(keys, np.fromiter(footprint, np.int64, len(footprint))).tolist():
        places = levels[keys == key]
        times, sizes = footprint[key]
        ours = sizes[np.searchsorted(times, events["receive_ns"][places], side="right")]
        events["size"][places] = np.maximum(events["size"][places] - ours, 0)


def _places(lane: RecordedLane, instrument: int) -> Rows:
    """Where the recorded rows of an instrument are."""
    found = [
        first + np.flatnonzero(lane.rows["instrument"][first : first + CHUNK] == instrument)
        for first in range(0, len(lane.rows), CHUNK)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _backwards(places: Rows) -> Iterator[Rows]:
    """The places in chunks, the last first."""
    for end in range(len(places), 0, -CHUNK):
        yield places[max(0, end - CHUNK) : end]

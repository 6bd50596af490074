"""The rows of one kind in the order of their times, a bounded number of them at once.

Files are mostly in order: each batch is sorted, and the rows of its last time wait for the next batch, so that the rows
of one time are together. A file that goes back further becomes several files of the history, each in order.
"""

from collections.abc import Mapping

import numpy as np

from engine.book import Book
from engine.imports.listing import Listed
from engine.imports.report import Found
from engine.imports.rules import Checks
from engine.imports.shapes import reset
from engine.imports.tables import Array
from engine.model.words import Flag, TickKind

STATE, RESET = int(TickKind.STATE), int(Flag.RESET)
HELD_MOST = 1 << 19  # rows of one time

Batch = tuple[Array, Array]  # rows, and the line of each


class Stage:
    """Holds what waits."""

    def __init__(self) -> None:
        """Begin empty."""
        self._held: list[Batch] = []

    def add(self, rows: Array, lines: Array) -> None:
        """Add rows in the order of the file."""
        if len(rows):
            self._held.append((rows, lines))

    def ready(self, *, every: bool = False) -> Batch | None:
        """The rows in the order of time, without those of the last time; with `every` all of them."""
        if not self._held:
            return None
        rows, lines = (np.concatenate(one) for one in zip(*self._held, strict=True))
        order = np.argsort(rows["publish_ns"], kind="stable")
        rows, lines = rows[order], lines[order]
        count = len(rows) if every or len(rows) > HELD_MOST else _last(rows["publish_ns"])
        self._held = [(rows[count:], lines[count:])] if count < len(rows) else []
        return (rows[:count], lines[:count]) if count else None


class Books:
    """The books of the levels of an import: what a change replaced, the end of each event, and crossed books."""

    def __init__(self, listed: Mapping[int, Listed], checks: Checks, *, snapshots_join: bool) -> None:
        """Begin with empty books; with `snapshots_join` snapshots in a row are one, else one for each time."""
        self._listed, self._checks, self._join = listed, checks, snapshots_join
        self._books: dict[int, Book] = {}
        self._last: dict[int, tuple[int, int]] = {}  # of each book's newest row: time and flags

    def finish(self, rows: Array, lines: Array) -> Batch:
        """Complete changes in the order of time."""
        done = [
            self._finish_one(number, *_of(rows, lines, number)) for number in np.unique(rows["instrument"]).tolist()
        ]
        if len(done) == 1:
            return done[0]
        rows, lines = (np.concatenate(one) for one in zip(*done, strict=True))
        order = np.argsort(rows["publish_ns"], kind="stable")
        return rows[order], lines[order]

    def _finish_one(self, number: int, rows: Array, lines: Array) -> Batch:
        rows, lines = self._with_resets(number, rows, lines)
        ends = np.append(np.diff(rows["publish_ns"]) != 0, True)
        rows["flags"] |= np.where(ends, np.uint16(Flag.LAST), np.uint16(0))
        rows["detail"] = self._apply(number, rows, lines, ends.tolist())
        return rows, lines

    def _with_resets(self, number: int, rows: Array, lines: Array) -> Batch:
        """A record that empties the book before each snapshot."""
        time, flags = self._last.get(number, (0, 0))
        snapshot = (rows["flags"] & Flag.SNAPSHOT) != 0
        before = np.append(bool(flags & Flag.SNAPSHOT), snapshot[:-1])
        moved = np.append(time, rows["publish_ns"][:-1]) != rows["publish_ns"]
        places = np.flatnonzero(snapshot & (~before | (moved & ~self._join)))
        self._last[number] = int(rows["publish_ns"][-1]), int(rows["flags"][-1])
        if not len(places):
            return rows.copy(), lines
        return np.insert(rows, places, reset(rows[places])), np.insert(lines, places, lines[places])

    def _apply(self, number: int, rows: Array, lines: Array, ends: list[bool]) -> list[int]:
        """Each change in its book; the size that it replaced."""
        book, found = self._books.setdefault(number, Book()), []
        columns = (rows[name].tolist() for name in ("kind", "side", "price", "size", "detail", "flags"))
        for place, (kind, side, price, size, detail, flags) in enumerate(zip(*columns, strict=True)):
            if kind == STATE:
                if flags & RESET:
                    book.clear()
                found.append(detail)
                continue
            found.append(book.set(side, price, size))
            if ends[place] and book.is_crossed():
                self._cross(number, int(lines[place]), book)
        return found

    def _cross(self, number: int, line: int, book: Book) -> None:
        bid, ask = book.best(1), book.best(-1)
        text = f"is crossed: best bid {bid}, best ask {ask} as (price, size) in steps of the instrument's decimals"
        self._checks.cross("levels", self._listed[number], Found(line, "book", self._listed[number].name, text))


def _of(rows: Array, lines: Array, number: int) -> Batch:
    mine = rows["instrument"] == number
    return rows[mine], lines[mine]


def _last(times: Array) -> int:
    """Where the rows of the last time begin."""
    return int(np.searchsorted(times, times[-1], "left"))

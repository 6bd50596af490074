"""Books of some levels a side, row after row, as the changes from each to the next.

The first is a snapshot. A level that leaves the shown part of the book is a change to size 0, so the book that readers
build has at each time exactly the levels of the row.
"""

from collections.abc import Iterator

import numpy as np

from engine.imports.listing import Listed
from engine.imports.shapes import Parser, Rows
from engine.imports.tables import Array
from engine.model.records import TICK
from engine.model.words import BUY, SELL, Flag, TickKind

Level = tuple[int, int]  # side and price
SNAPSHOT = int(Flag.SNAPSHOT)


class Snapshots:
    """The books of one instrument."""

    def __init__(self, one: Listed, depth: int) -> None:
        """Begin without a book."""
        self._one, self.depth = one, depth
        self._book: dict[Level, int] | None = None

    def rows(self, parser: Parser) -> Rows:
        """The changes of the books of a table."""
        time = parser.time("time")
        receive = parser.time("receive") if parser.has("receive") else time
        levels = [(side, *self._columns(parser, name, level)) for level in range(self.depth)
                  for name, side in (("bid", BUY), ("ask", SELL))]  # fmt: skip
        return self.changes(levels, time, receive, ~parser.bad, parser.table.lines)

    def changes(
        self, levels: list[tuple[int, Array, Array]], time: Array, receive: Array, good: Array, lines: Array
    ) -> Rows:
        """The changes of books given as columns: side, prices and sizes of each level."""
        columns = [(side, prices.tolist(), sizes.tolist()) for side, prices, sizes in levels]
        found: list[tuple[int, int, int, int, int]] = []  # row, side, price, size, flags
        for row in np.flatnonzero(good).tolist():
            book = {(side, prices[row]): sizes[row] for side, prices, sizes in columns if sizes[row] > 0}
            found += ((row, *change) for change in self._changes(book))
        return self._rows(found, time, receive, lines)

    def _changes(self, book: dict[Level, int]) -> Iterator[tuple[int, int, int, int]]:
        before, self._book = self._book, book
        flags = SNAPSHOT if before is None else 0
        before = before or {}
        for side, price in before.keys() - book.keys() if before else ():
            yield side, price, 0, flags
        for (side, price), size in book.items():
            if before.get((side, price)) != size:
                yield side, price, size, flags

    def _rows(self, found: list[tuple[int, int, int, int, int]], time: Array, receive: Array, lines: Array) -> Rows:
        rows = np.zeros(len(found), TICK.dtype)
        if not found:
            return Rows("levels", self._one, rows, lines[:0])
        places, rows["side"], rows["price"], rows["size"], rows["flags"] = np.array(found, "i8").T
        rows["venue_ns"], rows["receive_ns"], rows["publish_ns"] = time[places], receive[places], receive[places]
        rows["kind"] = TickKind.LEVEL
        return Rows("levels", self._one, rows, lines[places])

    def _columns(self, parser: Parser, name: str, level: int) -> tuple[Array, Array]:
        """A level that the row does not have is empty."""
        for column in (f"{name}_price_{level}", f"{name}_size_{level}"):
            parser.table.columns[column] = parser.table.columns[column].fill_null("0")
        return parser.price(f"{name}_price_{level}", 0), parser.size(f"{name}_size_{level}")

"""LOBSTER: a message file with its orderbook file, line by line the event and the book after it.

Times are seconds after midnight in New York, prices are dollars times 10000, sizes are shares. Executions, visible and
hidden, are prints; the book's changes come from the orderbook file; a trading halt makes the book SHUT.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from engine.imports import numbers
from engine.imports.errors import ImportRefusedError
from engine.imports.formats.snapshots import Snapshots
from engine.imports.listing import Listed, Listing
from engine.imports.report import Refusals, Report
from engine.imports.shapes import Parser, Rows, Units
from engine.imports.source import Source
from engine.imports.tables import Array, Table, first_line, read_csv
from engine.model.records import TICK
from engine.model.words import BookState, Flag, TickKind

NAME = re.compile(r"(?P<symbol>[^_]+)_(?P<day>\d{4}-\d\d-\d\d)_.*message")
MESSAGE = ("time", "type", "order", "size", "price", "direction")
PRICE_DECIMALS = 4  # of the files
NO_PRICE = 9_999_999_999  # of a level that the book does not have
TYPES = range(1, 8)
VISIBLE, HIDDEN, CROSS, HALT = 4, 5, 6, 7
ZONE = ZoneInfo("America/New_York")


class Lobster:
    """One day of one symbol."""

    complete = snapshots_join = False

    def __init__(self, listing: Listing, venue: str = "") -> None:
        """`venue`: "" finds the symbol's only one."""
        self._listing, self._venue = listing, venue
        self.options = {"format": "lobster", "venue": venue}

    def read(self, source: Source, refusals: Refusals, report: Report) -> Iterator[list[Rows]]:
        """Read the two files in step."""
        message, book = source.paths
        one, midnight_ns = self._day_of(message)
        count = len(first_line(book))
        if count % 4:
            raise ImportRefusedError(
                f"{book}: {count} columns, expected 4 a level: ask price and size, bid price and size"
            )
        levels = [f"{side}_{what}_{level}" for level in range(count // 4) for side in ("ask", "bid")
                  for what in ("price", "size")]  # fmt: skip
        names = [*MESSAGE, *(f"more_{n}" for n in range(len(first_line(message)) - len(MESSAGE)))]
        books = Snapshots(one, count // 4)
        tables = read_csv(message, refusals, names, header=False), read_csv(book, refusals, levels, header=False)
        for table in in_step(*tables, source.paths):
            report.read += len(table)
            yield list(_rows(Parser(table, one, Units("ns"), refusals), books, midnight_ns))
        report.read += refusals.lines

    def _day_of(self, path: Path) -> tuple[Listed, int]:
        """The instrument, and midnight of the day in New York, by the file's name."""
        found = NAME.match(path.name)
        if found is None:
            raise ImportRefusedError(f"{path}: expected a name as AAPL_2012-06-21_34200000_57600000_message_10.csv")
        one = self._listing.find(found["symbol"], self._venue)
        if one is None:
            name = f"{self._venue or 'nasdaq'}:{found['symbol']}"
            raise ImportRefusedError(f"{name} is unknown: give its steps: --instrument {name},price=0.01,size=1")
        midnight = datetime.fromisoformat(found["day"]).replace(tzinfo=ZONE)
        return one, int(midnight.timestamp()) * 10**9


def files_of(path: Path) -> tuple[Path, Path]:
    """A message file and its orderbook file."""
    beside = path.with_name(path.name.replace("message", "orderbook"))
    if "message" not in path.name or not beside.is_file():
        raise ImportRefusedError(f"{path}: expected a message file with its orderbook file beside it: {beside.name}")
    return path, beside


def in_step(messages: Iterator[Table], books: Iterator[Table], paths: tuple[Path, ...]) -> Iterator[Table]:
    """The rows of both files side by side; files of different lengths are refused."""
    message, book = next(messages, None), next(books, None)
    while message is not None and book is not None:
        count = min(len(message), len(book))
        if (message.lines[:count] != book.lines[:count]).any():
            raise ImportRefusedError(f"{paths[0]}: a line of one file has no line in the other: import complete files")
        both = message.columns | book.columns
        yield Table({name: one.slice(0, count) for name, one in both.items()}, message.lines[:count])
        message, book = (_rest(one, count) or next(more, None) for one, more in ((message, messages), (book, books)))
    if message is not None or book is not None:
        shorter = paths[0] if message is None else paths[1]
        raise ImportRefusedError(f"{shorter}: fewer lines than the other file has: download both again")


def _rest(table: Table, count: int) -> Table | None:
    if count == len(table):
        return None
    return Table({name: one.slice(count) for name, one in table.columns.items()}, table.lines[count:])


def _rows(of: Parser, books: Snapshots, midnight_ns: int) -> Iterator[Rows]:
    """Of each message: its print, the book's changes, the state of a halt."""
    seconds, bad = numbers.fixed(of.table.columns["time"], numbers.UNITS["s"])
    of.refuse("time", bad | (seconds < 0) | (seconds >= 2 * 86_400 * 10**9), "is no time in seconds after midnight")
    kind, size, direction = of.whole("type"), of.size("size"), of.signed("direction", 0)
    of.refuse("type", ~of.bad & ~np.isin(kind, TYPES), "is no type of LOBSTER, expected 1 to 7")
    of.refuse("type", ~of.bad & (kind == CROSS), "is a cross trade, which has no aggressor")
    halt = kind == HALT
    raw = of.signed("price", 0)
    price = _price(of, raw, "price", ~halt)
    of.refuse("price", ~of.bad & ~halt & (price <= 0), "is zero or negative")
    of.refuse("direction", ~of.bad & ~halt & ~np.isin(direction, (-1, 1)), "is no direction, expected -1 or 1")
    levels = [_level(of, name, side, level) for level in range(books.depth) for name, side in (("ask", -1), ("bid", 1))]
    time, good, lines = midnight_ns + seconds, ~of.bad, of.table.lines
    changes = books.changes(levels, time, time, good & ~halt, lines)
    states = _ticks(time[good & halt], TickKind.STATE)
    states["detail"] = np.where(raw[good & halt] == 1, BookState.GOOD, BookState.SHUT)
    yield _joined(changes, Rows("levels", of.one, states, lines[good & halt]))
    printed = good & np.isin(kind, (VISIBLE, HIDDEN)) & (size > 0)
    prints = _ticks(time[printed], TickKind.PRINT)
    prints["price"], prints["size"], prints["side"] = price[printed], size[printed], -direction[printed]
    yield Rows("ticks", of.one, prints, lines[printed])


def _joined(changes: Rows, states: Rows) -> Rows:
    """The rows of both in the order of their lines."""
    rows, lines = np.concatenate([changes.rows, states.rows]), np.concatenate([changes.lines, states.lines])
    order = np.argsort(lines, kind="stable")
    return Rows("levels", changes.one, rows[order], lines[order])


def _level(of: Parser, name: str, side: int, level: int) -> tuple[int, Array, Array]:
    column = f"{name}_price_{level}"
    raw, size = of.signed(column, 0), of.size(f"{name}_size_{level}")
    known = np.abs(raw) != NO_PRICE
    return side, np.where(known, _price(of, raw, column, known), 0), np.where(known, size, 0)


def _price(of: Parser, raw: Array, name: str, known: Array) -> Array:
    """Prices at the instrument's decimals; one that is finer is refused."""
    decimals = of.one.price_decimals - PRICE_DECIMALS
    times, parts = 10 ** max(0, decimals), 10 ** max(0, -decimals)
    of.refuse(name, known & ~of.bad & (raw % parts != 0), f"has more than {of.one.price_decimals} decimals")
    price: Array = raw * times // parts
    return price


def _ticks(time: Array, kind: TickKind) -> Array:
    rows = np.zeros(len(time), TICK.dtype)
    rows["venue_ns"] = rows["receive_ns"] = rows["publish_ns"] = time
    rows["kind"], rows["flags"] = kind, Flag.LAST
    return rows

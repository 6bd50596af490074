"""Columns of text as records of the engine's lanes, with the exact numbers.

    trades   time, price, size, side                  prints of TICKS
    quotes   time, bid_price, bid_size, ask_…         the best of each side, of TICKS
    levels   time, side, price, size                  changes of LEVELS
    bars     time, open, high, low, close, volume     BARS
    bands    time, percent, depth, notional           the kind depth_bands: how much lies within a distance of the price

A row with a value that cannot be is refused with its line; the rest of the file is read.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from engine.imports import numbers
from engine.imports.errors import ImportRefusedError
from engine.imports.listing import Listed
from engine.imports.report import Refusals
from engine.imports.tables import Array, Table
from engine.model.aggregates import BAR
from engine.model.records import TICK
from engine.model.words import BUY, SELL, BarFlag, BookState, Flag, TickKind
from shm.record import Record

SIDES = {
    "buy": BUY, "b": BUY, "bid": BUY, "bids": BUY, "1": BUY, "+1": BUY,
    "sell": SELL, "s": SELL, "a": SELL, "ask": SELL, "asks": SELL, "-1": SELL,
}  # fmt: skip
TRUE, FALSE = ("true", "1", "t", "yes", "snap"), ("false", "0", "f", "no", "set", "update", "delete")
PERCENT_DECIMALS = 2
SHOWN = 200
SECOND_NS = 10**9
SKEW_NS = 60 * SECOND_NS  # a time of receipt so far before the venue's is a mistake, not a clock's error
BAND: "Record[Any]" = Record(
    "depth_band", 64,
    {"publish_ns": "i8", "receive_ns": "i8", "venue_ns": "i8", "size": "i8", "notional_high": "i8",
     "notional_low": "u8", "percent_hundredths": "i4", "instrument": "u4", "spare": "1u8"},
)  # fmt: skip
NEEDED = {
    "trades": ("time", "price", "size"),
    "quotes": ("time", "bid_price", "bid_size", "ask_price", "ask_size"),
    "levels": ("time", "side", "price", "size"),
    "bars": ("time", "open", "high", "low", "close", "volume"),
    "bands": ("time", "percent", "depth", "notional"),
}
OPTIONAL = {
    "trades": ("side", "buyer_maker", "id", "receive", "symbol"),
    "quotes": ("id", "receive", "symbol"),
    "levels": ("snapshot", "sequence", "receive", "symbol"),
    "bars": ("close_time", "count", "bought", "notional", "symbol"),
    "bands": ("symbol",),
}
KINDS = {"trades": "ticks", "quotes": "ticks", "levels": "levels", "bars": "bars", "bands": "depth_bands"}


class Units(NamedTuple):
    """How the times of a file are written."""

    time: str  # s, ms, us, ns, iso
    interval_ns: int = 0  # of bars without a close_time


class Rows(NamedTuple):
    """Records of one instrument in one kind, each with its line."""

    kind: str
    one: Listed
    rows: Array
    lines: Array


class Parser:
    """Reads the columns of one table for one instrument; a row is refused for the first column that is wrong."""

    def __init__(self, table: Table, one: Listed, units: Units, refusals: Refusals) -> None:
        """Begin with every row good."""
        self.table, self.one, self.units, self._refusals = table, one, units, refusals
        self.bad = np.zeros(len(table), bool)

    def has(self, name: str) -> bool:
        """Whether the file has a column."""
        return name in self.table.columns

    def refuse(self, name: str, wrong: Array, text: str | Callable[[str | None], str]) -> None:
        """Refuse the rows that are wrong."""
        column = self.table.columns[name]
        for place in np.flatnonzero(wrong & ~self.bad).tolist():
            value = column[place].as_py()
            why = text if isinstance(text, str) else text(value)
            self._refusals.add(int(self.table.lines[place]), name, value, why)
        self.bad |= wrong

    def price(self, name: str, least: int = 1) -> Array:
        """A column of prices."""
        return self._number(name, self.one.price_decimals, least)

    def size(self, name: str, least: int = 0) -> Array:
        """A column of sizes."""
        return self._number(name, self.one.size_decimals, least)

    def whole(self, name: str) -> Array:
        """A column of whole numbers of at least 0."""
        return self._number(name, 0, 0)

    def signed(self, name: str, decimals: int) -> Array:
        """A column of numbers that may be negative."""
        return self._number(name, decimals, -(1 << 62))

    def wide(self, name: str, decimals: int) -> tuple[Array, Array]:
        """A column of numbers of 128 bits, of at least 0: the high and the low half."""
        low, high, bad = numbers.words(self.table.columns[name], decimals)
        self.refuse(name, bad, lambda text: numbers.reason(text, decimals))
        self.refuse(name, ~bad & (high < 0), "is negative")
        return high, low.view("u8")

    def time(self, name: str) -> Array:
        """A column of times."""
        unit = self.units.time
        ns, bad = numbers.times(self.table.columns[name], unit)
        self.refuse(name, bad, lambda text: numbers.time_reason(text, unit))
        return ns

    def side(self, name: str) -> Array:
        """A column of sides."""
        found = self._words(name, SIDES)
        self.refuse(name, found == 0, "is no side, expected buy, sell, bid or ask")
        return found

    def flag(self, name: str) -> Array:
        """A column of true and false."""
        found = self._words(name, dict.fromkeys(TRUE, 1) | dict.fromkeys(FALSE, -1))
        self.refuse(name, found == 0, "is neither true nor false")
        return found > 0

    def _number(self, name: str, decimals: int, least: int) -> Array:
        values, bad = numbers.fixed(self.table.columns[name], decimals)
        self.refuse(name, bad, lambda text: numbers.reason(text, decimals))
        self.refuse(name, ~bad & (values < least), "is negative" if least == 0 else "is zero or negative")
        return values

    def _words(self, name: str, known: Mapping[str, int]) -> Array:
        """A column of few words as numbers; 0 for another word."""
        encoded = self.table.columns[name].dictionary_encode()
        values = [known.get((one or "").strip().lower(), 0) for one in encoded.dictionary.to_pylist()]
        places = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
        found: Array = np.array([*values, 0], "i1")[places]
        return found


def rows_of(shape: str, table: Table, one: Listed, units: Units, refusals: Refusals) -> list[Rows]:
    """The records of a table of one instrument."""
    parser = Parser(table, one, units, refusals)
    rows, lines = SHAPES[shape](parser)
    return [Rows(KINDS[shape], one, rows, lines)]


def check_columns(shape: str, columns: Mapping[str, str], found: list[str], path: object) -> None:
    """Refuse a mapping that lacks a column, or names one that the shape or the file does not have."""
    every, names = (*NEEDED[shape], *OPTIONAL[shape]), _shown(found)
    for name, theirs in columns.items():
        if name not in every:
            raise ImportRefusedError(f"--columns {name}={theirs}: {shape} have no {name!r}: {', '.join(every)}")
        if theirs not in found:
            raise ImportRefusedError(f"{path}: no column {theirs!r}, found {names}: --columns {name}=NAME")
    missing = [name for name in NEEDED[shape] if name not in columns]
    if shape == "trades" and not {"side", "buyer_maker"} & columns.keys():
        missing.append("side")
    if missing:
        raise ImportRefusedError(
            f"{path}: {shape} need the column {missing[0]!r}, found {names}: --columns {missing[0]}=NAME"
        )


def _shown(names: list[str]) -> str:
    """Names of columns, or the beginning of a file that has none."""
    text = ", ".join(names)[:SHOWN]
    return "".join(letter if letter.isprintable() and letter != "\ufffd" else "?" for letter in text)


def _trades(of: Parser) -> tuple[Array, Array]:
    time, price, size = of.time("time"), of.price("price"), of.size("size", 1)
    side = of.side("side") if of.has("side") else np.where(of.flag("buyer_maker"), SELL, BUY)
    rows = _ticks(of, time, TickKind.PRINT)
    rows["price"], rows["size"], rows["side"], rows["flags"] = price, size, side, Flag.LAST
    if of.has("id"):  # an id that is no number is left out: such prints are compared as a whole
        rows["detail"] = numbers.fixed(of.table.columns["id"], 0)[0]
    return rows[~of.bad], of.table.lines[~of.bad]


def _quotes(of: Parser) -> tuple[Array, Array]:
    """Two rows each: the best bid, then the best ask, which ends the event. A side without a price is empty."""
    time = of.time("time")
    pair = np.repeat(_ticks(of, time, TickKind.BEST), 2).reshape(-1, 2)
    for place, (name, side) in enumerate((("bid", BUY), ("ask", SELL))):
        of = _with_zeros(of, f"{name}_price", f"{name}_size")
        pair["price"][:, place], pair["size"][:, place] = of.price(f"{name}_price", 0), of.size(f"{name}_size")
        pair["side"][:, place] = side
    pair["flags"][:, 1] = Flag.LAST
    if of.has("id"):
        pair["venue_sequence"] = of.whole("id")[:, None]
    return pair[~of.bad].reshape(-1), np.repeat(of.table.lines[~of.bad], 2)


def _levels(of: Parser) -> tuple[Array, Array]:
    """Changes; a snapshot begins with a STATE that empties the book. `detail` and LAST are set in the order of time."""
    time, side, price, size = of.time("time"), of.side("side"), of.price("price"), of.size("size")
    rows = _ticks(of, time, TickKind.LEVEL)
    rows["side"], rows["price"], rows["size"] = side, price, size
    if of.has("sequence"):
        rows["venue_sequence"] = of.whole("sequence")
    if of.has("snapshot"):
        rows["flags"] = np.where(of.flag("snapshot"), Flag.SNAPSHOT, 0)
    return rows[~of.bad], of.table.lines[~of.bad]


def _bars(of: Parser) -> tuple[Array, Array]:
    rows = np.zeros(len(of.table), BAR.dtype)
    rows["start_ns"] = of.time("time")
    if of.has("close_time"):
        rows["publish_ns"] = _end(of.time("close_time"), 10 ** numbers.UNITS.get(of.units.time, 6))
        rows["interval_ns"] = rows["publish_ns"] - rows["start_ns"]
        of.refuse("close_time", ~of.bad & (rows["interval_ns"] <= 0), "is not after the bar's time")
    else:
        rows["interval_ns"] = of.units.interval_ns
        rows["publish_ns"] = rows["start_ns"] + of.units.interval_ns
        of.refuse("time", ~of.bad & (rows["start_ns"] % max(1, of.units.interval_ns) != 0),
                  "is not a multiple of the interval")  # fmt: skip
    for name in ("open", "high", "low", "close"):
        rows[name] = of.price(name)
    inside = (rows["low"] <= np.minimum(rows["open"], rows["close"])) & (
        rows["high"] >= np.maximum(rows["open"], rows["close"])
    )
    of.refuse("high", ~of.bad & ~inside, "and low do not hold open and close between them")
    price, size = of.one.price_decimals, of.one.size_decimals
    for name, decimals in (("volume", size), ("bought", size), ("notional", price + size)):
        if of.has(name):
            rows[f"{name}_high"], rows[f"{name}_low"] = of.wide(name, decimals)
    if of.has("count"):
        rows["count"] = of.whole("count")
    rows["price_decimals"], rows["size_decimals"] = price, size
    empty = (rows["volume_low"] == 0) & (rows["volume_high"] == 0)
    rows["flags"] = np.where(empty, BarFlag.CLOSED | BarFlag.EMPTY, BarFlag.CLOSED)
    return rows[~of.bad], of.table.lines[~of.bad]


def _end(close: Array, unit_ns: int) -> Array:
    """The end of bars: some files have the last unit of time that is in a bar, as 12:00:59.999."""
    return np.where((close + unit_ns) % SECOND_NS == 0, close + unit_ns, close)


def _bands(of: Parser) -> tuple[Array, Array]:
    rows = np.zeros(len(of.table), BAND.dtype)
    rows["publish_ns"] = rows["receive_ns"] = rows["venue_ns"] = of.time("time")
    rows["percent_hundredths"] = of.signed("percent", PERCENT_DECIMALS)
    rows["size"] = of.size("depth")
    decimals = of.one.price_decimals + of.one.size_decimals
    rows["notional_high"], rows["notional_low"] = of.wide("notional", decimals)
    return rows[~of.bad], of.table.lines[~of.bad]


def _ticks(of: Parser, time: Array, kind: TickKind) -> Array:
    """Ticks with their times: a file without a time of receipt has the venue's in its place."""
    rows = np.zeros(len(of.table), TICK.dtype)
    receive = of.time("receive") if of.has("receive") else time
    of.refuse("receive" if of.has("receive") else "time", ~of.bad & (receive < time - SKEW_NS),
              "is over a minute before the venue's time")  # fmt: skip
    rows["venue_ns"], rows["receive_ns"], rows["publish_ns"], rows["kind"] = time, receive, receive, kind
    return rows


def _with_zeros(of: Parser, *names: str) -> Parser:
    """An empty field of a quote is an empty side."""
    for name in names:
        of.table.columns[name] = of.table.columns[name].fill_null("0")
    return of


def reset(at: Array) -> Array:
    """The record that empties a book before the first level of a snapshot."""
    row = at.copy()
    for name in ("price", "size", "side", "venue_sequence"):
        row[name] = 0
    row["kind"], row["detail"], row["flags"] = TickKind.STATE, BookState.GOOD, Flag.RESET | Flag.SNAPSHOT
    return row


SHAPES: dict[str, Callable[[Parser], tuple[Array, Array]]] = {
    "trades": _trades, "quotes": _quotes, "levels": _levels, "bars": _bars, "bands": _bands,
}  # fmt: skip


def dtype_of(kind: str) -> Record[Any]:
    """The record of a kind."""
    records: dict[str, Record[Any]] = {"ticks": TICK, "levels": TICK, "bars": BAR, "depth_bands": BAND}
    return records[kind]

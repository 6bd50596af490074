"""Binance's public archives (data.binance.vision): klines, trades, aggTrades, bookTicker, bookDepth and depth.

    <SYMBOL>-<interval>-<date>      klines          <SYMBOL>-bookTicker-<date>       quotes
    <SYMBOL>-trades-<date>          trades          <SYMBOL>-bookDepth-<date>        bands: sizes within some percent
    <SYMBOL>-aggTrades-<date>       trades          …depth_update…, …depth_snap…     levels

The changes of a book are read with the snapshot beside them. A zip or a csv, with a header or without: the columns are
known by their places. Times are milliseconds; of spot since 2025-01-01 they are microseconds. A file whose times have
the other unit is refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.imports.errors import ImportRefusedError
from engine.imports.formats.layout import Layout, read_tables
from engine.imports.listing import Listing
from engine.imports.numbers import NAMES, fixed, unit_of
from engine.imports.report import Refusals, Report
from engine.imports.shapes import Rows
from engine.imports.source import Source
from engine.imports.tables import Table, first_line, is_header, read_csv, renamed

MICROSECONDS_SINCE_NS = 1_735_689_600 * 10**9  # 2025-01-01
MARKETS = ("spot", "um", "cm")
TRADES = ("id", "price", "size", "quote_size", "time", "buyer_maker", "best_match")
AGGREGATED = ("id", "price", "size", "first_id", "last_id", "time", "buyer_maker", "best_match")
KLINES = (
    "time", "open", "high", "low", "close", "volume", "close_time", "notional", "count", "bought", "bought_notional",
    "ignore",
)  # fmt: skip
TICKER = ("id", "bid_price", "bid_size", "ask_price", "ask_size", "time", "receive")
BANDS = ("time", "percent", "depth", "notional")
DEPTH = ("symbol", "time", "first_sequence", "sequence", "side", "snapshot", "price", "size", "before_sequence")
FILES = (
    (r"(?P<symbol>[A-Z0-9_]+)-trades-", "trades", TRADES, 6),
    (r"(?P<symbol>[A-Z0-9_]+)-aggTrades-", "trades", AGGREGATED, 7),
    (r"(?P<symbol>[A-Z0-9_]+)-bookTicker-", "quotes", TICKER, 7),
    (r"(?P<symbol>[A-Z0-9_]+)-bookDepth-", "bands", BANDS, 4),
    (r"(?P<symbol>)(?:.*depth_(?:update|snap)|.*_T_DEPTH|.*_S_DEPTH)", "levels", DEPTH, 8),
    (r"(?P<symbol>[A-Z0-9_]+)-[0-9]+(?:s|m|h|d|w|mo)-", "bars", KLINES, 11),
)
USED = {
    "trades": ("time", "price", "size", "buyer_maker", "id"),
    "quotes": ("time", "bid_price", "bid_size", "ask_price", "ask_size", "id", "receive"),
    "bands": BANDS,
    "levels": ("symbol", "time", "side", "price", "size", "snapshot", "sequence"),
    "bars": ("time", "open", "high", "low", "close", "volume", "close_time", "count", "bought", "notional"),
}


class Binance:
    """One archive."""

    complete = snapshots_join = False

    def __init__(self, listing: Listing, venue: str = "", market: str = "") -> None:
        """`market`: spot, um or cm; "": by the file's path, else either unit of time is read."""
        if market and market not in MARKETS:
            raise ImportRefusedError(f"--market {market!r}: expected one of {', '.join(MARKETS)}")
        self._listing, self._venue, self._market = listing, venue, market
        self.options = {"format": "binance", "venue": venue, "market": market}

    def read(self, source: Source, refusals: Refusals, report: Report) -> Iterator[list[Rows]]:
        """Read an archive."""
        shape, symbol, _ = _kind_of(source.path)
        layout = Layout(shape, "iso" if shape == "bands" else "", venue=self._venue, symbol=symbol)
        first, *more = (self._tables(path, refusals) for path in source.paths)
        tables = _after_snapshot(first, more[0], refusals, report) if more else first
        yield from read_tables(tables, layout, self._listing, refusals, report)

    def _tables(self, path: Path, refusals: Refusals) -> Iterator[Table]:
        """The columns of one file that we use."""
        shape, _, names = _kind_of(path)
        fields = first_line(path)
        columns = _columns(path, names, len(fields))
        market = self._market or next((one for one in path.resolve().parts if one in MARKETS), "")
        used = {name: name for name in USED[shape] if name in columns}
        if market == "cm":  # its klines count contracts, and have the base asset in the place of the quote
            used.pop("notional", None)
        tables = read_csv(path, refusals, columns, header=is_header(fields))
        return _checked(renamed(tables, used), path, market)


def files_of(path: Path) -> tuple[Path, ...]:
    """The files of one import: the changes of a book with the snapshot beside them, else the file alone."""
    beside = path.with_name(path.name.replace("depth_update", "depth_snap"))
    if "depth_snap" in path.name:
        raise ImportRefusedError(f"{path}: a snapshot is imported with its changes: name the file with depth_update")
    return (beside, path) if beside != path and beside.is_file() else (path,)


def _after_snapshot(
    snapshot: Iterator[Table], changes: Iterator[Table], refusals: Refusals, report: Report
) -> Iterator[Table]:
    """The snapshot, then the changes without those that it contains already."""
    newest: dict[str, int] = {}
    for table in snapshot:
        numbered = zip(
            table.columns["symbol"].to_pylist(), fixed(table.columns["sequence"], 0)[0].tolist(), strict=True
        )
        for symbol, sequence in numbered:
            newest[symbol] = max(newest.get(symbol, 0), sequence)
        yield table
    for table in changes:
        symbols = table.columns["symbol"].to_pylist()
        least = np.array([newest.get(symbol, 0) for symbol in symbols], "i8")
        sequence, bad = fixed(table.columns["sequence"], 0)
        old = ~bad & (sequence <= least)
        for place in np.flatnonzero(old).tolist():
            refusals.add(int(table.lines[place]), "sequence", str(sequence[place]), "is in the snapshot already")
        report.read += int(old.sum())
        yield table.of(np.flatnonzero(~old)) if old.any() else table


def _kind_of(path: Path) -> tuple[str, str, tuple[str, ...]]:
    """What a file has, by its name: the shape, the symbol, the columns."""
    for pattern, shape, columns, _ in FILES:
        if found := re.match(pattern, path.name):
            return shape, found["symbol"], columns
    raise ImportRefusedError(
        f"{path}: the name is not one of Binance's archives: expected SYMBOL-1m-DATE, SYMBOL-trades-DATE,"
        " SYMBOL-aggTrades-DATE, SYMBOL-bookTicker-DATE, SYMBOL-bookDepth-DATE, or a name with depth_update or"
        " depth_snap; read another file by --format csv"
    )


def _columns(path: Path, names: tuple[str, ...], count: int) -> tuple[str, ...]:
    least = next(least for _, _, columns, least in FILES if columns is names)
    if not least <= count <= len(names):
        raise ImportRefusedError(f"{path}: {count} columns, expected {least} to {len(names)}: {', '.join(names)}")
    return names[:count]


def _checked(tables: Iterator[Table], path: Path, market: str) -> Iterator[Table]:
    """Tables whose first time has the unit that the market has at that time."""
    first = True
    for table in tables:
        if first and market and len(table):
            _check_unit(str(table.columns["time"][0].as_py()), path, market)
        first = False
        yield table


def _check_unit(text: str, path: Path, market: str) -> None:
    unit = unit_of(text)
    if unit not in ("ms", "us"):
        return
    import pyarrow as pa  # noqa: PLC0415 - one number

    at_ns = int(fixed(pa.array([text]), {"ms": 6, "us": 3}[unit])[0][0])
    expected = "us" if market == "spot" and at_ns >= MICROSECONDS_SINCE_NS else "ms"
    if unit != expected:
        raise ImportRefusedError(
            f"{path}: time {text} is in {NAMES[unit]}, expected {NAMES[expected]} of {market} at that time: this is not"
            " the archive as published, or --market is wrong"
        )

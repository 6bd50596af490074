"""CSV files of Tardis: incremental_book_L2, trades, quotes, book_snapshot_5 and _25, each with its header.

Times are microseconds: `timestamp` of the exchange, `local_timestamp` of receipt. The exchange is our venue, unless
`--venue` names another. Rows with one `local_timestamp` are one message.
"""

from collections.abc import Iterator
from pathlib import Path

from engine.imports.errors import ImportRefusedError
from engine.imports.formats.layout import EXCHANGE, Layout, by_instrument, read_tables
from engine.imports.formats.snapshots import Snapshots
from engine.imports.listing import Listing
from engine.imports.report import Refusals, Report
from engine.imports.shapes import Parser, Rows, Units
from engine.imports.source import Source
from engine.imports.tables import first_line, read_csv, renamed

COMMON = {"symbol": "symbol", EXCHANGE: "exchange", "time": "timestamp", "receive": "local_timestamp"}
TABLES = {
    "levels": {"snapshot": "is_snapshot", "side": "side", "price": "price", "size": "amount"},
    "trades": {"id": "id", "side": "side", "price": "price", "size": "amount"},
    "quotes": {"bid_price": "bid_price", "bid_size": "bid_amount", "ask_price": "ask_price", "ask_size": "ask_amount"},
}
UNIT = "us"
PARTS = (("price", "price"), ("size", "amount"))


class Tardis:
    """One file."""

    complete, snapshots_join = False, True  # a book is discarded where a snapshot follows a change

    def __init__(self, listing: Listing, venue: str = "") -> None:
        """`venue`: in place of the exchange."""
        self._listing, self._venue = listing, venue
        self.options = {"format": "tardis", "venue": venue}

    def read(self, source: Source, refusals: Refusals, report: Report) -> Iterator[list[Rows]]:
        """Read a file by its header."""
        found = first_line(source.path)
        if "asks[0].price" in found:
            yield from self._read_snapshots(source.path, found, refusals, report)
            return
        shape = next((one for one, columns in TABLES.items() if {*columns.values()} <= {*found}), "")
        if not shape or not {*COMMON.values()} <= {*found}:
            raise ImportRefusedError(
                f"{source.path}: the header {','.join(found)!r} is none of incremental_book_L2, trades, quotes,"
                " book_snapshot_5, book_snapshot_25 of Tardis"
            )
        tables = renamed(read_csv(source.path, refusals), COMMON | TABLES[shape])
        layout = Layout(shape, UNIT, venue=self._venue)
        yield from read_tables(tables, layout, self._listing, refusals, report)

    def _read_snapshots(self, path: Path, found: list[str], refusals: Refusals, report: Report) -> Iterator[list[Rows]]:
        depth = sum(one.startswith("asks[") and one.endswith(".price") for one in found)
        names = {
            f"{side}_{what}_{level}": f"{side}s[{level}].{theirs}"
            for level in range(depth) for side in ("bid", "ask") for what, theirs in PARTS
        }  # fmt: skip
        if missing := [one for one in (*COMMON.values(), *names.values()) if one not in found]:
            raise ImportRefusedError(f"{path}: the header has no {missing[0]!r}, expected {depth} levels a side")
        books: dict[str, Snapshots] = {}
        for table in renamed(read_csv(path, refusals), COMMON | names):
            report.read += len(table)
            pieces = []
            for one, part in by_instrument(table, Layout("levels", UNIT, venue=self._venue), self._listing, refusals):
                parser = Parser(part, one, Units(UNIT), refusals)
                pieces.append(books.setdefault(one.name, Snapshots(one, depth)).rows(parser))
            yield pieces
        report.read += refusals.lines

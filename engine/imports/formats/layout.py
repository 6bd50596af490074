"""Files that are one table: where each of our columns is, and how its times are written."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from engine.imports.errors import ImportRefusedError
from engine.imports.listing import Listed, Listing
from engine.imports.numbers import NAMES, unit_of
from engine.imports.report import Refusals, Report
from engine.imports.shapes import Rows, Units, rows_of
from engine.imports.tables import Table

EXCHANGE = "exchange"  # our name of a column with the venue


class Layout(NamedTuple):
    """One table."""

    shape: str
    unit: str = ""  # of its times; "": found from the first row
    interval_ns: int = 0
    venue: str = ""
    symbol: str = ""  # of every row; "": the column symbol, or the one instrument that is given


def read_tables(
    tables: Iterator[Table], layout: Layout, listing: Listing, refusals: Refusals, report: Report
) -> Iterator[list[Rows]]:
    """The rows of tables that have our names of columns."""
    first = next(tables, None)
    if first is None:
        return
    units = Units(layout.unit or _found_unit(first), layout.interval_ns)
    for table in chain([first], tables):
        report.read += len(table)
        yield [
            rows for one, part in by_instrument(table, layout, listing, refusals)
            for rows in rows_of(layout.shape, part, one, units, refusals)
        ]  # fmt: skip
    report.read += refusals.lines


def by_instrument(table: Table, layout: Layout, listing: Listing, refusals: Refusals) -> Iterator[tuple[Listed, Table]]:
    """The rows of each instrument; those of an unknown symbol are refused."""
    if layout.symbol or "symbol" not in table.columns:
        yield _one(layout, listing), table
        return
    encoded = [table.columns[name].dictionary_encode() for name in ("symbol", EXCHANGE) if name in table.columns]
    codes = np.stack([one.indices.fill_null(-1).to_numpy(zero_copy_only=False) for one in encoded])
    for code in np.unique(codes, axis=1).T.tolist():
        places = np.flatnonzero((code == codes.T).all(axis=1))
        name = [one.dictionary[at].as_py() if at >= 0 else "" for one, at in zip(encoded, code, strict=True)]
        symbol, venue = name[0], layout.venue or (name[1] if len(name) > 1 else "")
        one = listing.find(symbol, venue)
        if one is not None:
            yield one, table if len(places) == len(table) else table.of(places)
            continue
        for line in table.lines[places].tolist():
            refusals.add(
                line, "symbol", symbol, f"{f'{venue}:' * bool(venue)}{symbol} is unknown, expected an --instrument"
            )


def _one(layout: Layout, listing: Listing) -> Listed:
    if not layout.symbol:
        return listing.only()
    found = listing.find(layout.symbol, layout.venue)
    if found is None:
        name = f"{layout.venue or 'VENUE'}:{layout.symbol}"
        raise ImportRefusedError(f"{name} is unknown: give its steps: --instrument {name},price=0.01,size=0.00001")
    return found


def _found_unit(table: Table) -> str:
    texts = (one for one in table.columns["time"].to_pylist() if one)
    text = next(texts, "")
    if not (found := unit_of(text)):
        units = ", ".join(f"{unit} ({name})" for unit, name in NAMES.items())
        raise ImportRefusedError(
            f"line {table.lines[0]}: time {text!r} is no time in the years 2000 to 2099 in any unit: {units}"
        )
    return found


def described(layout: Layout, **more: Any) -> dict[str, Any]:
    """What the rows depend on, for the identity of an import."""
    return {**{name: value for name, value in layout._asdict().items() if value}, **more}

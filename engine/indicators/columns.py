"""The columns of an indicator, found by name in a table: a DataFrame, a structured array, records of a lane, a dict.

    over(Rsi(14), frame("demo", "books", "BTCUSDT"))    # a table of research: decimal numbers
    over(make("imbalance"), books)                      # BOOK_TOP records: raw integers, levels in sub-arrays

A row of a table is one row of the indicator, so a table has one instrument, one interval of bars, and of TICKS the
prints only. A row whose book is not GOOD is missing. Where the table has no such column:

    bid_size_3   the third element of `bid_size`
    price        the middle of `bid_price_1` and `ask_price_1`; or `close`
    volume       `volume_high` and `volume_low`, the halves of a bar's volume
    time_ns      `publish_ns`
"""

from typing import Any

import numpy as np

from engine.indicators.definition import Floats
from engine.indicators.indicator import Indicator
from engine.model.words import BookState, TickKind

Table = Any  # what answers table[name] with a column
Array = np.ndarray[Any, np.dtype[Any]]
ONE_EACH = ("instrument", "symbol", "interval_ns")


def over(indicator: Indicator, table: Table) -> Floats:
    """The indicator's value after each row of a table."""
    return indicator.over(*columns_of(indicator, table))


def columns_of(indicator: Indicator, table: Table) -> list[Array]:
    """The columns that the indicator reads, in its order."""
    names = _names(table)
    _refuse_mixed(table, names)
    columns = [_column(table, names, name) for name in indicator.inputs]
    if "state" not in names:
        return columns
    good = _is(table["state"], BookState.GOOD)
    return [np.where(good, column, np.nan) for column in columns]


def _refuse_mixed(table: Table, names: frozenset[str]) -> None:
    """An error if the rows are not of one kind: their values would be of no instrument."""
    for name in ONE_EACH:
        if name in names and len(found := np.unique(np.asarray(table[name]))) > 1:
            raise ValueError(f"the table has {len(found)} values of {name} ({found[:3]} …); select the rows of one")
    if "kind" in names and not (prints := _is(table["kind"], TickKind.PRINT)).all():
        raise ValueError(
            f"the table has {(~prints).sum()} ticks that are no prints; select the rows whose kind is print"
        )


def _column(table: Table, names: frozenset[str], name: str) -> Array:
    """One column: by its name, or from what it is made of."""
    if name in names:
        return np.asarray(table[name])
    base, _, level = name.rpartition("_")
    if base in names and level.isdecimal():
        return _level(np.asarray(table[base]), name, int(level))
    if name == "volume" and {"volume_high", "volume_low"} <= names:
        high, low = (np.asarray(table[f"volume_{half}"], np.float64) for half in ("high", "low"))
        return high * 2.0**64 + low
    if name == "time_ns" and "publish_ns" in names:
        return _nanoseconds(np.asarray(table["publish_ns"]))
    if name == "price":
        return _price(table, names)
    raise ValueError(f"the table has no column {name!r}; it has {', '.join(sorted(names))}")


def _level(levels: Array, name: str, level: int) -> Array:
    """One level of a record's sub-array."""
    if levels.ndim != 2 or not 1 <= level <= levels.shape[1]:  # noqa: PLR2004 - rows and levels
        raise ValueError(f"no column {name!r}: the table has levels of shape {levels.shape[1:]}")
    return np.asarray(levels[:, level - 1])


def _price(table: Table, names: frozenset[str]) -> Array:
    """The middle of the best levels, or the close."""
    if "close" in names:
        return np.asarray(table["close"])
    bid, ask = (_column(table, names, f"{side}_price_1").astype(np.float64) for side in ("bid", "ask"))
    return np.where((bid > 0) & (ask > 0), (bid + ask) / 2, np.nan)


def _nanoseconds(times: Array) -> Array:
    """Times of a table of research as integers."""
    return times.astype("M8[ns]").astype(np.int64) if times.dtype.kind == "M" else times


def _is(column: Any, word: TickKind | BookState) -> Array:
    """Which rows have a word: as its number, or as its name in a table of research."""
    values = np.asarray(column)
    return np.asarray(values == (word if values.dtype.kind in "iu" else word.name.lower()))


def _names(table: Table) -> frozenset[str]:
    """The names of a table's columns."""
    dtype = getattr(table, "dtype", None)
    found = dtype.names if dtype is not None else table.keys()
    if found is None:
        raise TypeError(f"an array of {dtype} has no named columns; expected a table, or call the indicator's `over`")
    return frozenset(map(str, found))

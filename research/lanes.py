"""A live lane as a table that a notebook can read: named columns, floats, symbols and times.

    from research.lanes import frame

    ticks = frame("demo", "ticks", "BTCUSDT")
    ticks["price"][ticks["kind"] == "print"].mean()      # the average price of one symbol's trades
    pandas.DataFrame(ticks)                              # pandas accepts a structured array

A lane holds integers with each instrument's own decimals, so a raw column mixes symbols and units. In the table prices,
sizes and fees are floats, instruments are symbols (`venue:symbol` if two venues have the same symbol), kinds and states
are words, and times are `datetime64[ns]`, NaT if the record has none. Each call copies and checks: records that the
writer overwrote during the copy are left out. A call has no effect on the engine: the lane is mapped read-only and
nothing is registered.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from engine import instruments
from engine.lanes import LOOKERS, lane_of, open_lanes
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.words import BookState, FillFlag, OrderState, TickKind

Records = np.ndarray[Any, np.dtype[Any]]
LANES = ("ticks", "books", "bars", "orders", "fills", "positions")
PRICES = frozenset({"price", "bid_price", "ask_price", "average_price", "mark_price", "limit_price"})
BAR_PRICES = frozenset({"open", "high", "low", "close"})
WIDE = ("volume", "bought", "late")  # of bars: 128 bits in two fields, at size decimals; `notional` at both
WIDE_FIELDS = frozenset(f"{name}_{half}" for name in (*WIDE, "notional") for half in ("high", "low"))
DURATIONS = ("interval_", "ttl_", "timeout_", "monotonic_", "beat_", "execution_silent_")
DECIMALS = ("price_decimals", "size_decimals", "holding_decimals")
HALF = float(1 << 64)
SIZES = frozenset({"size", "bid_size", "ask_size", "filled", "bought", "sold", "open_buy", "open_sell"})
FEES = frozenset({"fee", "fee_value", "fee_unvalued"})
WORDS = {("ticks", "kind"): TickKind, ("books", "state"): BookState, ("orders", "state"): OrderState}
TIMES = ("publish_ns", "now_ns", "receive_ns")  # by which records of several owners are ordered
EXACT = frozenset({"cost_high", "cost_low", "realised_high", "realised_low", "fees_high", "fees_low"})  # 128-bit halves


def frame(
    system: str, lane: str, symbol: str = "", *, last: int = 10_000, levels: int = 1, openings: bool = False
) -> Records:
    """The newest records of a lane, oldest first: a structured array with one element for each record.

    `last` is how many records are read; of these, `symbol` keeps one instrument's. `levels` is how many levels of a
    book are kept, in columns `bid_price_1`, `bid_size_1` and so on. `openings` keeps the opening records of FILLS,
    which are holdings from before the ring began and no trades (`FillFlag.OPENING`). POSITIONS has one row for each
    cell.
    """
    if lane not in LANES:
        raise ValueError(f"lane {lane!r}: expected one of {', '.join(LANES)}")
    expect_symbol(system, symbol)
    records = _newest(system, lane, last)
    return table(records, lane, instruments.read(open_lanes(system, LOOKERS)), symbol, levels, openings=openings)


def expect_symbol(system: str, symbol: str) -> None:
    """Refuse a symbol that the system does not have; "" is every symbol."""
    names = symbols(instruments.read(open_lanes(system, LOOKERS)))
    if symbol and symbol not in names.values():
        raise ValueError(f"no instrument {symbol!r} in {system}: expected one of {', '.join(sorted(names.values()))}")


def table(
    records: Records, lane: str, known: list[Instrument], symbol: str = "", levels: int = 1, *, openings: bool = False
) -> Records:
    """Records of a lane as `frame` shows them."""
    if lane == "fills" and not openings:
        records = records[records["flags"] & FillFlag.OPENING == 0]
    by_id, names = {one.id: one for one in known}, symbols(known)
    keep = np.isin(records["instrument"], [one for one in by_id if not symbol or names[one] == symbol])
    columns = _columns(records[keep], by_id, names, levels)
    for (of, name), alphabet in WORDS.items():
        if of == lane:
            words = {int(word): word.name.lower() for word in alphabet}
            columns[name] = np.array([words.get(int(one), str(one)) for one in columns[name]], "U16")
    return _structured(columns)


def symbols(known: list[Instrument]) -> dict[int, str]:
    """The name of each instrument: its symbol, or `venue:symbol` if two venues have the same symbol."""
    counts = Counter(one.symbol for one in known)
    return {one.id: one.symbol if counts[one.symbol] == 1 else f"{one.venue}:{one.symbol}" for one in known}


def _newest(system: str, lane: str, last: int) -> Records:
    """A checked copy of the newest records of every owner's ring, or of every written cell."""
    lanes = open_lanes(system, LOOKERS)
    if lane_of(lane).kind != "cells":
        return in_order([ring.latest(last) for _, ring in lanes.ring_readers(lane)])[-max(last, 1) :]
    every = [cells for _, cells in lanes.cell_readers(lane)]
    rows = [row for cells in every for index in range(cells.count) if (row := cells.read(index)) is not None]
    return np.array([tuple(row) for row in rows], lane_of(lane).record.dtype)


def in_order(parts: list[Records]) -> Records:
    """The records of every feed or execution, in the order of their times."""
    if len(parts) == 1:
        return parts[0]
    records: Records = np.concatenate(parts)
    time = next(name for name in TIMES if name in (records.dtype.names or ()))
    return records[np.argsort(records[time], kind="stable")]


def _columns(
    records: Records, known: Mapping[int, Instrument], names: Mapping[int, str], levels: int
) -> dict[str, Records]:
    """The records' fields as floats, names and times."""
    columns: dict[str, Records] = {"symbol": _of(records, names.__getitem__, "U49")}
    price_unit = _of(records, lambda one: 10.0 ** known[one].price_decimals, "f8")
    size_unit = _of(records, lambda one: 10.0 ** known[one].size_decimals, "f8")
    is_bar = "interval_ns" in (records.dtype.names or ())
    if is_bar:
        columns.update(_wide(records, price_unit, size_unit))
    for name in records.dtype.names or ():
        values = records[name]
        if name.startswith("spare") or name == "instrument" or name in EXACT | WIDE_FIELDS or name in DECIMALS:
            continue
        if name in PRICES or name in SIZES or (is_bar and name in BAR_PRICES):
            unit = size_unit if name in SIZES else price_unit
            columns.update(_levels(name, values, unit, levels))
        elif name in FEES:
            columns[name] = values / 10.0**FEE_DECIMALS
        elif name == "dust":
            decimals = (max(FEE_DECIMALS, known[int(one)].size_decimals) for one in records["instrument"])
            columns[name] = values / np.array([10.0**one for one in decimals])
        elif name.startswith(DURATIONS):
            columns[name.removesuffix("_ns")] = values.astype("m8[ns]")
        elif name.endswith("_ns"):
            columns[name] = np.where(values == 0, np.datetime64("NaT", "ns"), values.astype("M8[ns]"))
        elif values.dtype.kind == "S" and name.endswith("asset"):
            columns[name] = values.astype("U16")
        else:
            columns[name] = values
    return columns


def _wide(records: Records, price_unit: Records, size_unit: Records) -> dict[str, Records]:
    """The sums of bars, whose 128 bits are in two fields, as the nearest floats."""
    units = {**dict.fromkeys(WIDE, size_unit), "notional": price_unit * size_unit}
    return {
        name: (records[f"{name}_high"].astype("f8") * HALF + records[f"{name}_low"].astype("f8")) / unit
        for name, unit in units.items()
    }


def _of(records: Records, value: Callable[[int], Any], kind: str) -> Records:
    """A value for each record, computed from its instrument."""
    ids, places = np.unique(records["instrument"], return_inverse=True)
    return np.array([value(int(one)) for one in ids], kind)[places] if len(ids) else np.empty(0, kind)


def _levels(name: str, values: Records, unit: Records, levels: int) -> dict[str, Records]:
    """A column of numbers, or one column for each level of a book; a missing level is NaN."""
    if values.ndim == 1:
        return {name: values / unit}
    count = min(levels, values.shape[1])
    found = {f"{name}_{level + 1}": values[:, level] / unit for level in range(count)}
    return {key: np.where(column == 0, np.nan, column) for key, column in found.items()}


def _structured(columns: Mapping[str, Records]) -> Records:
    """The columns as one structured array."""
    table = np.empty(len(columns["symbol"]), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    return table

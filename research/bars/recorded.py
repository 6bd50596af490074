"""The history as an array of bars: those of a recorder, those that were imported, and those of a backfill."""

from pathlib import Path

import numpy as np

from engine.model.instrument import Instrument
from engine.model.words import BarFlag
from research.bars.bar import BAR, PRICES, Bars
from research.bars.source import length_of
from research.history import Moment, history

COLUMNS = ("start_ns", "interval_ns", "flags", *PRICES, "volume_high", "volume_low", "price_decimals", "size_decimals")


def from_history(
    one: Instrument, interval: str, start: Moment | None = None, end: Moment | None = None,
    *, system: str = "", directory: str | Path = "",
) -> Bars:  # fmt: skip
    """The closed bars of an instrument and interval (as "1m") that were known in [start, end).

    Bars without a print have no row, as `research.bars` expects it; bars that may miss prints (PARTIAL) are left out.
    """
    found = history(
        "bars", one.symbol, one.venue, start, end, columns=COLUMNS, system=system, directory=directory, floats=False
    )
    length = length_of(interval)
    parts = [_bars({name: np.array(batch.column(name)) for name in COLUMNS}, one, length) for batch in found]
    bars: Bars = np.concatenate([np.zeros(0, BAR), *parts])
    return bars[np.argsort(bars["start_ns"], kind="stable")]


def _bars(rows: dict[str, Bars], one: Instrument, length: int) -> Bars:
    unwanted = rows["flags"] & (BarFlag.EMPTY | BarFlag.PARTIAL) != 0
    places = np.flatnonzero((rows["interval_ns"] == length) & (rows["flags"] & BarFlag.CLOSED != 0) & ~unwanted)
    for name, decimals in (("price_decimals", one.price_decimals), ("size_decimals", one.size_decimals)):
        if (wrong := rows[name][places] != decimals).any():
            found = rows[name][places][wrong][0]
            raise ValueError(f"{one.symbol}: bars with {found} {name}, the instrument has {decimals}: give it those")
    if (rows["volume_high"][places] != 0).any():
        raise ValueError(f"{one.symbol}: a volume does not fit 64 bits")
    bars = np.zeros(len(places), BAR)
    for name in ("start_ns", *PRICES):
        bars[name] = rows[name][places]
    bars["volume"] = rows["volume_low"][places]
    return bars

"""Bars as one array: what the bar runs read, and the checks before them.

    start_ns │ open │ high │ low │ close │ volume        int64 fixed point, in the instrument's decimals

A bar holds the trades from `start_ns` to its end, which is one interval later and not part of it. An interval without
trades has no row.
"""

from typing import Any

import numpy as np

from engine.model.instrument import Instrument

Bars = np.ndarray[Any, np.dtype[Any]]
PRICES = ("open", "high", "low", "close")
BAR = np.dtype([("start_ns", "<i8"), *((name, "<i8") for name in PRICES), ("volume", "<i8")])
PRICE_MOST = 1 << 53  # of a price times a window: a mean of prices is then exact to its last bit
INTERVAL_LEAST_NS = 1_000


def check(bars: Bars, instrument: Instrument, interval_ns: int) -> None:
    """Refuse bars that a run cannot use; the error names the first wrong row."""
    if not isinstance(bars, np.ndarray) or bars.dtype != BAR or bars.ndim != 1:
        found = f"{type(bars).__name__} of {getattr(bars, 'dtype', '?')}"
        raise TypeError(f"bars: found {found}, expected a one-dimensional array of research.bars.BAR")
    if not isinstance(interval_ns, int) or interval_ns < INTERVAL_LEAST_NS:
        raise ValueError(f"interval_ns: found {interval_ns!r}, expected whole nanoseconds, at least a microsecond")
    if len(bars) < 2:  # noqa: PLR2004 - a decision at the close of one is filled at the open of the other
        raise ValueError(f"bars: found {len(bars)}, expected at least 2")
    for wrong, text in _rules(bars, instrument, interval_ns):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(f"bars: row {row}, {_shown(bars[row])}: {text}")
    least_ns = int(np.diff(bars["start_ns"]).min())
    if least_ns != interval_ns:
        msg = f"no two rows are {interval_ns} ns apart, the nearest are {least_ns}: give the bars' own length"
        raise ValueError(f"bars: {msg}, since a bar that is known before it has ended looks ahead")


def _rules(bars: Bars, one: Instrument, interval_ns: int) -> list[tuple[Any, str]]:
    """What is wrong with which rows, and what is expected."""
    prices = np.stack([bars[name] for name in PRICES])
    highest, lowest = prices.max(axis=0), prices.min(axis=0)
    gap_ns = np.diff(bars["start_ns"], prepend=bars["start_ns"][0] - interval_ns)
    return [
        (bars["start_ns"] <= 0, "expected start_ns in nanoseconds since 1970"),
        (gap_ns == 0, "the row before has the same start_ns: expected one row for each bar"),
        (gap_ns < 0, "the row before is later: sort the bars by their time"),
        (gap_ns < interval_ns, f"the row before has not ended: expected {interval_ns} ns between two rows, or more"),
        (lowest <= 0, "expected prices over 0"),
        ((prices % one.price_step != 0).any(axis=0), f"expected prices that are multiples of {one.price_step}"),
        (highest != bars["high"], "expected a high that no other price exceeds"),
        (lowest != bars["low"], "expected a low that no other price is below"),
        (bars["volume"] < 0, "expected a volume of 0 or more"),
    ]


def _shown(row: Any) -> str:
    """A row as an error shows it."""
    return ", ".join(f"{name} {row[name]}" for name in BAR.names or ())

"""Bars as the events of `research.simulate`, for a strategy that is run event by event over bars.

    open ──1/3──▶ low (high) ──2/3──▶ high (low) ──end - 1 ns──▶ close ──▶ the next open

Each of the four prices is a book: a bid `half` below it and an ask `half` above it, of any size. So an order that
crosses pays half a spread, and a resting order is filled at its own price when the bar trades `half` beyond it. A bar
is known at its end (`GivenBars`): an order that it causes meets the next open. Between two bars with a gap the book is
empty, so nothing is filled before the next open.
"""

import numpy as np

from engine.model.instrument import Instrument
from engine.model.words import BookState
from research.bars.bar import Bars
from research.simulate.data.events import EVENT, LAST, LEVEL, RESET, STATE, Events

DEPTH = 1 << 50  # a size that no order exhausts
PATHS = {"low_first": ("open", "low", "high", "close"), "high_first": ("open", "high", "low", "close")}
QUOTES, PARTS = 4, 3  # prices of a bar; parts of an interval between them


def tape(bars: Bars, one: Instrument, interval_ns: int, half: int, path: str = "low_first") -> Events:
    """The events of checked bars; `path` says which of a bar's extremes is first."""
    if path not in PATHS:
        raise ValueError(f"path: found {path!r}, expected one of {', '.join(PATHS)}")
    events, gaps = _quotes(bars, one, interval_ns, half, PATHS[path]), _gaps(bars, one, interval_ns)
    if not len(gaps):
        return events
    events = np.concatenate([events, gaps])
    return events[np.argsort(events["venue_ns"], kind="stable")]


def _quotes(bars: Bars, one: Instrument, interval_ns: int, half: int, path: tuple[str, ...]) -> Events:
    """A bid and an ask for each of the four prices."""
    prices = np.stack([bars[name] for name in path], axis=1).ravel()
    after_ns = np.array([0, interval_ns // PARTS, 2 * interval_ns // PARTS, interval_ns - 1])
    events = np.zeros((len(prices), 2), EVENT)
    events["venue_ns"] = (bars["start_ns"][:, None] + after_ns).reshape(-1, 1)
    events["side"], events["flags"] = (1, -1), (RESET, LAST)
    events["price"] = prices[:, None] - half * events["side"]
    events["receive_ns"], events["size"] = events["venue_ns"], DEPTH
    events["kind"], events["instrument"] = LEVEL, one.id
    return events.ravel()


def _gaps(bars: Bars, one: Instrument, interval_ns: int) -> Events:
    """States that empty the book at the end of a bar, and make it good again before the next open."""
    ends = bars["start_ns"][:-1] + interval_ns
    before = np.flatnonzero(ends < bars["start_ns"][1:])
    events = np.zeros((len(before), 2), EVENT)
    events["venue_ns"] = np.stack([ends[before], bars["start_ns"][before + 1] - 1], axis=1)
    events["size"], events["flags"] = (BookState.EMPTY, BookState.GOOD), (RESET | LAST, LAST)
    events["receive_ns"], events["kind"], events["instrument"] = events["venue_ns"], STATE, one.id
    return events.ravel()

"""Labels: what a model learns to predict, and from when its outcome is known.

    fixed         the return from a row to the last price known `horizon_ns` later
    barriers      +1 if the price first gains `up` widths, -1 if it first loses `down` widths, else 0
    trend         the t-value of the slope of the log price, over the span for which it is largest

Row i uses prices of [at_ns[i], known_ns[i]] only. Where the horizon runs past the last row the value is NaN, also if a
barrier was reached before: such rows would be a sample of early outcomes only.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Row = np.ndarray[Any, np.dtype[np.float64]]
Times = np.ndarray[Any, np.dtype[np.int64]]
NEVER = (1 << 63) - 1
CHUNK = 1 << 16  # windows of a span that are in memory at once


class Labels(NamedTuple):
    """A value for each row, NaN if its outcome is not known, and the time at which it is known."""

    value: Row
    known_ns: Times


def fixed(at_ns: Times, price: Row, horizon_ns: int) -> Labels:
    """The return over a horizon."""
    last = _ends(at_ns, price, horizon_ns)
    known = last >= 0
    value = np.full(len(price), np.nan)
    value[known] = price[last[known]] / price[known] - 1
    return Labels(value, np.where(known, at_ns + horizon_ns, NEVER))


def barriers(at_ns: Times, price: Row, width: Row | float, horizon_ns: int, *, up: float, down: float) -> Labels:
    """Which barrier the price reaches first; `width` is a part of the price, for example the volatility."""
    if not (up > 0 and down > 0):
        raise ValueError(f"barriers up = {up}, down = {down}: expected numbers of widths above 0")
    last = _ends(at_ns, price, horizon_ns)
    wide = np.broadcast_to(np.asarray(width, np.float64), price.shape)
    if (wide <= 0).any():
        raise ValueError(f"width {wide[wide <= 0][0]}: expected a part of the price above 0, or NaN for no label")
    known = (last >= 0) & np.isfinite(wide)
    value, ends = np.where(known, 0.0, np.nan), np.where(known, at_ns + horizon_ns, NEVER)
    high, low = price * (1 + up * wide), price * (1 - down * wide)
    open_rows = np.flatnonzero(known)
    ahead = 1
    while len(open_rows := open_rows[open_rows + ahead <= last[open_rows]]):
        then = price[open_rows + ahead]
        side = (then >= high[open_rows]).astype(np.float64) - (then <= low[open_rows])
        hit = side != 0
        value[open_rows[hit]] = side[hit]
        ends[open_rows[hit]] = at_ns[open_rows[hit] + ahead]
        open_rows = open_rows[~hit]
        ahead += 1
    return Labels(value, ends)


def trend(at_ns: Times, price: Row, spans: Sequence[int]) -> Labels:
    """The t-value of the trend over that of the spans (rows ahead) with the largest one.

    The choice compares every span, so its outcome is known at the end of the longest one, not of the chosen one.
    """
    if not spans or min(spans) < 2:  # noqa: PLR2004 - a slope and its error need three points
        raise ValueError(f"spans {list(spans)}: expected at least one, of 2 rows ahead or more")
    _check(at_ns, price)
    value, known = np.full(len(price), np.nan), np.full(len(price), NEVER, np.int64)
    rows = len(price) - max(spans)
    if rows > 0:
        every = np.stack([_slopes(np.log(price), span)[:rows] for span in spans])
        value[:rows] = np.take_along_axis(every, np.abs(every).argmax(axis=0)[None], axis=0)[0]
        known[:rows] = at_ns[max(spans) :]
    return Labels(value, known)


def _slopes(values: Row, span: int) -> Row:
    """The t-value of the slope from each row over the next `span` ones; 0 for a constant, infinite on a line."""
    windows = sliding_window_view(values, span + 1)
    place = np.arange(span + 1) - span / 2
    spread = float(place @ place)
    found = np.empty(len(windows))
    for start in range(0, len(windows), CHUNK):
        part = windows[start : start + CHUNK]
        part = part - part[:, :1]
        slope = part @ place / spread
        rest = part - part.mean(axis=1, keepdims=True) - slope[:, None] * place
        error = np.sqrt(np.einsum("ij,ij->i", rest, rest) / (span - 1) / spread)
        with np.errstate(divide="ignore", invalid="ignore"):
            found[start : start + CHUNK] = np.where(slope == 0, 0.0, slope / error)
    return found


def _ends(at_ns: Times, price: Row, horizon_ns: int) -> Times:
    """The last row of each row's horizon; -1 where it runs past the data."""
    _check(at_ns, price)
    if horizon_ns <= 0:
        raise ValueError(f"horizon {horizon_ns} ns: expected a time above 0")
    ends = at_ns + horizon_ns
    found: Times = np.where(ends <= at_ns[-1:], np.searchsorted(at_ns, ends, "right") - 1, -1)
    return found


def _check(at_ns: Times, price: Row) -> None:
    """Refuse rows that have no order, and prices that have no return."""
    if len(at_ns) != len(price):
        raise ValueError(f"{len(at_ns)} times and {len(price)} prices: expected as many")
    if len(at_ns) and (np.diff(at_ns) <= 0).any():
        at = int(np.flatnonzero(np.diff(at_ns) <= 0)[0]) + 1
        raise ValueError(f"row {at}: time {at_ns[at]} is not after {at_ns[at - 1]}: expected increasing times")
    bad = np.flatnonzero(~(np.isfinite(price) & (price > 0)))
    if len(bad):
        raise ValueError(f"row {bad[0]}: price {price[bad[0]]}: expected a finite price above 0")

"""A venue's trades and candles as the rows that the recorder writes: TICK of a print, and BAR.

No feed received them, so each of their times is the venue's: of a trade its own, of a candle its end, before which
no strategy could know it. A venue that had finer steps in the past gives more digits than the instrument has today:
then these rows have as many decimals as they need, and every reader finds them in the row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from engine.model.aggregates import BAR
from engine.model.fixed import to_fixed
from engine.model.instrument import Instrument
from engine.model.records import TICK
from engine.model.words import BarFlag, Flag, TickKind
from engine.recorder.part import Rows
from engine.venues.history import SECOND_NS, Candle, Trade

WORD_BITS = 64
PRICES = ("open", "high", "low", "close")


def tick_rows(trades: Sequence[Trade], instrument: Instrument) -> tuple[Rows, Instrument]:
    """Prints, and the instrument with the decimals that they have."""
    fitted = _fitted(instrument, (one.price for one in trades), (one.size for one in trades))
    rows = np.zeros(len(trades), TICK.dtype)
    rows["price"] = [to_fixed(one.price, fitted.price_decimals) for one in trades]
    rows["size"] = [to_fixed(one.size, fitted.size_decimals) for one in trades]
    rows["detail"] = rows["venue_sequence"] = [one.trade_id for one in trades]
    rows["receive_ns"] = rows["publish_ns"] = rows["venue_ns"] = [one.venue_ns for one in trades]
    rows["side"], rows["kind"], rows["flags"] = [one.side for one in trades], TickKind.PRINT, Flag.LAST
    rows["instrument"] = instrument.id
    return rows, fitted


def bar_rows(candles: Sequence[Candle], instrument: Instrument, interval_s: int) -> tuple[Rows, Instrument]:
    """Closed bars, and the instrument with their decimals. What the venue does not give is 0."""
    prices = (getattr(one, name) for one in candles for name in PRICES)
    fitted = _fitted(instrument, prices, (text for one in candles for text in (one.volume, one.bought or "0")))
    price, size = fitted.price_decimals, fitted.size_decimals
    rows = np.zeros(len(candles), BAR.dtype)
    for name in PRICES:
        rows[name] = [to_fixed(getattr(one, name), price) for one in candles]
    for name, decimals in (("volume", size), ("bought", size), ("notional", price + size)):
        wide = [int(Decimal(getattr(one, name) or "0").scaleb(decimals)) for one in candles]
        rows[f"{name}_high"] = [one >> WORD_BITS for one in wide]
        rows[f"{name}_low"] = [one % (1 << WORD_BITS) for one in wide]
    rows["start_ns"], rows["interval_ns"] = [one.start_ns for one in candles], interval_s * SECOND_NS
    rows["publish_ns"] = rows["start_ns"] + rows["interval_ns"]
    rows["count"], rows["instrument"] = [one.trades for one in candles], instrument.id
    rows["flags"] = [BarFlag.CLOSED | (0 if Decimal(one.volume) else BarFlag.EMPTY) for one in candles]
    rows["price_decimals"], rows["size_decimals"] = price, size
    return rows, fitted


def _fitted(instrument: Instrument, prices: Iterable[str], sizes: Iterable[str]) -> Instrument:
    """The instrument with at least as many decimals as these numbers need."""
    price, size = (max(map(_decimals, texts), default=0) for texts in (prices, sizes))
    return replace(
        instrument,
        price_decimals=max(price, instrument.price_decimals), size_decimals=max(size, instrument.size_decimals),
    )  # fmt: skip


def _decimals(text: str) -> int:
    """How many decimals a number needs: zeros at its end are none."""
    if "e" in text or "E" in text:
        text = f"{Decimal(text):f}"
    return len(text.partition(".")[2].rstrip("0"))

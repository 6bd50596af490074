"""Random bars, with gaps, equal prices and prices that jump between two bars."""

import numpy as np

from engine.model.instrument import Instrument
from research.bars import BAR

BTC = Instrument(1, "venue", "BTCUSDT", "BTC", "USDT", 2, 3, 1, 1, 1, 0, 0)
BEGIN_NS = 1_700_000_000_000_000_000 // 60_000_000_000 * 60_000_000_000
MINUTE_NS = 60_000_000_000


def bars(seed: int, count: int = 400, gaps: float = 0.05) -> np.ndarray:
    """Bars of one minute."""
    draw = np.random.default_rng(seed)
    table = np.zeros(count, BAR)
    minutes = np.cumsum(1 + (draw.random(count) < gaps) * draw.integers(1, 5, count))
    table["start_ns"] = BEGIN_NS + minutes * MINUTE_NS
    table["close"] = 10_000 + np.cumsum(draw.integers(-40, 41, count))
    table["open"] = np.append(10_000, table["close"][:-1]) + draw.integers(-9, 10, count)
    top, bottom = np.maximum(table["open"], table["close"]), np.minimum(table["open"], table["close"])
    table["high"], table["low"] = top + draw.integers(0, 30, count), bottom - draw.integers(0, 30, count)
    table["volume"] = draw.integers(0, 1_000, count)
    return table

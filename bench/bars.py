"""Bars a second: a moving-average cross with fees on arrays of bars, rows times parameter sets, on one core.

The bars are made of the bench's prints, one bar a print, as the peers' closes are. The time is the processor's time of
the whole call of `cross`, with the check of the bars; the median of the rounds counts.
"""

import time
from statistics import median
from typing import Any

import numpy as np

from bench.market import BTC
from research.bars import BAR, cross
from research.simulate import Fees
from research.simulate.data.events import PRINT, Events

ROWS, SETS, FIRST_SLOW = 1_000_000, 50, 60
MINUTE_NS = 60_000_000_000
FEES = Fees.flat("0.0002", "0.0005")


def bars_of(events: Events, rows: int = ROWS) -> Any:
    """One bar for each of the last prints, repeated up to the rows; each opens at the close before."""
    closes = np.resize(events["price"][events["kind"] == PRINT][-rows:], rows)
    bars = np.zeros(rows, BAR)
    bars["start_ns"] = (1 + np.arange(rows)) * MINUTE_NS
    bars["close"], bars["open"] = closes, np.append(closes[:1], closes[:-1])
    bars["high"], bars["low"] = np.maximum(bars["open"], closes), np.minimum(bars["open"], closes)
    return bars


def run(bars: Any) -> tuple[float, int]:
    """Bars a second, and the fills of all sets."""
    fast, slow = range(5, 5 + SETS), range(FIRST_SLOW, FIRST_SLOW + SETS)
    before = time.process_time()
    found = cross(bars, BTC, "1m", fast=fast, slow=slow, size="0.01", fees=FEES, half_spread_steps=1)
    return SETS * len(bars) / (time.process_time() - before), int(found.table["fills"].sum())


def measure(events: Events, rounds: int) -> dict[str, Any]:
    """The figure, with its lowest and highest, and how many fills it has."""
    bars = bars_of(events)
    found = [run(bars) for _ in range(rounds)]
    rates = [rate for rate, _ in found]
    spread = [round(min(rates)), round(max(rates))]
    return {"bars_per_s": round(median(rates)), "bars_spread": spread, "bars_fills": found[0][1]}

"""Latency costs a strategy that takes liquidity: more of it never earns more than chance explains."""

import os
from collections import deque
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from engine.feed.capture.formats import read_capture
from engine.model.fixed import to_fixed
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL
from engine.strategy import Strategy
from engine.strategy.samples import MomentumTaker
from research.simulate import EVENT, Constant, Fees, Models, simulate
from research.simulate.data.events import LAST, LEVEL, PRINT, Events, repaired

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))
RECORDED = CAPTURES / "binance" / "spot_btcusdt_20240809.gz"
BTC = Instrument(1, "venue", "BTCUSDT", "BTC", "USDT", 2, 8, 1, 1, 1, 0, 0)
BEGIN_NS, MS = 1_700_000_000_000_000_000, 1_000_000
LATENCIES_NS = (0, MS, 10 * MS, 100 * MS)
PIECES = 20_000  # messages of the recording: more than a minute
DRAWS, BLOCK = 2_000, 10  # marks in a block: neighbours are not independent


def trending(seed: int, count: int) -> Events:
    """A market that moves a step every millisecond, for some hundred moves mostly in one direction, with prints."""
    draw = np.random.default_rng(seed)
    trend = np.repeat(draw.choice((-1, 1), count), draw.integers(100, 400, count))[:count]
    move = np.where(draw.random(count) < 0.62, trend, -trend)
    bid = 6_000_000 + np.cumsum(move)
    rows: list[tuple[int, ...]] = [
        (BEGIN_NS, BEGIN_NS, int(bid[0] - move[0]) - 4 + away, 10**9, 1, LEVEL, BUY, 0) for away in range(5)
    ]
    rows += [(BEGIN_NS, BEGIN_NS, int(bid[0] - move[0]) + 1 + away, 10**9, 1, LEVEL, SELL, 0) for away in range(5)]
    rows[-1] = (*rows[-1][:-1], LAST)
    for at, (best, up) in enumerate(zip(bid.tolist(), move.tolist(), strict=True), 1):
        when = BEGIN_NS + at * MS
        gone, new = (best, best) if up > 0 else (best + 1, best + 1)
        rows.append((when, when, gone, 5_000_000, 1, PRINT, up, 0))
        rows.append((when, when, gone, 0, 1, LEVEL, -up, 0))
        rows.append((when, when, new, 10**9, 1, LEVEL, up, 0))
        far = best - 4 if up < 0 else best + 5
        rows.append((when, when, far, 10**9, 1, LEVEL, -up if up > 0 else BUY, LAST))
    return np.array(rows, EVENT)


@cache
def recorded() -> Events:
    """The begin of a spot market, as it was received."""
    if not RECORDED.exists():
        pytest.skip(f"no recorded material at {CAPTURES}: set STEELYARD_CAPTURES")
    return repaired(
        np.array([row for piece in islice(read_capture(RECORDED), PIECES) for row in rows_of(piece)], EVENT)
    )


def rows_of(piece: Any) -> Iterator[tuple[int, ...]]:
    """The events of one message: an update of the depth, or a trade."""
    data, at = orjson.loads(bytes(piece.payload))["data"], piece.time_ns
    if data.get("e") == "trade":
        side = SELL if data["m"] else BUY
        yield (data["T"] * MS, at, to_fixed(data["p"], 2), to_fixed(data["q"], 8), 1, PRINT, side, LAST)
    if data.get("e") == "depthUpdate":
        levels = [(side, *level) for side, name in ((BUY, "b"), (SELL, "a")) for level in data[name]]
        for place, (side, price, size) in enumerate(levels, 1):
            flags = LAST if place == len(levels) else 0
            yield (data["E"] * MS, at, to_fixed(price, 2), to_fixed(size, 8), 1, LEVEL, side, flags)


class Trend(Strategy):
    """Takes the side to which the middle has moved since so many books before, and holds it until it turns."""

    def on_start(self) -> None:
        """Begin without a past."""
        self.past: deque[int] = deque(maxlen=60)

    def on_book(self, book) -> None:  # noqa: ANN001
        """Enter, or turn around."""
        self.past.append(book.mid_twice)
        moved, instrument = book.mid_twice - self.past[0], book.instrument
        if abs(moved) < 24 or self.orders(instrument):
            return
        side, held = BUY if moved > 0 else SELL, self.position(instrument)
        if side * held <= 0:
            self.enter(instrument, side, 1_000_000 - side * held, book.best(-side) + side * 3)


def earnings(events: Events, latency_ns: int, kind: type[Strategy], **parameters: Any) -> np.ndarray:
    """What a strategy earned from mark to mark, before fees."""
    models = Models(Constant(latency_ns), Constant(latency_ns), Fees.flat("0", "0"))
    result = simulate(events, kind, instruments=[BTC], models=models, parameters=parameters, mark_ns=100 * MS)
    assert len(result.orders) > 20, "a strategy that does not trade shows nothing"
    return np.diff(np.nan_to_num(result.equity(BTC.id)["equity"]))


def least_gain(before: np.ndarray, after: np.ndarray) -> float:
    """The lower end of the interval, of 95 %, in which `after` earned more: blocks of both are drawn together."""
    gain = after - before
    blocks = gain[: len(gain) // BLOCK * BLOCK].reshape(-1, BLOCK).sum(axis=1)
    drawn = np.random.default_rng(1).integers(0, len(blocks), (DRAWS, len(blocks)))
    return float(np.quantile(blocks[drawn].sum(axis=1), 0.025))


def compare(events: Events, kind: type[Strategy], **parameters: Any) -> list[np.ndarray]:
    """The earnings at each latency; none may be more than chance above those at a shorter one."""
    found = [earnings(events, latency_ns, kind, **parameters) for latency_ns in LATENCIES_NS]
    for place, more in enumerate(found[1:], 1):
        for less in found[:place]:
            assert least_gain(less, more) <= 0, [float(one.sum()) for one in found]
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_more_latency_never_earns_more_on_a_trending_tape(seed: int) -> None:
    """A simulation in which late orders look better would reward a slow system."""
    found = compare(trending(seed, 30_000), Trend)
    assert least_gain(found[-1], found[0]) > 0, "without a cost of latency the comparison shows nothing"


def test_more_latency_never_earns_more_on_a_recorded_market() -> None:
    """The same of a real book, whose prints and depth come at their own times."""
    compare(recorded(), MomentumTaker, size="0.01", half_life_prints=5, short=True)

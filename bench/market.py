"""A made market for `bench.simulate`: level changes and prints 9:1, from a seed, never crossed.

The best bid walks on a grid, the ask is one step above it. A message is a move of the walk (the old best level of one
side goes, the other side follows), a change of one to four levels near the best, or one print at a best price.
"""

import numpy as np

from engine.model.instrument import Instrument
from research.simulate.data.events import EVENT, LAST, LEVEL, PRINT, RESET, Events

BTC = Instrument(1, "venue", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 0)
BEGIN_NS = 1_700_000_000_000_000_000
FEED_NS = 500_000
DEPTH, FIRST_BID = 50, 6_000_000
QUIET, UP, DOWN, TRADE = range(4)
SHARES = (0.5215, 0.1, 0.1, 0.2785)  # of the kinds of a message: one event in ten is then a print
STEP_NS = 200_000  # on average between two messages


def made(count: int, seed: int = 1) -> Events:
    """So many events; the whole of their last message."""
    draw = np.random.default_rng(seed)
    messages = count  # more than are needed
    kind = draw.choice(4, messages, p=SHARES).astype("i1")
    sizes = np.where(kind == TRADE, 1, np.where(kind == QUIET, draw.integers(1, 7, messages), 2))
    messages = int(np.searchsorted(np.cumsum(sizes), count - 2 * DEPTH))
    kind, sizes = kind[:messages], sizes[:messages]
    bid = FIRST_BID + np.cumsum((kind == UP).astype("i8") - (kind == DOWN))
    events = np.concatenate([_snapshot(), _rows(draw, kind, sizes, bid)])
    at = np.cumsum(draw.integers(1, 2 * STEP_NS, messages))
    events["venue_ns"] = BEGIN_NS + np.concatenate([np.zeros(2 * DEPTH, "i8"), np.repeat(at, sizes)])
    events["receive_ns"] = events["venue_ns"] + FEED_NS
    events["instrument"] = BTC.id
    return events


def _snapshot() -> Events:
    """The book at the begin."""
    events = np.zeros(2 * DEPTH, EVENT)
    away = np.arange(DEPTH)
    events["side"] = np.repeat((1, -1), DEPTH)
    events["price"] = np.concatenate([FIRST_BID - away, FIRST_BID + 1 + away])
    events["kind"], events["size"] = LEVEL, 100_000
    events["flags"][0], events["flags"][-1] = RESET, LAST
    return events


def _rows(draw: np.random.Generator, kind: Events, sizes: Events, bid: Events) -> Events:
    """The events of the messages, without their times."""
    rows = np.zeros(int(sizes.sum()), EVENT)
    of, bids = np.repeat(kind, sizes), np.repeat(bid, sizes)
    first = np.zeros(len(rows), bool)
    first[np.cumsum(sizes) - sizes] = True
    away = np.minimum(draw.geometric(0.2, len(rows)) - 1, DEPTH - 1)
    size = draw.integers(1, 200, len(rows)) * 1_000
    side = draw.choice((1, -1), len(rows))
    gone = (draw.random(len(rows)) < 0.2) & (away > 0)
    moves = (of == UP) | (of == DOWN)
    up = np.where(of == UP, 1, -1)  # the side that advances
    side = np.where(moves, np.where(first, -up, up), side)
    price = np.where(side > 0, bids - away, bids + 1 + away)
    price = np.where(moves, np.where(of == UP, bids, bids + 1), price)  # the level that changes sides
    price = np.where(of == TRADE, np.where(side > 0, bids + 1, bids), price)
    rows["kind"] = np.where(of == TRADE, PRINT, LEVEL)
    rows["side"], rows["price"] = side, price
    rows["size"] = np.where((moves & first) | (gone & (of == QUIET)), 0, np.where(of == TRADE, size // 10, size))
    rows["flags"][np.cumsum(sizes) - 1] = LAST
    return rows

"""What a level costs in the book: recorded changes as numbers, in one call, beside what Python users build instead.

    python -m bench.book [--json]

Rounds are interleaved, so that a noisy minute hits every contender; the median round counts, in time of the processor.
"""

import argparse
import bisect
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import corpus, machine
from engine.book import Book
from engine.venues.binance.scan import BinanceMarket

ROUNDS = 7


def changes() -> tuple[str, np.ndarray, np.ndarray]:
    """(source, the snapshot's rows, the diffs' rows) of side, price, size."""
    market = BinanceMarket()
    market.add("BTCUSDT", 8, 8)
    source = "recorded" if corpus.CAPTURES.is_dir() else "made"
    snapshot, frames = (
        corpus.recorded(corpus.SPOT[:1]) if source == "recorded" else (corpus.made_snapshot(), corpus.made_diffs(3000))
    )
    return source, rows([market.decode_snapshot(snapshot, 0)]), rows([m for f in frames for m in market.decode(f)])


def rows(messages: list[dict]) -> np.ndarray:
    """The levels of messages."""
    found = [
        (side, *level)
        for m in messages
        if "bids" in m
        for side, name in ((1, "bids"), (-1, "asks"))
        for level in m[name]
    ]
    return np.array(found, dtype=np.int64)


def ours(start: np.ndarray, diffs: np.ndarray) -> Callable[[], None]:
    """The compiled book."""
    book = Book()
    book.set_levels(start)
    return lambda: book.set_levels(diffs)


def bisected(start: np.ndarray, diffs: np.ndarray) -> Callable[[], None]:
    """A dictionary and a sorted list of prices."""
    books = {1: ({}, []), -1: ({}, [])}

    def apply(changed: list) -> None:
        for side, price, size in changed:
            sizes, prices = books[side]
            if size:
                if price not in sizes:
                    bisect.insort(prices, price)
                sizes[price] = size
            elif sizes.pop(price, None) is not None:
                del prices[bisect.bisect_left(prices, price)]

    apply(start.tolist())
    listed = diffs.tolist()
    return lambda: apply(listed)


def sorted_dict(start: np.ndarray, diffs: np.ndarray) -> Callable[[], None]:
    """A sorted dictionary of sortedcontainers."""
    from sortedcontainers import SortedDict

    books = {1: SortedDict(), -1: SortedDict()}

    def apply(changed: list) -> None:
        for side, price, size in changed:
            if size:
                books[side][price] = size
            else:
                books[side].pop(price, None)

    apply(start.tolist())
    listed = diffs.tolist()
    return lambda: apply(listed)


def measure() -> dict[str, object]:
    """Nanoseconds a level, of each contender."""
    source, start, diffs = changes()
    contenders = {
        "steelyard": ours(start, diffs),
        "dict + bisect": bisected(start, diffs),
    }
    if find_spec("sortedcontainers"):
        contenders["sortedcontainers"] = sorted_dict(start, diffs)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            before = time.process_time_ns()
            run()
            times[name].append((time.process_time_ns() - before) / len(diffs))
    medians = {name: round(statistics.median(values), 1) for name, values in times.items()}
    return {
        "machine": machine.describe(),
        "source": source,
        "levels": len(diffs),
        "level_ns": medians.pop("steelyard"),
        "peers": medians,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = measure()
    print(json.dumps(found) if parser.parse_args().json else json.dumps(found, indent=2))

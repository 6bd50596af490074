"""What a level costs in the book: recorded changes as numbers, in one call, beside what Python users have instead.

    python -m bench.book [--json]

Beside it the time of one whole update of about twenty levels, each timed alone with the clock's own cost in it.
Rounds are interleaved, so that a noisy minute hits every contender; the median round counts, in time of the processor,
with the lowest and the highest beside it. A peer that is not here, or whose book ends otherwise, is named with why.

`worst_message_ms` is what one message of 200 000 levels costs in the orders that are dear to a sorted structure: what
the longest message that a venue may send keeps a feed from everything else.
"""

import argparse
import json
import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import corpus, machine
from bench.peers.books import PEERS, Changes, Contender
from engine.book import Book
from engine.venues.binance.scan import BinanceMarket

ROUNDS = 7
TWENTY, TWENTY_GIVE = 20, 4
LONGEST = 200_000  # levels: 4.2 MB of JSON
OURS = "steelyard"


def recorded_or_made() -> tuple[str, Changes]:
    """Where the numbers are from, and they."""
    market = BinanceMarket()
    market.add("BTCUSDT", 8, 8)
    source = "recorded" if corpus.CAPTURES.is_dir() else "made"
    snapshot, frames = (
        corpus.recorded(corpus.SPOT[:1]) if source == "recorded" else (corpus.made_snapshot(), corpus.made_diffs(3000))
    )
    diffs = [m for frame in frames for m in market.decode(frame) if "bids" in m]
    counts = [len(m["bids"]) + len(m["asks"]) for m in diffs]
    return source, Changes(rows([market.decode_snapshot(snapshot, 0)]), rows(diffs), counts)


def rows(messages: list[dict]) -> np.ndarray:
    """The levels of messages."""
    sides = ((1, "bids"), (-1, "asks"))
    found = [(side, *level) for m in messages for side, name in sides for level in m[name]]
    return np.array(found, dtype=np.int64)


def ours(changes: Changes) -> Contender:
    """The compiled book."""
    book = Book()
    book.set_levels(changes.start)
    return Contender(lambda: lambda: book.set_levels(changes.diffs), lambda: (book.best(1)[0], book.best(-1)[0]))


def open_all(changes: Changes) -> tuple[dict[str, Contender], dict[str, str]]:
    """Every contender that is here, and why the others are not."""
    absent = {peer.name: reason for peer in PEERS if (reason := peer.missing())}
    contenders = {OURS: ours(changes)}
    for peer in PEERS:
        if peer.name not in absent:
            contenders[peer.name] = peer.open(changes)
    return contenders, absent


def timed(contender: Contender) -> int:
    """One round, in nanoseconds of the processor."""
    run = contender.begin()
    before = time.process_time_ns()
    run()
    return time.process_time_ns() - before


def update_times(changes: Changes) -> list[int]:
    """The time of each message of about twenty levels in one pass over a new book, sorted, nanoseconds of the wall."""
    book = Book()
    book.set_levels(changes.start)
    times, at = [], 0
    for count in changes.counts:
        levels, at = changes.diffs[at : at + count], at + count
        before = time.perf_counter_ns()
        book.set_levels(levels)
        after = time.perf_counter_ns()
        if abs(count - TWENTY) <= TWENTY_GIVE:
            times.append(after - before)
    return sorted(times)


def dear_messages() -> dict[str, np.ndarray]:
    """Long messages for one side, by what is dear about them."""
    number = np.arange(1, LONGEST + 1, dtype=np.int64)
    scattered = np.array(random.Random(1).sample(range(1, 10**9), LONGEST), dtype=np.int64)
    jumping = np.where(number <= LONGEST // 2, number, 10**8)
    prices = {"better": number, "worse": number[::-1], "scattered": scattered, "far apart": number * 70_001}
    ones = np.ones_like(number)
    found = {name: np.column_stack((ones, price, ones)) for name, price in prices.items()}
    return found | {"jumping": np.column_stack((ones, jumping, np.where(number <= LONGEST // 2, 1, number % 2)))}


def message_time(levels: np.ndarray) -> float:
    """What one message costs an empty book, in milliseconds of the processor."""
    book, message = Book(), np.ascontiguousarray(levels)
    before = time.process_time_ns()
    book.set_levels(message)
    return round((time.process_time_ns() - before) / 1e6, 1)


def measure() -> dict[str, object]:
    """Nanoseconds a level, of each contender."""
    source, changes = recorded_or_made()
    contenders, absent = open_all(changes)
    for contender in contenders.values():  # what is compiled at its first call is compiled here
        timed(contender)
    expected = contenders[OURS].best()
    for name in [name for name, contender in contenders.items() if contender.best() != expected]:
        absent[name] = f"its best prices were {contenders.pop(name).best()} after the same changes, not {expected}"
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            times[name].append(timed(contender) / len(changes.diffs))
    updates = [update_times(changes) for _ in range(ROUNDS)]
    at = len(updates[0])
    medians = {name: round(statistics.median(values), 1) for name, values in times.items()}
    return {
        "machine": machine.describe(),
        "source": source,
        "levels": len(changes.diffs),
        "level_ns": medians.pop(OURS),
        "update20_p50_ns": statistics.median(one[at // 2] for one in updates),
        "update20_p99_ns": statistics.median(one[at * 99 // 100] for one in updates),
        "updates20": at,
        "worst_message_ms": {name: message_time(levels) for name, levels in dear_messages().items()},
        "peers": medians,
        "spread": {name: [round(min(values), 1), round(max(values), 1)] for name, values in times.items()},
        "absent": absent,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = measure()
    print(json.dumps(found) if parser.parse_args().json else json.dumps(found, indent=2))

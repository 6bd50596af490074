"""From a venue's message to the global book in another process, at a rate of 100 000 messages a second.

    python -m bench.aggregate [--json]

Two processes: the role alone on one core; here the feed's pipelines (scanner, rule, book, lanes) and the reader of
GLOBAL_BOOKS, which waits for the book that its last message must make, so the rate is what a 2-core machine leaves.
The clock starts with the bytes of the burst's last message. `capacity_per_s` is the role alone, in CPU time, over books
that lie ready.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import msgspec

import shm
from bench import machine
from engine.aggregation import make_role
from engine.aggregation.lanes import open_aggregation_lanes
from engine.config.tables import Aggregation
from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.lanes import AGGREGATION, FEED, LOOKERS, open_lanes
from engine.lanes.create import create
from engine.model.instrument import Instrument
from engine.venues.catalogue import dialect_of

VENUES = ("north", "south", "west")
RATE = 100_000
BURST = 10  # messages at once: a venue's frames come in reads of several
PROBES = 5_000
BACKLOG = 4_000
LANES = ("instruments.feed", "ticks.feed", "books.feed", "book_tops.feed", "groups", "global_books", "global_tops",
         "opportunities", "open_opportunities", "bars", "last_bars", "steps.aggregation")  # fmt: skip
INSTRUMENTS = tuple(
    Instrument(place, venue, "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 10, 10**12, 0)
    for place, venue in enumerate(VENUES, 1)
)
TABLE = {"taker_fee_bps": dict.fromkeys(VENUES, "10")}


LEVELS = range(10)
PRICES = {"bids": [10_000 - place for place in LEVELS], "asks": [10_001 + place for place in LEVELS]}
SIDES = {side: [[f"{one // 100}.{one % 100:02}", "0.00005"] for one in prices] for side, prices in PRICES.items()}
SNAPSHOT = json.dumps({"lastUpdateId": 0, **SIDES}).encode()


def frame_of(number: int) -> bytes:
    """A change of the best bid's size, so that it changes what all venues have together."""
    return (
        f'{{"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT","U":{number},"u":{number},'
        f'"b":[["100.00","{number}.00001"]],"a":[]}}'
    ).encode()


class Feed:
    """A feed's pipelines, one a venue, into one pair of lanes."""

    def __init__(self, system: str) -> None:
        """Become the writer, with every venue's book in place."""
        self.ticks = open_lanes(system, FEED).ring_writer("ticks", populate=True)
        self.books = open_lanes(system, FEED).ring_writer("books", populate=True)
        outbox = Outbox(self.ticks, self.books)
        self.pipelines = [self._pipeline(one, outbox) for one in INSTRUMENTS]
        needed = max(PROBES * BURST, 10 * BACKLOG) // len(VENUES) + 1
        self.frames = [[[frame_of(number)] for number in range(needed, 0, -1)] for _ in VENUES]

    def process_next(self, of: int, at_ns: int) -> None:
        """Process the next message of a venue."""
        self.pipelines[of].process(self.frames[of].pop(), at_ns, at_ns)

    def close(self) -> None:
        """Close the lanes."""
        self.ticks.close()
        self.books.close()

    @staticmethod
    def _pipeline(one: Instrument, outbox: Outbox) -> Pipeline:
        dialect, market = dialect_of("binance"), dialect_of("binance").market()
        market.add(one.symbol, one.price_decimals, one.size_decimals)
        pipeline = Pipeline(market, outbox)
        pipeline.add(Track(0, one.id, one.symbol, dialect.rule(), outbox))
        now = time.time_ns()
        assert pipeline.snapshot(0, SNAPSHOT, now, now), "the first book cannot be read"
        return pipeline


def make(system: str) -> None:
    """Every lane of it."""
    for lane in LANES:
        create(system, lane, wake="never")


def role_of(system: str) -> Any:
    """The role over its lanes."""
    table = msgspec.convert(TABLE, Aggregation)
    return make_role(table, "aggregation", 1, INSTRUMENTS, open_aggregation_lanes(open_lanes(system, AGGREGATION)))


def serve(system: str, core: int, stop: Any, ready: Any) -> None:
    """The role's process: it spins."""
    os.sched_setaffinity(0, {core})
    role = role_of(system)
    role.step(time.time_ns())
    ready.set()
    while not stop.is_set():
        for _ in range(1000):
            role.step(time.time_ns())
    role.close()


def capacity(system: str) -> float:
    """Books a second that the role reads when they wait in the lane."""
    feed, role, spent = Feed(system), role_of(system), 0
    role.step(time.time_ns())
    for _ in range(10):
        for number in range(BACKLOG):
            feed.process_next(number % len(VENUES), time.time_ns())
        before = time.process_time_ns()
        while role.step(time.time_ns()):
            pass
        spent += time.process_time_ns() - before
    role.close()
    feed.close()
    return 10 * BACKLOG * 1e9 / spent


def visible(system: str, cores: list[int]) -> tuple[list[int], float, int]:
    """Latencies of the last book of each burst, the rate reached, and how many records this reader lost."""
    context = multiprocessing.get_context("spawn")
    stop, ready = context.Event(), context.Event()
    process = context.Process(target=serve, args=(system, cores[-1], stop, ready))
    process.start()
    ready.wait(30)
    os.sched_setaffinity(0, {cores[0]})
    feed = Feed(system)
    try:
        return sent(feed, open_lanes(system, LOOKERS).ring_reader("global_books"))
    finally:
        os.sched_setaffinity(0, set(cores))
        stop.set()
        process.join(10)
        feed.close()


def sent(feed: Feed, reader: shm.RingReader) -> tuple[list[int], float, int]:
    """Send every burst, and wait for the book that its last message makes."""
    times, lost, begin = [], 0, time.perf_counter_ns()
    for probe in range(PROBES):
        due = begin + probe * BURST * 1_000_000_000 // RATE
        while time.perf_counter_ns() < due:
            pass
        for number in range(probe * BURST, (probe + 1) * BURST):
            before = time.perf_counter_ns()
            feed.process_next(number % len(VENUES), time.time_ns())
        published = 0
        while published != feed.ticks.cursor:
            missing, rows = reader.copy()
            lost += missing
            published = int(rows[-1]["tick_sequence"]) if len(rows) else published
        times.append(time.perf_counter_ns() - before)
    return sorted(times), PROBES * BURST * 1e9 / (time.perf_counter_ns() - begin), lost


def measure() -> dict[str, Any]:
    """Both figures."""
    cores = sorted(os.sched_getaffinity(0))
    results: dict[str, Any] = {}
    for name in ("capacity", "visible"):
        system = f"bench-aggregate-{os.getpid()}-{name}"
        make(system)
        try:
            if name == "capacity":
                results["capacity_per_s"] = int(capacity(system))
            else:
                times, rate, lost = visible(system, cores)
                for share, key in ((50, "p50"), (99, "p99"), (100, "max")):
                    results[f"visible_{key}_ns"] = times[min(len(times) - 1, len(times) * share // 100)]
                results |= {"rate_per_s": int(rate), "lost": lost}
        finally:
            for lane in LANES:
                shm.remove(f"{system}.{lane}")
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="From a venue's book to the global book in another process.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    described = machine.describe()  # before this process keeps one core busy
    results = measure()
    if options.json:
        print(json.dumps({"machine": described, **results}))
        return
    for key, value in results.items():
        print(f"{key:20} {value:>14,}")


if __name__ == "__main__":
    main()

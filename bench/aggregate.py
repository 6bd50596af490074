"""From the publication of a venue's book to the global book in another process, at a rate of 100 000 books a second.

    python -m bench.aggregate [--json]

Two processes: the role alone on one core; here the feed's hand and the reader of GLOBAL_BOOKS, which waits for the
book that its last change must make, so the rate is what a 2-core machine leaves. `capacity_per_s` is the role alone,
in CPU time, over books that lie ready.
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
from engine.aggregation.lanes import open_lanes
from engine.config.tables import Aggregation
from engine.lanes import BY_NAME
from engine.model.instrument import Instrument

VENUES = ("north", "south", "west")
RATE = 100_000
BURST = 10  # books written at once: a venue's frames come in reads of several
PROBES = 5_000
BACKLOG = 4_000
LANES = ("instruments", "ticks", "books", "book_tops", "groups", "global_books", "global_tops", "opportunities",
         "open_opportunities", "bars", "last_bars", "steps.aggregation")  # fmt: skip
INSTRUMENTS = tuple(
    Instrument(place, venue, "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 10, 10**12, 0)
    for place, venue in enumerate(VENUES, 1)
)
TABLE = {"taker_fee_bps": dict.fromkeys(VENUES, "10")}


class Feed:
    """A feed's hand: one best and one book an event."""

    def __init__(self, system: str) -> None:
        """Become the writer."""
        self.ticks = shm.RingWriter(f"{system}.ticks", BY_NAME["ticks"].record, populate=True)
        self.books = shm.RingWriter(f"{system}.books", BY_NAME["books"].record, populate=True)
        self.changes = 0

    def tell(self, of: int, at_ns: int) -> None:
        """A book whose best size is this event's number, so that it changes what all venues have together."""
        self.changes += 1
        first, prices = self.changes, tuple(range(10_000, 9_990, -1))
        sizes = (first, *[5] * 9)
        self.ticks.publish(at_ns, at_ns, 0, 0, 10_000, first, 0, of, 1, 1, 1)
        if first <= len(VENUES):
            self.ticks.publish(at_ns, at_ns, 0, 0, 0, 0, 1, of, 4, 0, 1)
        asks = tuple(range(10_001, 10_011))
        self.books.publish(
            at_ns, at_ns, 0, 0, self.ticks.cursor, 0.0, 1.0, of, 1, 10, 10, 1, first, prices, sizes, asks, (7,) * 10,
            (0,) * 7,
        )  # fmt: skip


def make(system: str) -> None:
    """Every lane of it."""
    for lane in LANES:
        one = BY_NAME[lane.partition(".")[0]]
        shm.create(
            f"{system}.{lane}", one.record, one.kind, capacity=one.capacity, reserve=one.reserve, count=one.count
        )


def role_of(system: str) -> Any:
    """The role over its lanes."""
    table = msgspec.convert(TABLE, Aggregation)
    return make_role(table, "aggregation", 1, INSTRUMENTS, open_lanes(system, "aggregation"))


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
    """Books a second that the role takes when they lie ready."""
    feed, role, spent = Feed(system), role_of(system), 0
    role.step(time.time_ns())
    for _ in range(10):
        for number in range(BACKLOG):
            feed.tell(number % 3 + 1, time.time_ns())
        before = time.process_time_ns()
        while role.step(time.time_ns()):
            pass
        spent += time.process_time_ns() - before
    role.close()
    feed.ticks.close()
    feed.books.close()
    return 10 * BACKLOG * 1e9 / spent


def visible(system: str, cores: list[int]) -> tuple[list[int], float, int]:
    """Latencies of the last book of each burst, the rate reached, and how many records this reader lost."""
    context = multiprocessing.get_context("spawn")
    stop, ready = context.Event(), context.Event()
    process = context.Process(target=serve, args=(system, cores[-1], stop, ready))
    process.start()
    ready.wait(30)
    os.sched_setaffinity(0, {cores[0]})
    feed, reader = Feed(system), shm.RingReader(f"{system}.global_books", BY_NAME["global_books"].record)
    times, lost, begin = [], 0, time.perf_counter_ns()
    for probe in range(PROBES):
        due = begin + probe * BURST * 1_000_000_000 // RATE
        while time.perf_counter_ns() < due:
            pass
        for number in range(BURST):
            before = time.perf_counter_ns()
            feed.tell(number % 3 + 1, time.time_ns())
        heard = 0
        while heard != feed.ticks.cursor:
            missing, rows = reader.copy()
            lost += missing
            heard = int(rows[-1]["tick_sequence"]) if len(rows) else heard
        times.append(time.perf_counter_ns() - before)
    rate = PROBES * BURST * 1e9 / (time.perf_counter_ns() - begin)
    stop.set()
    process.join(10)
    feed.ticks.close()
    feed.books.close()
    return sorted(times), rate, lost


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
    """Measure and say."""
    parser = argparse.ArgumentParser(description="From a venue's book to the global book in another process.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    described = machine.describe()  # before this process takes one core of it
    results = measure()
    if options.json:
        print(json.dumps({"machine": described, **results}))
        return
    for key, value in results.items():
        print(f"{key:20} {value:>14,}")


if __name__ == "__main__":
    main()

"""Recorded traffic of several venues mixed into one feed's lanes, at 100 000 messages a second, and its consumer's lag.

    python -m bench.mixed [--long] [--json]        five seconds; --long: sixty

Two processes: here each venue's own pipeline (scanner, rule, book), all writing one TICKS and one BOOKS as a system's
feed does, paced; there a consumer that reads every record and checks that none is lost and none is torn: numbers of an
instrument's own venue only, a kind and a side that exist. `lag_max` is the most records that waited for the consumer,
`lag_bound` the records that the ring holds: a consumer at its bound would have lost some. A session that ends begins
anew, as after a reconnection.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import shm
from bench import corpus, machine
from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.feed.capture.check import Survey
from engine.feed.capture.formats import Piece, read_capture
from engine.lanes import FEED, LOOKERS, lane_of, open_lanes
from engine.lanes.create import create
from engine.venues.catalogue import dialect_of

RATE = 100_000
CHUNK = 20  # messages between two looks at the clock
SECONDS, LONG_SECONDS = 5, 60
FRAMES_MAX = 60_000  # of a session
LANES = ("ticks.feed", "books.feed", "book_tops.feed")
SESSIONS = {
    "binance": "binance/spot_btcusdt_20240808.gz",
    "binance-usdm": "binance/usdm_btcusdt_20240808.gz",
    "kraken": "kraken/kraken_minagbp_d25_20260816.ndjson",
}


@dataclass
class Session:
    """One venue's recording and its pipeline, played again and again."""

    venue: str
    instrument: int
    outbox: Outbox
    pieces: list[Piece]
    at: int = 0
    snapshots: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the symbol and its decimals, as a check of the recording does."""
        dialect = dialect_of(self.venue)
        survey = Survey(dialect)
        for piece in self.pieces:
            survey.add(piece)
        [symbol] = survey.symbols()
        market = dialect.market()
        market.add(symbol, *survey.decimals(symbol))
        self.pipeline = Pipeline(market, self.outbox)
        self.track = Track(0, self.instrument, symbol, dialect.rule(), self.outbox, dialect.depth)
        self.pipeline.add(self.track)
        self.books = [dialect.recorded_book(piece.payload, piece.url) is not None for piece in self.pieces]

    def play(self, count: int) -> None:
        """The next pieces."""
        now = time.time_ns()
        for _ in range(count):
            if self.at == len(self.pieces):
                self.at = 0
                self.pipeline.disconnect(now)
            payload, is_book = self.pieces[self.at].payload, self.books[self.at]
            self.at += 1
            if is_book:
                self.pipeline.snapshot(0, payload, now, now)
            else:
                self.pipeline.process([payload], now, now)


def consume(system: str, core: int, stop: Any, ready: Any, found: Any) -> None:
    """The consumer's process: it spins, and reports its counts."""
    os.sched_setaffinity(0, {core})
    reader = open_lanes(system, LOOKERS).ring_reader("ticks")
    count = lost = torn = lag = 0
    ready.set()
    while not (stop.is_set() and reader.cursor == reader.end):
        lag = max(lag, reader.end - reader.cursor)
        missing, rows = reader.copy()
        lost += missing
        count += len(rows)
        if len(rows):
            sound = (rows["instrument"] <= len(SESSIONS)) & (abs(rows["side"]) <= 1) & (rows["size"] >= 0)
            torn += len(rows) - int(sound.sum())
    found.send({"read": count, "lost": lost, "torn": torn, "lag_max": lag})


def paced(sessions: list[Session], seconds: int) -> float:
    """Play all sessions in turns; the rate that was reached."""
    begin, sent = time.perf_counter_ns(), 0
    end = begin + seconds * 1_000_000_000
    while time.perf_counter_ns() < end:
        for session in sessions:
            session.play(CHUNK)
            sent += CHUNK
            while (time.perf_counter_ns() - begin) * RATE < sent * 1_000_000_000:
                pass
    return sent * 1e9 / (time.perf_counter_ns() - begin)


def measure(seconds: int = SECONDS) -> dict[str, Any]:
    """One run over lanes of its own."""
    system, cores = f"bench-mixed-{uuid.uuid4().hex[:8]}", sorted(os.sched_getaffinity(0))
    for name in LANES:
        create(system, name, wake="never")
    ticks, books = (open_lanes(system, FEED).ring_writer(name, populate=True) for name in LANES[:2])
    cells = open_lanes(system, FEED).cell_writer("book_tops")
    context = multiprocessing.get_context("spawn")
    stop, ready, (near, far) = context.Event(), context.Event(), context.Pipe()
    consumer = context.Process(target=consume, args=(system, cores[-1], stop, ready, far))
    try:
        outbox, root = Outbox(ticks, books, cells, 0), corpus.CAPTURES.parent
        sessions = [
            Session(venue, number, outbox, list(read_capture(root / path, "", venue))[:FRAMES_MAX])
            for number, (venue, path) in enumerate(SESSIONS.items(), 1)
        ]
        consumer.start()
        ready.wait(60)
        os.sched_setaffinity(0, {cores[0]})
        rate = paced(sessions, seconds)
        stop.set()
        read = near.recv()
        gaps = sum(one.track.gaps + one.pipeline.malformed for one in sessions)
        missed = read["lost"] + ticks.cursor - read["read"] - read["lost"] + gaps
        bound = lane_of("ticks").capacity
        assert read["lag_max"] < bound, "the consumer was overtaken"
        return {"rate_per_s": int(rate), "seconds": seconds, "venues": len(sessions), **read, "missed": missed,
                "lag_bound": bound}  # fmt: skip
    finally:
        stop.set()
        os.sched_setaffinity(0, set(cores))
        for lane in (ticks, books, cells):
            lane.close()
        for name in LANES:
            shm.remove(f"{system}.{name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="a whole minute")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    result = {"machine": machine.describe(), **measure(LONG_SECONDS if options.long else SECONDS)}
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))

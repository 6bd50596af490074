"""From a frame's bytes to records that another process can read: scan, book, publish, through the feed's own pipeline.

    python -m bench.feed [--json]

Real rings and cells, one process; the reader that counts what was lost drains between the measured calls.
"""

import argparse
import gc
import json
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec
import orjson

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import shm
from bench import corpus, machine
from engine.feed.outbox import Outbox
from engine.feed.pipeline import Pipeline
from engine.feed.track import Track
from engine.lanes import BY_NAME
from engine.venues.catalogue import dialect_of

FRAMES = 20_000
ROUNDS = 3
CHUNK = 256
NOW = 1_723_161_255_000_000_000
LANES = ("ticks", "books", "book_tops")


class Diff(msgspec.Struct):
    """A depth event, for msgspec."""

    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class Wrapped(msgspec.Struct):
    """Its wrapper."""

    data: Diff


class Rig:
    """A pipeline over real lanes."""

    def __init__(self, venue: str, snapshot: bytes, decimals: int, offset_ns: int | None = 0) -> None:
        """With its book in place."""
        self.system = f"bench-feed-{uuid.uuid4().hex[:8]}"
        for name in LANES:
            lane = BY_NAME[name]
            shm.create(
                f"{self.system}.{name}",
                lane.record,
                kind=lane.kind,
                capacity=lane.capacity,
                reserve=lane.reserve,
                count=lane.count,
            )
        self.ticks = shm.RingWriter(f"{self.system}.ticks", BY_NAME["ticks"].record, populate=True)
        self.books = shm.RingWriter(f"{self.system}.books", BY_NAME["books"].record, populate=True)
        self.cells = shm.CellWriter(f"{self.system}.book_tops", BY_NAME["book_tops"].record)
        self.reader = shm.RingReader(f"{self.system}.ticks", BY_NAME["ticks"].record)
        dialect, outbox = dialect_of(venue), Outbox(self.ticks, self.books, self.cells, offset_ns)
        market = dialect.market()
        market.add("BTCUSDT", decimals, decimals)
        self.pipeline = Pipeline(market, outbox)
        self.track = Track(0, 1, "BTCUSDT", dialect.rule(), outbox)
        self.pipeline.add(self.track)
        self.pipeline.snapshot(0, snapshot, NOW, NOW)
        self.lost = self.told = 0

    def drain(self) -> None:
        """Read what was told."""
        lost, records = self.reader.copy()
        self.lost += lost
        self.told += len(records)

    def close(self) -> None:
        """Remove the lanes."""
        for lane in (self.ticks, self.books, self.cells):
            lane.close()
        for name in LANES:
            shm.remove(f"{self.system}.{name}")


def each(rig: Rig, frames: list[bytes]) -> tuple[list[int], int]:
    """Nanoseconds of each frame alone; the clock's own cost is taken off."""
    take, clock = rig.pipeline.take, time.perf_counter_ns
    idle = max(clock() - clock() for _ in range(1000))  # least of the cost, as a negative number
    times = []
    for frame in frames:
        one = [frame]
        before = clock()
        take(one, NOW, NOW)
        times.append(clock() - before + idle)
    rig.drain()
    return times, rig.track.gaps


def latency(frames: list[bytes]) -> tuple[int, int]:
    """(p50, p99) of one kind of frame, the median of the rounds."""
    outcomes = []
    for _ in range(ROUNDS):
        rig = Rig("binance", corpus.made_snapshot(), 8)
        rig.pipeline.take(corpus.made_diffs(1), NOW, NOW)
        times, gaps = each(rig, frames)
        assert gaps == 0, "the made frames are not a sequence"
        times.sort()
        outcomes.append((times[len(times) // 2], times[len(times) * 99 // 100]))
        rig.close()
    return int(statistics.median(p50 for p50, _ in outcomes)), int(statistics.median(p99 for _, p99 in outcomes))


def replay() -> dict[str, object]:
    """Every recorded frame of two products, as fast as possible."""
    sessions = [("binance", 8, *corpus.recorded(corpus.SPOT)), ("binance-usdm", 3, *corpus.recorded(corpus.USDM))]
    rates, lost = [], 0
    for _ in range(ROUNDS):
        spent = count = 0
        for venue, decimals, snapshot, frames in sessions:
            rig = Rig(venue, snapshot, decimals)
            for start in range(0, len(frames), CHUNK):
                chunk = frames[start : start + CHUNK]
                before = time.perf_counter_ns()
                rig.pipeline.take(chunk, NOW, NOW)
                spent += time.perf_counter_ns() - before
                rig.drain()
            count += len(frames)
            lost += rig.lost + (rig.told != rig.ticks.cursor) + rig.pipeline.malformed + rig.track.gaps
            rig.close()
        rates.append(count * 1e9 / spent)
    return {"replay_messages_per_s": int(statistics.median(rates)), "replay_lost": lost}


def to_floats(*sides: list) -> list:
    """What a Python user does next."""
    return [[(float(price), float(size)) for price, size in side] for side in sides]


def peers(frames: list[bytes]) -> dict[str, int]:
    """What decoding alone costs others, nanoseconds a 20-level diff."""
    decode = msgspec.json.Decoder(Wrapped).decode

    def typed(frame: bytes) -> object:
        event = decode(frame).data
        return to_floats(event.b, event.a)

    def loaded(loads: Callable[[bytes], dict]) -> Callable[[bytes], object]:
        def run(frame: bytes) -> object:
            event = loads(frame)["data"]
            return to_floats(event["b"], event["a"])

        return run

    floats = {
        "msgspec typed, then float": typed,
        "orjson, then float": loaded(orjson.loads),
        "json, then float": loaded(json.loads),
    }
    found = {}
    for name, run in floats.items():
        times = []
        for _ in range(ROUNDS):
            before = time.perf_counter_ns()
            for frame in frames[:2000]:
                run(frame)
            times.append((time.perf_counter_ns() - before) // 2000)
        found[name] = int(statistics.median(times))
    return found


def measure() -> dict[str, object]:
    """Everything this bench knows."""
    diffs = corpus.made_diffs(FRAMES + 1)
    gc.freeze()
    diff20, bbo = latency(diffs[1:]), latency(corpus.made_bests(FRAMES))
    found = {
        "machine": machine.describe(),
        "diff20_p50_ns": diff20[0],
        "diff20_p99_ns": diff20[1],
        "bbo_p50_ns": bbo[0],
        "bbo_p99_ns": bbo[1],
    }
    if corpus.CAPTURES.is_dir():
        found |= replay()
    return found | {"peers": peers(diffs)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    result = measure()
    print(json.dumps(result) if parser.parse_args().json else json.dumps(result, indent=2))

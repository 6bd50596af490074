"""The recorder and the history: records a second without a loss, what the feed pays for it, rows a second read back.

    python -m bench.history [--json] [--quick]

recorder   the process of a configured system records TICKS while this process publishes at rising rates; the figure is
           the highest rate at which nothing was lost, counted in the parts
feed       diffs of 20 levels through the feed's pipeline, with the recorder running and with it stopped by SIGSTOP,
           in turns off, on, off: the cost is on over the mean of its neighbours, the spread is off over off of one turn
history    five columns of ticks from zstd Parquet, exact values, page cache warm, on one core; beside it as floats
hot        three int64 columns of the hot tier, summed, page cache warm, on one core
"""

import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np

import shm
from bench import corpus
from bench.command import output, parser_of
from bench.machine import describe, pair
from bench.rig import NOW, Rig
from engine.config import Config, load
from engine.lanes import FEED, lane_of, open_lanes
from engine.lanes.create import create
from engine.model.records import TICK
from engine.recorder.part import GAP, ROWS, Head, parts_of, read_blocks, read_head
from engine.recorder.store.columns import batch_of
from engine.recorder.store.disk import Disk
from engine.recorder.store.hot import heat
from engine.recorder.store.manifest import Manifest
from engine.recorder.store.seal import FileWriter, Gaps
from research import history

CONFIG = """
[system]
name = "{name}"
state_directory = "{place}"
run_directory = "{place}"
[recorder]
lanes = ["ticks", "books", "book_tops"]
seal_seconds = 0
[[processes]]
name = "recorder"
roles = ["recorder"]
cores = [{core}]
"""
RATES = (500_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000, 4_000_000)
SECONDS, QUICK_SECONDS = 3.0, 0.5
BATCH = 1_000
ROUNDS, QUICK_ROUNDS = 41, 3
SLICE, CHUNK = 4_000, 64  # frames
ROWS_STORED, QUICK_ROWS = 8_000_000, 500_000
READS = 7
NAMES = ("publish_ns", "price", "size", "side", "kind")
SUMMED = ("price", "size", "publish_ns")


class System:
    """A configured system whose one process is the recorder."""

    def __init__(self, place: Path, core: int) -> None:
        """Write the file."""
        self.name = f"bench-hist-{uuid.uuid4().hex[:8]}".replace("-", "_")
        self.place, file = place, place / f"{self.name}.toml"
        file.write_text(CONFIG.format(name=self.name, place=place, core=core))
        self.config: Config = load(file)
        self.parts = self.config.paths.history() / "parts" / "ticks.feed"

    def begin(self) -> "subprocess.Popen[bytes]":
        """Start the recorder; it runs when it has begun a part, or attached to what is still empty."""
        create(self.name, "heartbeat.recorder")
        words = self.config.runtime_arguments(self.config.process("recorder"))
        ours = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {*ours, *self.config.process("recorder").cores})  # a child may only use its parent's
        try:
            with (self.place / "recorder.log").open("wb") as log:
                return subprocess.Popen([sys.executable, "-m", "engine.runtime", *words], stderr=log)
        finally:
            os.sched_setaffinity(0, ours)

    def await_first(self) -> None:
        """Wait for the first part of ticks."""
        deadline = time.monotonic() + 30
        while not self.parts.is_dir() or not any(self.parts.iterdir()):
            assert time.monotonic() < deadline, (self.place / "recorder.log").read_text()
            select.select([], [], [], 0.01)

    def recorded(self) -> tuple[int, int]:
        """How many records are in the parts, and how many were lost."""
        rows = lost = 0
        for path in (*parts_of(self.parts), *parts_of(self.parts, ".open")):
            for block, _ in read_blocks(path, read_head(path)[1]):
                rows += block.number * (block.kind == ROWS)
                lost += (block.after - block.first) * (block.kind == GAP)
        return rows, lost


def end(process: "subprocess.Popen[bytes]") -> None:
    """Stop in order: the recorder drains its lanes."""
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, "the recorder failed"


@contextmanager
def directory() -> Iterator[Path]:
    """A directory on the disk."""
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
        yield Path(name)


def rate_without_loss(seconds: float, core: int) -> dict[str, Any]:
    """The highest rate at which the parts have every record."""
    best, tried = 0, []
    for rate in RATES:
        with directory() as place:
            found = at_rate(System(place, core), rate, seconds)
        tried.append(found)
        if found["lost"]:
            break
        best = found["per_s"]
    return {"recorder_records_per_s": best, "recorder_rates": tried}


def at_rate(system: System, rate: int, seconds: float) -> dict[str, int]:
    """Publish at a rate; the rate that was reached, and what the parts have of it."""
    create(system.name, "ticks.feed")
    lanes = open_lanes(system.name, FEED, "feed")
    writer, rows = lanes.ring_writer("ticks", populate=True), np.zeros(BATCH, TICK.dtype)
    process = system.begin()
    try:
        writer.publish_bytes(rows.tobytes())
        system.await_first()
        published, began = 0, time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            if published < (now - began) * rate:
                rows["publish_ns"] = time.time_ns()
                writer.publish_bytes(rows.data)
                published += BATCH
        spent = time.perf_counter() - began
    finally:
        end(process)
        lanes.close()
    kept, lost = system.recorded()
    assert kept + lost == published + BATCH, "records that are neither recorded nor lost"
    remove(system.name)
    return {"asked": rate, "per_s": round(published / spent), "lost": lost}


def remove(system: str) -> None:
    """Remove every segment of a system."""
    for name in shm.names(system):
        shm.remove(name)


def feed_cost(rounds: int, core: int) -> dict[str, Any]:
    """The feed's time for a message with the recorder over that without it."""
    frames = corpus.made_diffs(SLICE * 3 * (rounds + 1) + 1)
    with directory() as place:
        system = System(place, core)
        rig = Rig("binance", corpus.made_snapshot(), 8, system=system.name)
        rig.pipeline.process([frames[0]], NOW, NOW)
        process = system.begin()
        try:
            system.await_first()
            turns = [turn(rig, process, frames, number) for number in range(rounds + 1)][1:]
        finally:
            end(process)
        lost = system.recorded()[1]
        rig.close()
        remove(system.name)
    assert rig.pipeline.malformed == rig.track.gaps == 0, "the made frames are not a sequence"
    on = [2 * with_it / (before + after) for before, with_it, after in turns]
    off = [after / before for before, _, after in turns]
    return {
        "feed_ns": round(statistics.median(before for before, _, _ in turns)),
        "feed_with_recorder_ratio": round(statistics.median(on), 4),
        "feed_with_recorder_quartiles": quartiles(on),
        "feed_without_without_ratio": round(statistics.median(off), 4),
        "feed_without_without_quartiles": quartiles(off),
        "feed_lost": lost,
    }


def turn(rig: Rig, process: "subprocess.Popen[bytes]", frames: list[bytes], number: int) -> tuple[float, float, float]:
    """Nanoseconds of a message: without the recorder, with it, without it."""
    found = []
    for part, sign in enumerate((signal.SIGSTOP, signal.SIGCONT, signal.SIGSTOP)):
        process.send_signal(sign)
        select.select([], [], [], 0.05)  # the recorder has caught up, or stands still
        first = 1 + (number * 3 + part) * SLICE
        found.append(message_ns(rig, frames[first : first + SLICE]))
    process.send_signal(signal.SIGCONT)
    return found[0], found[1], found[2]


def message_ns(rig: Rig, frames: list[bytes]) -> float:
    """Nanoseconds of CPU of one message: what other processes take from this core does not count."""
    chunks = [frames[at : at + CHUNK] for at in range(0, len(frames), CHUNK)]
    before = time.thread_time_ns()
    for chunk in chunks:
        rig.pipeline.process(chunk, NOW, NOW)
    return (time.thread_time_ns() - before) / len(frames)


def quartiles(values: list[float]) -> list[float]:
    """The first and the third."""
    first, _, third = statistics.quantiles(values, n=4)
    return [round(first, 4), round(third, 4)]


def reading(rows: int) -> dict[str, Any]:
    """Rows a second of a made day."""
    with directory() as place:
        size = make_day(place, rows)
        exact = history("ticks", directory=place, columns=NAMES, floats=False)
        floats = history("ticks", directory=place, columns=NAMES)
        return {
            "history_rows_per_s": rows_per_s(rows, lambda: sum(len(batch) for batch in exact)),
            "history_float_rows_per_s": rows_per_s(rows, lambda: sum(len(batch) for batch in floats)),
            "hot_rows_per_s": rows_per_s(rows, lambda: scan(exact)),
            "history_rows": rows,
            "history_bytes_per_row": round(size / rows, 1),
        }


def scan(exact: Any) -> int:
    """Sum the columns; the rows."""
    rows = 0
    for mapped in exact.hot(SUMMED):
        for column in mapped.values():
            column.sum()
        rows += len(mapped[SUMMED[0]])
    return rows


def rows_per_s(rows: int, read: Any) -> int:
    """The median of some reads, after one that warms the page cache."""
    assert read() == rows
    spent = []
    for _ in range(READS):
        before = time.perf_counter()
        read()
        spent.append(time.perf_counter() - before)
    return round(rows / statistics.median(spent))


def make_day(place: Path, rows: int) -> int:
    """A day of ticks around 60 000: prices near the last one, sizes and pauses of every magnitude; the file's bytes."""
    kind, draw = place / "store" / "ticks", np.random.default_rng(7)
    record = lane_of("ticks").record
    known = {1: ("binance", "BTCUSDT", 2, 5)}
    head = Head("ticks", "feed", "ring", record.name, record.size, record.descr, "ab" * 16, 0, 0, known)
    writer = FileWriter(kind, "binance", "2024-10-04", "all.parquet")
    time_ns, price = 20_000 * 86_400_000_000_000, 6_000_000
    for first in range(0, rows, 1 << 16):
        count = min(1 << 16, rows - first)
        made = np.zeros(count, record.dtype)
        made["publish_ns"] = time_ns + np.cumsum(draw.exponential(10_000, count).astype("i8"))
        made["receive_ns"] = made["publish_ns"] - draw.integers(5_000, 50_000, count)
        made["venue_ns"] = made["receive_ns"] // 1_000_000 * 1_000_000
        made["price"] = price + np.cumsum(draw.integers(-1, 2, count)) + draw.integers(-500, 500, count)
        made["size"] = draw.lognormal(9, 2, count).astype("i8")
        made["side"], made["kind"], made["instrument"] = draw.choice((-1, 1), count), 1, 1
        time_ns, price = int(made["publish_ns"][-1]), int(made["price"][-1])
        writer.add(batch_of(head, made, np.arange(first, first + count)), "publish_ns")
    file = writer.finish(Disk(), Gaps(), ("made",))
    Manifest(kind, [file]).save(Disk())
    heat(kind, Disk())
    return file.size


def measure(*, quick: bool) -> dict[str, Any]:
    """Everything this bench knows."""
    machine, (core, other) = describe(), pair()
    os.sched_setaffinity(0, {core})
    return {
        "machine": machine,
        **rate_without_loss(QUICK_SECONDS if quick else SECONDS, other),
        **feed_cost(QUICK_ROUNDS if quick else ROUNDS, other),
        **reading(QUICK_ROWS if quick else ROWS_STORED),
    }


if __name__ == "__main__":
    options = parser_of("history", __doc__, "fewer rounds and rows: a look, no figures to publish").parse_args()
    output(measure(quick=options.quick), options, lambda found: print(json.dumps(found, indent=2)))

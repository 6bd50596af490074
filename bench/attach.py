"""What notebooks cost the writer of a lane: nanoseconds a publish with no reader, and with 16 attached ones that read.

    python -m bench.attach [--quick] [--json]

The writer and the readers have a core each. A reader is `research.attach(…)` with a tail of TICKS that it reads, and a
frame of the newest 1000 records that it makes, again and again. Chunks of publishes with readers, with the readers
stopped, and with the readers stopped again are interleaved: `ratio` is readers ÷ stopped, `same` is stopped ÷ stopped,
which shows what chance makes of nothing. The figures are the medians of the rounds; the spread is their quartiles.
"""

import argparse
import json
import os
import signal
from statistics import median, quantiles
from typing import Any

import research
import shm
from bench import machine
from bench.measure import clock
from bench.process import Channel, Worker
from engine import instruments
from engine.lanes import FEED, lane_of, open_lanes
from engine.lanes.create import create
from engine.model.instrument import Instrument

READERS = 16
PHASES = ("reading", "stopped", "again")
BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 0)


def measure(rounds: int, count: int) -> dict[str, Any]:
    """Every figure."""
    system = f"bench{os.getpid()}"
    cores = sorted(os.sched_getaffinity(0))
    try:
        for lane in ("ticks", "instruments"):
            create(system, f"{lane}.{FEED}")
        found = _chunks(system, rounds, count, cores[0], cores[-1])
    finally:
        for name in shm.names(system):
            shm.remove(name)
    return {"machine": machine.describe(), "readers": READERS, **_figures(found)}


def _chunks(system: str, rounds: int, count: int, core: int, other: int) -> dict[str, list[float]]:
    """Nanoseconds a publish of each chunk."""
    writer = Worker(core, lambda channel: _write(channel, system, 3 * rounds, count))
    writer.answer()  # the instrument is published
    readers = [Worker(other, lambda channel: _read(channel, system)) for _ in range(READERS)]
    try:
        for reader in readers:
            reader.answer()
            reader.begin()
        found: dict[str, list[float]] = {phase: [] for phase in PHASES}
        for _ in range(rounds):
            for phase in PHASES:
                for reader in readers:
                    os.kill(reader.pid, signal.SIGCONT if phase == "reading" else signal.SIGSTOP)
                writer.begin()
                found[phase].append(writer.answer())
                writer.answer()
        return found
    finally:
        for worker in (*readers, writer):
            worker.end()


def _write(channel: Channel, system: str, chunks: int, count: int) -> None:
    """Publish chunks of ticks, each at the word, and answer what one publish took."""
    lanes = open_lanes(system, FEED)
    instruments.write(lanes.cell_writer("instruments"), 0, BTC, 0)
    ring = lanes.ring_writer("ticks", populate=True)
    record, publish = bytes(lane_of("ticks").record.size), ring.publish_bytes
    for _ in range(chunks):
        channel.ready()
        began = clock()
        for _ in range(count):
            publish(record)
        channel.answer((clock() - began) / count)
    channel.ready()


def _read(channel: Channel, system: str) -> None:
    """Read as a notebook does, without an end."""
    attached = research.attach(system, to="numpy")
    tail = attached.tail("ticks")
    channel.ready()
    while True:
        tail.read()
        attached.ticks(last=1_000)


def _figures(found: dict[str, list[float]]) -> dict[str, Any]:
    """Medians of the rounds, and the quartiles of the ratios."""
    ratios = [one / other for one, other in zip(found["reading"], found["stopped"], strict=True)]
    same = [one / other for one, other in zip(found["again"], found["stopped"], strict=True)]
    return {
        "publish_ns_0": round(median(found["stopped"]), 1),
        "publish_ns_16": round(median(found["reading"]), 1),
        "ratio": round(median(ratios), 3),
        "ratio_spread": _quartiles(ratios),
        "same": round(median(same), 3),
        "same_spread": _quartiles(same),
    }


def _quartiles(values: list[float]) -> list[float]:
    low, _, high = quantiles(values, n=4)
    return [round(low, 3), round(high, 3)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds: it runs, the figures mean little")
    parser.add_argument("--json", action="store_true", help="one line")
    words = parser.parse_args()
    figures = measure(*((5, 20_000) if words.quick else (101, 200_000)))
    print(json.dumps(figures, indent=None if words.json else 2))

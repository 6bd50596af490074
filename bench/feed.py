"""From a frame's bytes to records that another process can read: scan, book, publish, through the feed's own pipeline.

    python -m bench.feed [--json]

Real rings and cells, one process; the reader that counts what was lost drains between the measured calls. Frames and
peers run in turn, round after round, so that a noisy minute hits them all. From the socket to a tick that another
process sees is `bench.wire_to_tick`, from the decoded frame to the book in another process `bench.visible`; receiving
a message is `bench.wire`; receiving, decoding and publishing one is `bench.message`: all run here too.
"""

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import corpus, machine, message, replay, visible, wire, wire_to_tick
from bench.peers.decoders import PEERS
from bench.rig import NOW, Rig

FRAMES = 20_000
ROUNDS = 5
PEER_FRAMES = 2_000
WIRE_COUNT = 100 * 64  # messages a round
CHUNK = 256
Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of frame: its venue's wire, the frame that bridges the book, and the frames measured."""

    venue: str
    first: bytes
    frames: list[bytes]


def kinds() -> dict[str, Kind]:
    """The kinds measured, in JSON and in SBE."""
    diffs, bests = corpus.made_diffs(FRAMES + 1), corpus.made_bests(FRAMES)
    binary_diffs, binary_bests = corpus.as_sbe(diffs), corpus.as_sbe(bests)
    return {
        "diff20": Kind("binance", diffs[0], diffs[1:]),
        "bbo": Kind("binance", diffs[0], bests),
        "sbe_diff20": Kind("binance-sbe", binary_diffs[0], binary_diffs[1:]),
        "sbe_bbo": Kind("binance-sbe", binary_diffs[0], binary_bests),
    }


def timed(run: Callable[[Given], object], frames: list[Given]) -> tuple[int, int]:
    """(p50, p99) nanoseconds of each frame alone; the clock's own cost is subtracted."""
    clock = time.perf_counter_ns
    idle = max(clock() - clock() for _ in range(1000))  # least of the cost, as a negative number
    times = []
    for frame in frames:
        before = clock()
        run(frame)
        times.append(clock() - before + idle)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def through_pipeline(kind: Kind) -> tuple[int, int]:
    """(p50, p99) of one kind of frame, in a book of its own."""
    rig = Rig(kind.venue, corpus.made_snapshot(), 8)
    rig.pipeline.process([kind.first], NOW, NOW)
    frames = [[frame] for frame in kind.frames]
    found = timed(lambda one: rig.pipeline.process(one, NOW, NOW), frames)
    rig.drain()
    assert rig.track.gaps == rig.pipeline.malformed == 0, "the made frames are not a sequence"
    rig.close()
    return found


def latencies() -> dict[str, object]:
    """Every kind and every peer once a round; the median of the rounds, with the lowest and the highest p50 beside."""
    measured, absent = kinds(), {peer.name: why for peer in PEERS if (why := peer.missing())}
    runs = {peer.name: peer.open() for peer in PEERS if peer.name not in absent}
    rounds: dict[str, list[tuple[int, int]]] = {name: [] for name in (*measured, *runs)}
    gc.freeze()
    for _ in range(ROUNDS):
        for name, kind in measured.items():
            rounds[name].append(through_pipeline(kind))
        for name, run in runs.items():
            rounds[name].append(timed(run, measured["diff20"].frames[:PEER_FRAMES]))
    p50 = {name: int(statistics.median(one[0] for one in found)) for name, found in rounds.items()}
    p99 = {name: int(statistics.median(one[1] for one in found)) for name, found in rounds.items()}
    figures = {f"{name}_{of}_ns": each[name] for name in measured for of, each in (("p50", p50), ("p99", p99))}
    spread = {name: [min(one[0] for one in found), max(one[0] for one in found)] for name, found in rounds.items()}
    return {**figures, "peers": {name: p50[name] for name in runs}, "spread": spread, "absent": absent}


def pipeline() -> dict[str, object]:
    """Every recorded frame of two products through scanner, book and outbox alone."""
    sessions = [("binance", 8, *corpus.recorded(corpus.SPOT)), ("binance-usdm", 3, *corpus.recorded(corpus.USDM))]
    rates, lost = [], 0
    for _ in range(ROUNDS):
        spent = count = 0
        for venue, decimals, snapshot, frames in sessions:
            rig = Rig(venue, snapshot, decimals)
            for start in range(0, len(frames), CHUNK):
                chunk = frames[start : start + CHUNK]
                before = time.perf_counter_ns()
                rig.pipeline.process(chunk, NOW, NOW)
                spent += time.perf_counter_ns() - before
                rig.drain()
            count += len(frames)
            lost += rig.lost + (rig.read != rig.ticks.cursor) + rig.pipeline.malformed + rig.track.gaps
            rig.close()
        rates.append(count * 1e9 / spent)
    return {"pipeline_messages_per_s": int(statistics.median(rates)), "pipeline_lost": lost}


def received() -> dict[str, object]:
    """What a 1 KB message costs to receive, by the wire's own bench."""
    installed = {name: receiver for name, (module, receiver) in wire.PEERS.items() if find_spec(module)}
    skipped = [name for name in wire.PEERS if name not in installed]
    with tempfile.TemporaryDirectory() as folder:
        rounds = wire.measure({"ours": wire.receive_ours, **installed}, ROUNDS, WIRE_COUNT, Path(folder))
    found = wire.report(rounds, skipped)
    return {
        "ws_receive_1k_ns": found["ws_receive_1k_ns"],
        "ws_receive_1k_tls_ns": found["ws_receive_1k_tls_ns"],
        "ws_receive": {name: found[name] for name in ("spread", "peers", "skipped")},
    }


def measure() -> dict[str, object]:
    """Everything this bench knows."""
    found: dict[str, object] = {"machine": machine.describe(), **latencies()}
    if corpus.CAPTURES.is_dir():
        found |= pipeline() | replay.measure()
    return found | message.measure() | visible.measure() | wire_to_tick.measure() | received()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    result = measure()
    print(json.dumps(result) if parser.parse_args().json else json.dumps(result, indent=2))

"""The cost for a feed of copying every frame into FRAMES, whether or not a recorder runs.

    python -m bench.tap [--json]

A port that gives the same frames at each poll, plain and tapped in turns; the least of the rounds.
"""

import argparse
import json
import sys
import time
import uuid
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import shm
from bench import machine
from engine.feed.capture.tap import Tap, TappedStream
from engine.lanes import FEED, lane_of, open_lanes
from engine.lanes.create import create
from engine.venues.port import PortState, StreamDefaults

ROUNDS = 9
FRAMES = 100_000
TYPICAL = 180  # bytes of a best bid and ask
LANES = ("frames.feed", "connections.feed")


class Port(StreamDefaults):
    """A stream that has always just received these."""

    state, error, receive_ns = PortState.OPEN, "", 1

    def __init__(self, frames: list[bytes]) -> None:
        """Give them at each poll."""
        self.frames = frames

    def poll(self, now_ns: int) -> list[bytes]:
        """All of them."""
        del now_ns
        return self.frames

    def send(self, payload: bytes) -> bool:
        """No reader is attached."""
        del payload
        return True

    def close(self) -> None:
        """Nothing to close."""


def per_frame(port: Port | TappedStream, among: int) -> float:
    """Nanoseconds of one frame among so many in a poll."""
    poll, count = port.poll, FRAMES // among
    before = time.perf_counter_ns()
    for _ in range(count):
        poll(1)
        port.receive_ns  # noqa: B018 - as the feed's link asks for it
    return (time.perf_counter_ns() - before) / (count * among)


def cost(tap: Tap, size: int, among: int) -> int:
    """What the tap adds to a frame."""
    port = Port([b"x" * size] * among)
    tapped = TappedStream(port, tap, "bench", "binance", "/stream", 1)
    rounds = [(per_frame(port, among), per_frame(tapped, among)) for _ in range(ROUNDS)]
    return round(min(after for _, after in rounds) - min(before for before, _ in rounds))


def measure() -> dict[str, object]:
    """A typical frame alone and among others, and a larger one."""
    system = f"bench-tap-{uuid.uuid4().hex[:8]}"
    for name in LANES:
        create(system, name)
    tap = Tap(
        open_lanes(system, FEED).ring_writer("frames", populate=True),
        open_lanes(system, FEED).cell_writer("connections"),
        lane_of("connections").count,
    )
    try:
        return {
            "machine": machine.describe(),
            "alone_ns": cost(tap, TYPICAL, 1),
            "among_16_ns": cost(tap, TYPICAL, 16),
            "1k_among_16_ns": cost(tap, 1024, 16),
        }
    finally:
        tap.close()
        for name in LANES:
            shm.remove(f"{system}.{name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    result = measure()
    print(json.dumps(result) if parser.parse_args().json else json.dumps(result, indent=2))

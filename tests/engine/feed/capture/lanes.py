"""The lanes of a recording feed, with a tap that a test drives by hand."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import shm
from engine.feed.capture.tap import Tap
from engine.lanes import FEED, lane_of, open_lanes

NAMES = ("frames.feed", "connections.feed")


@dataclass
class Tapped:
    """A system of two lanes."""

    system: str
    tap: Tap

    def live_again(self) -> None:
        """The feed died and was started anew."""
        self.tap.close()
        self.tap = open_tap(self.system)


def open_tap(system: str, feed: str = FEED) -> Tap:
    """Become the writer."""
    frames = open_lanes(system, FEED, feed).ring_writer("frames")
    cells = open_lanes(system, FEED, feed).cell_writer("connections")
    return Tap(frames, cells, lane_of("connections").count)


@contextmanager
def tapped(capacity: int = 0) -> Iterator[Tapped]:
    """Make the lanes, with fewer slots where asked, and remove them."""
    system = f"test-tap-{uuid.uuid4().hex[:12]}"
    for name in NAMES:
        lane = lane_of(name)
        slots, reserve = (capacity, 16) if capacity and lane.kind == "ring" else (lane.capacity, lane.reserve)
        shm.create(f"{system}.{name}", lane.record, lane.kind, capacity=slots, reserve=reserve, count=lane.count,
                   wake=lane.wake)  # fmt: skip
    made = Tapped(system, open_tap(system))
    try:
        yield made
    finally:
        made.tap.close()
        for name in NAMES:
            shm.remove(f"{system}.{name}")

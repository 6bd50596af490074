"""Making the segments of a system from the map."""

import dataclasses
from collections.abc import Iterator

import shm
from engine.lanes.map import LANES, Lane, lane_of
from engine.lanes.open import full_name
from engine.lanes.owners import Owners
from shm.segment import Shape


def lanes_of(owners: Owners, *, replay: bool = False) -> Iterator[tuple[str, Lane, str]]:
    """Every lane of a system with its name in it, and its owner where it exists once for each.

    In a replay no execution reads the intents. A lossless ring would then refuse every one, so a plain ring is made.
    """
    for lane in LANES:
        unread = replay and lane.kind == "lossless"
        made = dataclasses.replace(lane, kind="ring") if unread else lane
        for of in owners.of_lane(lane):
            yield full_name(lane, of), made, of


def size_of(lane: Lane) -> int:
    """The bytes of a lane's segment."""
    shape = Shape(lane.record, lane.kind, lane.capacity, lane.reserve, lane.count, lane.wake, lane.start)
    return shape.header().total_size


def create(system: str, name: str, lane: Lane | None = None, *, wake: str = "", node: int | None = None) -> bool:
    """Make a lane's segment, or go on with the one that is there: True when it was made.

    `name` is the lane's name in its system. `lane` is what to make where that differs from the map's row. A new
    segment's memory is of this NUMA `node`.
    """
    lane = lane or lane_of(name)
    return shm.create(
        f"{system}.{name}",
        lane.record,
        lane.kind,
        capacity=lane.capacity,
        reserve=lane.reserve,
        count=lane.count,
        wake=wake or lane.wake,
        start=lane.start,
        node=node,
    )

"""The segments of a configuration: made before any role starts, removed when the system goes down."""

import dataclasses
from collections.abc import Iterator

import shm
from engine.config import Config
from engine.lanes import LANES, Lane

SUPERVISOR = "supervisor"


def lanes(config: Config) -> Iterator[tuple[str, Lane]]:
    """Every segment's name with its lane; lanes marked `each` once for every strategy or role."""
    for lane in LANES:
        for each in _each(config, lane):
            yield config.lane(lane.name, each), _in_mode(config, lane)


def _in_mode(config: Config, lane: Lane) -> Lane:
    """A replay has no execution that reads intents: a lossless lane would refuse every one, so it is a plain ring."""
    unread = config.system.mode == "replay" and lane.kind == "lossless"
    return dataclasses.replace(lane, kind="ring") if unread else lane


def _each(config: Config, lane: Lane) -> tuple[str, ...]:
    """Whose such a lane there is; the supervisor beats too, but decides nothing that a replay needs."""
    if lane.each == "strategy":
        return tuple(strategy.name for strategy in config.strategies)
    if lane.each == "role":
        return config.role_names + ((SUPERVISOR,) if lane.name == "heartbeat" else ())
    return ("",)


def make(config: Config) -> int:
    """Make what is missing, go on with what is there; how many were made."""
    return sum(
        shm.create(
            name,
            lane.record,
            lane.kind,
            capacity=lane.capacity,
            reserve=lane.reserve,
            count=lane.count,
            wake=lane.wake,
            start=lane.start,
        )
        for name, lane in lanes(config)
    )


def remove(config: Config) -> list[str]:
    """Remove all of the system's segments; the names of those that stay: their writer lives, or they are another's."""
    kept = []
    for name in shm.names(config.system.name):
        try:
            shm.remove(name)
        except (shm.SegmentError, OSError):  # its writer lives, or it is no segment at all
            kept.append(name)
    return kept

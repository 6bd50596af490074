"""The segments of a configuration: made before any role starts, removed when the system goes down."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator

import shm
from engine.config import Config
from engine.lanes import AGGREGATION, EXECUTION, FEED, LANES, STRATEGY, Lane
from shm.segment import path_of

SUPERVISOR = "supervisor"
KINDS = (FEED, EXECUTION, AGGREGATION, STRATEGY)


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
    """Make what is missing, go on with what is there; how many were made. One that fails takes back what it made."""
    made: list[str] = []
    try:
        for name, lane in lanes(config):
            made += [name] * _make(name, lane)
    except BaseException:
        for name in made:
            shm.remove(name)
        raise
    return len(made)


def _make(name: str, lane: Lane) -> bool:
    return shm.create(
        name,
        lane.record,
        lane.kind,
        capacity=lane.capacity,
        reserve=lane.reserve,
        count=lane.count,
        wake=lane.wake,
        start=lane.start,
    )


Files = dict[str, tuple[int, int]]


def files(config: Config) -> Files:
    """Device and inode of every segment that has a file now."""
    found = {}
    for name, _ in lanes(config):
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(path_of(name))
            found[name] = (status.st_dev, status.st_ino)
    return found


def concerned(config: Config, lost: set[str]) -> set[str]:
    """The roles that map one of these segments, by the map of lanes; a role that the map does not know always does."""
    strategies = {strategy.name for strategy in config.strategies}
    found = set()
    for name, lane in lanes(config):
        users, each = {lane.writer, *lane.readers}, name.removeprefix(config.lane(lane.name)).removeprefix(".")
        for role in config.role_names if name in lost else ():
            kind = STRATEGY if role in strategies else role
            own = each in ("", role) and (kind in users or lane.writer == "role")
            if own or (each and kind in users and kind != STRATEGY) or kind not in KINDS:
                found.add(role)
    return found


def remove(config: Config) -> list[str]:
    """Remove all of the system's segments; the names of those that stay: their writer lives, or they are another's."""
    kept = []
    for name in shm.names(config.system.name):
        try:
            shm.remove(name)
        except (shm.SegmentError, OSError):  # its writer lives, or it is no segment at all
            kept.append(name)
    return kept

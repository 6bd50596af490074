"""The segments of a configuration: made before any role starts, removed when the system goes down."""

import contextlib
import os
from collections.abc import Iterator

import shm
from engine.config import Config
from engine.lanes import AGGREGATION, EXECUTION, FEED, STRATEGY, Lane
from engine.lanes.create import create, lanes_of
from shm.segment import path_of

KINDS = (FEED, EXECUTION, AGGREGATION, STRATEGY)


def lanes(config: Config) -> Iterator[tuple[str, Lane, str]]:
    """Every lane of a system with its name in it, and whose it is where it exists once for each."""
    strategies = [strategy.name for strategy in config.strategies]
    return lanes_of(strategies, config.role_names, replay=config.system.mode == "replay")


def make(config: Config) -> int:
    """Make what is missing, go on with what is there; how many were made. One that fails takes back what it made."""
    made: list[str] = []
    try:
        for name, lane, _ in lanes(config):
            made += [name] * create(config.system.name, name, lane)
    except BaseException:
        for name in made:
            shm.remove(config.lane(name))
        raise
    return len(made)


Files = dict[str, tuple[int, int]]


def files(config: Config) -> Files:
    """Device and inode of every segment that has a file now."""
    found = {}
    for name, _, _ in lanes(config):
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(path_of(config.lane(name)))
            found[config.lane(name)] = (status.st_dev, status.st_ino)
    return found


def concerned(config: Config, lost: set[str]) -> set[str]:
    """The roles that map one of these segments, by the map of lanes; a role that the map does not name always does."""
    gone = [(lane, of) for name, lane, of in lanes(config) if config.lane(name) in lost]
    return {role for role in config.role_names if any(_maps(config.kind_of(role), role, *one) for one in gone)}


def _maps(kind: str, role: str, lane: Lane, of: str) -> bool:
    return kind not in KINDS or lane.is_written_by(kind, role, of) or lane.is_read_by(kind, role, of)


def remove(config: Config) -> list[str]:
    """Remove all of the system's segments; the names of those that stay: their writer lives, or they are another's."""
    kept = []
    for name in shm.names(config.system.name):
        try:
            shm.remove(name)
        except (shm.SegmentError, OSError):  # its writer lives, or it is no segment at all
            kept.append(name)
    return kept

"""The segments of a configuration: created before any role starts, removed when the system goes down."""

import contextlib
import os
from collections.abc import Iterator

import shm
from engine.config import Config
from engine.lanes import AGGREGATION, EXECUTION, FEED, STRATEGY, Lane, owners_of
from engine.lanes.create import create, lanes_of
from shm.segment import path_of

KINDS = (FEED, EXECUTION, AGGREGATION, STRATEGY)


def lanes(config: Config) -> Iterator[tuple[str, Lane, str]]:
    """Every lane of a system: its name, its row of the map, and its owner where it exists once for each."""
    return lanes_of(owners_of(config), replay=config.system.mode == "replay")


def make(config: Config) -> int:
    """Create the missing segments and keep the others; how many were created. After an error none is left over."""
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
    """Device and inode of every segment whose file exists."""
    found = {}
    for name, _, _ in lanes(config):
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(path_of(config.lane(name)))
            found[config.lane(name)] = (status.st_dev, status.st_ino)
    return found


def concerned(config: Config, lost: set[str]) -> set[str]:
    """The roles that use one of these segments by the map of lanes; a role that is not in the map counts as a user."""
    gone = [(lane, of) for name, lane, of in lanes(config) if config.lane(name) in lost]
    return {role for role in config.role_names if any(_maps(config.kind_of(role), role, *one) for one in gone)}


def _maps(kind: str, role: str, lane: Lane, of: str) -> bool:
    return kind not in KINDS or lane.is_written_by(kind, role, of) or lane.is_read_by(kind, role, of)


def remove(config: Config) -> list[str]:
    """Remove the system's segments; the names of those that stay, because their writer runs or they are no segments."""
    kept = []
    for name in shm.names(config.system.name):
        try:
            shm.remove(name)
        except (shm.SegmentError, OSError):  # its writer runs, or it is no segment
            kept.append(name)
    return kept

"""The segments of a configuration: created before any role starts, removed when the system goes down."""

import contextlib
import os
from collections.abc import Iterable, Iterator

import shm
from engine import placement
from engine.config import Config
from engine.lanes import AGGREGATION, CANCELLER, EXECUTION, FEED, LANES, STRATEGY, Lane, owners_of
from engine.lanes.create import create as create_segment
from engine.lanes.create import lanes_of
from shm.segment import path_of

KINDS = (FEED, EXECUTION, AGGREGATION, STRATEGY, CANCELLER)


def lanes(config: Config) -> Iterator[tuple[str, Lane, str]]:
    """Every lane of a system: its name, its row of the map, and its owner where it exists once for each."""
    return lanes_of(owners_of(config), replay=config.system.mode == "replay")


def create(config: Config) -> set[str]:
    """Create the missing segments and keep the others; which were created. After an error those are removed."""
    created: list[str] = []
    try:
        for name, lane, of in lanes(config):
            made = create_segment(config.system.name, name, lane, node=node_of(config, lane, of))
            created += [config.lane(name)] * made
    except BaseException:
        for name in created:
            shm.remove(name)
        raise
    return set(created)


def node_of(config: Config, lane: Lane, of: str) -> int | None:
    """The NUMA node of the process that writes a lane; None where its table has none, or the machine has only one."""
    for process in config.placement:
        for role in process.roles:
            if lane.is_written_by(config.kind_of(role), role, of) and _uses(config, role, lane, of):
                return placement.node_of(process)
    return None


Files = dict[str, tuple[int, int]]


def files(config: Config) -> Files:
    """Device and inode of every segment whose file exists."""
    found = {}
    for name, _, _ in lanes(config):
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(path_of(config.lane(name)))
            found[config.lane(name)] = (status.st_dev, status.st_ino)
    return found


def users_of(config: Config, names: set[str]) -> set[str]:
    """The roles that use one of these segments by the map of lanes; a role that is not in the map counts as a user."""
    used = [(lane, of) for name, lane, of in lanes(config) if config.lane(name) in names]
    return {role for role in config.role_names if any(_uses(config, role, *one) for one in used)}


def _uses(config: Config, role: str, lane: Lane, of: str) -> bool:
    """Whether a role uses a lane of this owner; a canceller uses those of its own execution alone."""
    kind = config.kind_of(role)
    if kind == CANCELLER and lane.each == EXECUTION and of != config.execution_of_canceller(role):
        return False
    return kind not in KINDS or lane.is_written_by(kind, role, of) or lane.is_read_by(kind, role, of)


def remove(config: Config) -> list[str]:
    """Remove the system's segments; the names of the remaining files: their writer runs, or they are no segments."""
    return _remove(shm.names(config.system.name))


def remove_unowned(config: Config) -> list[str]:
    """Remove the lanes of owners that an earlier file named; return the lanes that remain because their writer runs.

    engine-ctl and views find a lane's owners by its segments, and would show a renamed account twice.
    """
    owned, known = {config.lane(name) for name, _, _ in lanes(config)}, {lane.name for lane in LANES}
    found = (name for name in shm.names(config.system.name) if name.split(".")[1] in known)
    return _remove(name for name in found if name not in owned)


def _remove(names: Iterable[str]) -> list[str]:
    kept = []
    for name in names:
        try:
            shm.remove(name)
        except (shm.SegmentError, OSError):  # its writer runs, or it is no segment
            kept.append(name)
    return kept

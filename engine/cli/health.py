"""What makes a system unhealthy although every process runs: a feed without a heartbeat, stopped entries.

What cannot be read is not known, and what is not known is unhealthy.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import shm
from engine.cli.output import executions, monotonic_age, print_line
from engine.lanes import EXECUTION, FEED, LOOKERS, ROUTER, STRATEGY, Owners, lane_of, open_lanes
from engine.lanes.create import lanes_of
from engine.lanes.map import BY_NAME
from engine.model.refusals import refusal_text
from shm.segment import path_of

READERS = {"cells": shm.CellReader, "words": shm.WordReader}
SILENT_NS = 2_000_000_000  # a role whose heartbeat is older is dead or frozen


def unreadable_lanes(system: str, processes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The lanes of a system that cannot be read, each with the error; those that the roles of `processes` need too."""
    found = (name for name in shm.names(system) if name.split(".")[1] in BY_NAME)
    errors = {name: _error_of(name) for name in sorted({*found, *_needed(system, processes)})}
    return {name: error for name, error in errors.items() if error}


def _needed(system: str, processes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The lanes of the roles that the status names; an execution is not among the roles of a replay."""
    roles = [(role, kind) for one in processes for role, kind in zip(one["roles"], one["kinds"], strict=True)]
    strategies, feeds, accounts, routers = (
        tuple(role for role, kind in roles if kind == of) for of in (STRATEGY, FEED, EXECUTION, ROUTER)
    )
    owners = Owners(strategies, tuple(role for role, _ in roles), feeds, accounts, routers)
    return (f"{system}.{name}" for name, _, _ in lanes_of(owners))


def _error_of(name: str) -> str:
    """Why a lane cannot be read; empty when it can."""
    lane = lane_of(name.partition(".")[2])
    try:
        READERS.get(lane.kind, shm.RingReader)(name, lane.record)
    except (shm.SegmentError, OSError) as error:
        return str(error)
    return ""


def print_unreadable(found: Mapping[str, str]) -> None:
    """A line for each lane that cannot be read, and what to do."""
    for name, error in found.items():
        print_line(f"UNKNOWN what lane {name} holds, it cannot be read: {error}")
    if found:
        paths = " ".join(path_of(name) for name in found)
        print_line(
            f"run engine-ctl as the user of the system; if that user cannot read them either, rm -f {paths}: the"
            " supervisor creates the lanes again and restarts the processes that use them"
        )


def feed_silent_ns(system: str, feed: str) -> int | None:
    """The age of a feed's heartbeat when the feed is dead or frozen, 0 while it beats; None when it is not known."""
    try:
        cells = open_lanes(system, LOOKERS).cell_reader("heartbeat", feed)
    except (shm.SegmentError, OSError):
        return None
    row = cells.read(0)
    if row is None:
        return None
    age_ns = monotonic_age(row.beat_ns)
    return age_ns if age_ns > SILENT_NS or cells.owner.life() == "dead" else 0


def entries_stopped(system: str) -> dict[str, str]:
    """The executions that send exits only, each with the reason; empty while all send entries too."""
    reasons = {role: _exits_only(system, role) for role in executions(system)}
    return {role: refusal_text(reason) for role, reason in reasons.items() if reason}


def entries_unknown(system: str, running: Collection[str]) -> dict[str, str]:
    """Those of the `running` executions whose cell GATE cannot be read or was not written, with the text."""
    unread = [role for role in running if _exits_only(system, role) is None]
    return {role: f"UNKNOWN whether {role} sends entries: its cell GATE cannot be read" for role in unread}


def _exits_only(system: str, role: str) -> int | None:
    """The reason for which an execution sends exits only, 0 while it sends entries too; None when it is not known."""
    try:
        row = open_lanes(system, LOOKERS).cell_reader("gate", role).read(0)
    except (shm.SegmentError, OSError):
        return None
    return None if row is None else int(row.exits_only)

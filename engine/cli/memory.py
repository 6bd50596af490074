"""Looking at segments: ls, stat, tail. Read-only, registered nowhere, fine with a dead writer."""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import shm
from engine.cli import NO, Complaint
from engine.cli.output import ago, attach, choose_lane, choose_system, iso, monotonic_age, row_tree, say_json, say_table
from engine.cli.trees import Naming, tree_of
from engine.model.words import FillFlag
from shm.segment import path_of

Show = Callable[[Any], dict[str, Any]]
OPENING = FillFlag.OPENING.name  # no trade: what was held before the ring began
FOLLOW_NS = 100_000_000
NAP_S = 0.05


def describe(name: str) -> dict[str, Any]:
    """What a segment says of itself; an unreadable one says why."""
    try:
        lane = attach(name)
    except Complaint as error:
        return {"name": name, "error": str(error)}
    found = lane.header
    return {
        "name": name, "kind": found.kind, "record": found.record.name, "record_size": found.record.size,
        "slots": found.cells if found.kind == "cells" else found.capacity, "bytes": found.total_size,
        "wake": found.wake, "cursor": sum_of(lane), "epoch": lane.epoch,
        "pid": lane.owner.pid, "owner": lane.owner.life(),
        "closed_cleanly": lane.closed_cleanly, "beat_age_ns": monotonic_age(lane.beat_ns) if lane.beat_ns else None,
        "created_ns": found.created_ns, "created": iso(found.created_ns),
    }  # fmt: skip


def sum_of(lane: "shm.RingReader | shm.CellReader") -> int:
    """How many records were ever published: a ring's cursor, or the writes of all cells."""
    if isinstance(lane, shm.RingReader):
        return lane.end
    return sum(lane.sequence(index) for index in range(lane.count))


def ls(options: argparse.Namespace) -> int:
    """List the segments."""
    system = choose_system(options.system) if options.system else ""
    rows = [describe(name) for name in shm.names(system, aside=options.aside)]
    if options.json:
        say_json(rows)
        return 0
    columns = ("name", "kind", "record", "slots", "bytes", "cursor", "epoch", "pid", "owner")
    say_table(columns, [[row.get(key, "unreadable" if key == "kind" else "-") for key in columns] for row in rows])
    return 0


def stat(options: argparse.Namespace) -> int:
    """Show one lane, with its rate; 1 when its writer is dead."""
    name = choose_lane(options.lane, options.system)
    tree = describe(name)
    if "error" in tree:
        raise Complaint(tree["error"])
    tree["per_s"] = _rate(name, options.seconds)
    tree["path"] = path_of(name)
    tree["mode"] = f"{Path(tree['path']).stat().st_mode & 0o777:04o}"
    if options.json:
        say_json(tree)
    else:
        age = tree.pop("beat_age_ns")
        tree["writer_opened_or_beat"] = "never" if age is None else f"{ago(age)} ago"
        say_table(("field", "value"), tree.items())
    return NO if tree["owner"] == "dead" and not tree["closed_cleanly"] else 0


def _rate(name: str, seconds: float) -> float:
    """Records published a second, counted for a while."""
    lane = attach(name)
    first, began = sum_of(lane), time.monotonic()
    time.sleep(max(seconds, 0.0))
    count = sum_of(lane) - first
    return round(count / (time.monotonic() - began), 1)


def tail(options: argparse.Namespace) -> int:
    """Print the newest records, and with --follow those that come."""
    name = choose_lane(options.lane, options.system)
    show = shower(name)
    for tree in follow(name, options.n, show) if options.follow else newest(name, options.n, show):
        if options.openings or not (name.endswith(".fills") and OPENING in tree.get("flags", ())):
            say_json(tree)
    return 0


def shower(name: str) -> Show:
    """Shows records of a segment in the one shape that all commands have."""
    naming = Naming.of(name.partition(".")[0])
    return lambda row: tree_of(row, naming)


def newest(name: str, count: int, show: Show = row_tree) -> list[dict[str, Any]]:
    """The newest records of a lane, or all written cells; as they are, unless `show` shows them otherwise."""
    lane = attach(name)
    return _ring_rows(lane, count, show) if isinstance(lane, shm.RingReader) else list(_cell_rows(lane, {}, show))


def _ring_rows(ring: shm.RingReader, count: int, show: Show) -> list[dict[str, Any]]:
    ring.cursor = max(ring.oldest, ring.end - count)
    return list(_waiting(ring, show))


def _waiting(ring: shm.RingReader, show: Show) -> Iterator[dict[str, Any]]:
    """What waits, each with its sequence; a loss is a line of its own."""
    end = ring.end  # a busy lane must not keep us here
    while ring.cursor < end and (row := ring.read()) is not None:
        if isinstance(row, shm.Lapped):
            yield {"lost": row.lost, "first": row.first, "after": row.after}
        else:
            yield {"sequence": ring.cursor - 1, **show(row)}


def _cell_rows(cells: shm.CellReader, seen: dict[int, int], show: Show) -> Iterator[dict[str, Any]]:
    """The cells whose sequence is not the one seen."""
    for index in range(cells.count):
        sequence = cells.sequence(index)
        if sequence and seen.get(index) != sequence and (row := cells.read(index)) is not None:
            seen[index] = sequence
            yield {"cell": index, "sequence": sequence, **show(row)}


def follow(name: str, count: int, show: Show = row_tree) -> Iterator[dict[str, Any]]:
    """The newest records and then every one that comes; a lane made anew is attached anew."""
    lane, seen = attach(name), dict[int, int]()
    if isinstance(lane, shm.RingReader):
        lane.cursor = max(lane.oldest, lane.end - count)
    while True:
        yield from _waiting(lane, show) if isinstance(lane, shm.RingReader) else _cell_rows(lane, seen, show)
        if not isinstance(lane, shm.RingReader) or lane.header.wake == "never":
            time.sleep(NAP_S)
        else:
            lane.wait(FOLLOW_NS)
        if lane.replaced():
            lane, seen = attach(name), {}

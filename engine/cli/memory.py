"""Segments: ls, stat, tail. They attach read-only, do not register and need no living writer."""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import shm
from engine.cli import FAILED, WRONG_USE, CommandError
from engine.cli.output import (
    ago,
    attach,
    choose_lane,
    choose_system,
    iso,
    monotonic_age,
    print_json,
    print_record,
    print_table,
    row_tree,
)
from engine.cli.trees import Naming, tree_of
from engine.model.words import FillFlag
from shm.segment import path_of

Format = Callable[[Any], dict[str, Any]]
OPENING = FillFlag.OPENING.name  # no trade: a holding from before the ring began
FOLLOW_NS = 100_000_000
POLL_S = 0.05


def describe(name: str) -> dict[str, Any]:
    """The content of a segment's header; for an unreadable segment, the error."""
    try:
        lane = attach(name)
    except CommandError as error:
        return {"name": name, "error": str(error)}
    found = lane.header
    return {
        "name": name, "kind": found.kind, "record": found.record.name, "record_size": found.record.size,
        "slots": found.cells or found.capacity, "bytes": found.total_size,
        "wake": found.wake, "cursor": sum_of(lane), "epoch": lane.epoch,
        "pid": lane.owner.pid, "owner": lane.owner.life(),
        "closed_cleanly": lane.closed_cleanly, "beat_age_ns": monotonic_age(lane.beat_ns) if lane.beat_ns else None,
        "created_ns": found.created_ns, "created": iso(found.created_ns),
    }  # fmt: skip


def sum_of(lane: "shm.RingReader | shm.CellReader | shm.WordReader") -> int:
    """How many records were ever published: a ring's cursor, or the writes of all cells; words are not counted."""
    if isinstance(lane, shm.RingReader):
        return lane.end
    if isinstance(lane, shm.WordReader):
        return 0
    return sum(lane.sequence(index) for index in range(lane.count))


def ls(options: argparse.Namespace) -> int:
    """List the segments."""
    system = choose_system(options.system) if options.system else ""
    rows = [describe(name) for name in shm.names(system, aside=options.aside)]
    if options.json:
        print_json(options, *rows)
        return 0
    columns = ("name", "kind", "record", "slots", "bytes", "cursor", "epoch", "pid", "owner")
    print_table(columns, [[row.get(key, "unreadable" if key == "kind" else "-") for key in columns] for row in rows])
    return 0


def stat(options: argparse.Namespace) -> int:
    """Show one lane, with its rate; 1 when its writer is dead."""
    name = choose_lane(options.lane, options.system)
    tree = describe(name)
    if "error" in tree:
        raise CommandError(tree["error"])
    tree["per_s"] = _rate(name, options.seconds)
    tree["path"] = path_of(name)
    tree["mode"] = f"{Path(tree['path']).stat().st_mode & 0o777:04o}"
    if options.json:
        print_json(options, tree)
    else:
        age = tree.pop("beat_age_ns")
        tree["writer_opened_or_beat"] = "never" if age is None else f"{ago(age)} ago"
        print_table(("field", "value"), tree.items())
    return FAILED if tree["owner"] == "dead" and not tree["closed_cleanly"] else 0


def _rate(name: str, seconds: float) -> float:
    """Records published per second, measured for this long."""
    lane = attach(name)
    first, began = sum_of(lane), time.monotonic()
    time.sleep(max(seconds, 0.0))
    count = sum_of(lane) - first
    return round(count / (time.monotonic() - began), 1)


def tail(options: argparse.Namespace) -> int:
    """Print the newest records, and with --follow new ones as they are published."""
    name = choose_lane(options.lane, options.system)
    if isinstance(attach(name), shm.WordReader):
        raise CommandError(f"{name} holds meters, not records: engine-ctl latency shows them", WRONG_USE)
    to_tree = formatter_of(name)
    for tree in follow(name, options.n, to_tree) if options.follow else newest(name, options.n, to_tree):
        if options.openings or not (name.split(".")[1] == "fills" and OPENING in tree.get("flags", ())):
            print_record(options, tree)
    return 0


def formatter_of(name: str) -> Format:
    """Formats a segment's records as all commands do."""
    naming = Naming.of(name.partition(".")[0])
    return lambda row: tree_of(row, naming)


def newest(name: str, count: int, to_tree: Format = row_tree) -> list[dict[str, Any]]:
    """The newest records of a ring, or all written cells; `to_tree` formats each."""
    lane = attach(name)
    if isinstance(lane, shm.RingReader):
        return _ring_rows(lane, count, to_tree)
    return list(_cell_rows(lane, {}, to_tree)) if isinstance(lane, shm.CellReader) else []  # words are no records


def _ring_rows(ring: shm.RingReader, count: int, to_tree: Format) -> list[dict[str, Any]]:
    ring.cursor = max(ring.oldest, ring.end - count)
    return list(_unread(ring, to_tree))


def _unread(ring: shm.RingReader, to_tree: Format) -> Iterator[dict[str, Any]]:
    """The unread records, each with its sequence; a loss is a line of its own."""
    end = ring.end  # the end is read once: on a busy lane this loop would not end
    while ring.cursor < end and (row := ring.read()) is not None:
        if isinstance(row, shm.Lapped):
            yield {"lost": row.lost, "first": row.first, "after": row.after}
        else:
            yield {"sequence": ring.cursor - 1, **to_tree(row)}


def _cell_rows(cells: shm.CellReader, seen: dict[int, int], to_tree: Format) -> Iterator[dict[str, Any]]:
    """The cells that were written since they were `seen`."""
    for index in range(cells.count):
        sequence = cells.sequence(index)
        if sequence and seen.get(index) != sequence and (row := cells.read(index)) is not None:
            seen[index] = sequence
            yield {"cell": index, "sequence": sequence, **to_tree(row)}


def follow_each(names: Sequence[str], count: int, to_tree: Format = row_tree) -> Iterator[dict[str, Any]]:
    """What `follow` gives of one lane; of several rings, in turns."""
    if len(names) == 1:
        yield from follow(names[0], count, to_tree)
    rings = {name: _attach_ring(name, count) for name in names}
    while True:
        for name, ring in rings.items():
            yield from _unread(ring, to_tree)
            if ring.replaced():
                rings[name] = _attach_ring(name, 0)
        time.sleep(POLL_S)


def _attach_ring(name: str, count: int) -> shm.RingReader:
    ring = attach(name)
    assert isinstance(ring, shm.RingReader)
    ring.cursor = max(ring.oldest, ring.end - count)
    return ring


def follow(name: str, count: int, to_tree: Format = row_tree) -> Iterator[dict[str, Any]]:
    """The newest records, then every new one; attaches again when the segment is replaced."""
    lane, seen = attach(name), dict[int, int]()
    if isinstance(lane, shm.RingReader):
        lane.cursor = max(lane.oldest, lane.end - count)
    while True:
        if isinstance(lane, shm.WordReader):
            return
        yield from _unread(lane, to_tree) if isinstance(lane, shm.RingReader) else _cell_rows(lane, seen, to_tree)
        if not isinstance(lane, shm.RingReader) or lane.header.wake == "never":
            time.sleep(POLL_S)
        else:
            lane.wait(FOLLOW_NS)
        if lane.replaced():
            lane, seen = attach(name), {}

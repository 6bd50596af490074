"""What makes a system unhealthy although every process runs: a feed without a heartbeat, stopped entries."""

import shm
from engine.cli.output import executions, monotonic_age
from engine.lanes import LOOKERS, open_lanes
from engine.model.refusals import refusal_text

SILENT_NS = 2_000_000_000  # a feed whose heartbeat is older is dead or frozen


def feed_silent_ns(system: str, feed: str) -> int:
    """The age of a feed's heartbeat when the feed is dead or frozen; 0 while it beats, and without a heartbeat."""
    try:
        cells = open_lanes(system, LOOKERS).cell_reader("heartbeat", feed)
    except (shm.SegmentError, OSError):
        return 0
    row = cells.read(0)
    age_ns = 0 if row is None else monotonic_age(row.beat_ns)
    return age_ns if age_ns > SILENT_NS or cells.owner.life() == "dead" else 0


def entries_stopped(system: str) -> dict[str, str]:
    """The executions that send exits only, each with the reason; empty while all send entries too."""
    return {role: text for role in executions(system) if (text := _entries_stopped(system, role))}


def _entries_stopped(system: str, role: str) -> str:
    try:
        row = open_lanes(system, LOOKERS).cell_reader("gate", role).read(0)
    except (shm.SegmentError, OSError):
        return ""
    return refusal_text(row.exits_only) if row is not None and row.exits_only else ""

"""What makes a system unhealthy although every process runs: a feed without a heartbeat, stopped entries.

What cannot be read is not known, and what is not known is unhealthy.
"""

from collections.abc import Collection

import shm
from engine.cli.output import executions, monotonic_age
from engine.lanes import LOOKERS, open_lanes
from engine.model.refusals import refusal_text

SILENT_NS = 2_000_000_000  # a feed whose heartbeat is older is dead or frozen


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
    """The executions whose cell GATE cannot be read, and those of `running` that have not written it; with the text."""
    unread = [role for role in running if _exits_only(system, role) is None]
    unread += [role for role in executions(system) if _is_unreadable(system, role)]
    return {role: f"UNKNOWN whether {role} sends entries: its cell GATE cannot be read" for role in unread}


def _exits_only(system: str, role: str) -> int | None:
    """The reason for which an execution sends exits only, 0 while it sends entries too; None when it is not known."""
    try:
        row = open_lanes(system, LOOKERS).cell_reader("gate", role).read(0)
    except (shm.SegmentError, OSError):
        return None
    return None if row is None else int(row.exits_only)


def _is_unreadable(system: str, role: str) -> bool:
    """Whether the segment of an execution's gate is damaged or closed to this user."""
    try:
        open_lanes(system, LOOKERS).cell_reader("gate", role)
    except (shm.SegmentError, OSError):
        return True
    return False

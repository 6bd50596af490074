"""The state of each execution's session at its venue, and the instruments that they halted; for `up` and `status`."""

from collections.abc import Iterable, Mapping
from typing import Any

import shm
from engine.cli.output import ago, executions, iso, print_table
from engine.lanes import LOOKERS, open_lanes
from engine.model.fixed import to_text
from engine.model.records import FEE_DECIMALS
from engine.model.text import shown, word
from engine.model.words import AlarmReason, SessionState

PLAIN = {
    SessionState.LOST: "is not connected",
    SessionState.REFUSED: "was refused by the venue",
    SessionState.CONNECTING: "is connecting",
    SessionState.CLOCK: "is measuring the venue's clock",
    SessionState.LOGON: "is logging on",
    SessionState.SUBSCRIBE: "is subscribing to the account's events",
    SessionState.RECONCILING: "is comparing orders and fills with the venue",
    SessionState.READY: "is ready",
    SessionState.DENIED: "is connected, but the venue rejects the orders",
}
NOT_BEGUN = "has not begun"


def sessions(system: str, roles: Iterable[str]) -> dict[str, dict[str, Any] | None]:
    """The order session of each of these executions; None when an execution has not begun it yet."""
    return {role: _session(system, role) for role in roles}


def worst(found: Mapping[str, Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
    """The first session that is not ready, else the first; None when one has not begun."""
    return min(found.values(), key=lambda one: (one is not None) + (one is not None and one["ready"]))


def texts(found: Mapping[str, Mapping[str, Any] | None], now_ns: int) -> dict[str, str]:
    """The text of each session that is not ready, by execution: what the session waits for."""
    return {role: session_text(one, now_ns) for role, one in found.items() if one is None or not one["ready"]}


def _session(system: str, role: str) -> dict[str, Any] | None:
    row = next(iter(_rows(system, "sessions", role)), None)
    if row is None:
        return None
    return {
        "venue": _text(row.venue), "state": word(SessionState, row.state), "ready": row.state == SessionState.READY,
        "since_ns": row.since_ns,
        "since": iso(row.since_ns), "attempts": row.attempts, "error": shown(row.error),
        "text": _text(row.text), "unreadable": row.unreadable,
    }  # fmt: skip


def halts(system: str, configured: Mapping[int, tuple[str, str]]) -> list[dict[str, Any]]:
    """The instruments that execution halted."""
    return [
        {
            "instrument": row.instrument, **_named(configured.get(row.instrument, ("", ""))),
            "since_ns": row.since_ns, "since": iso(row.since_ns),
            "reason": word(AlarmReason, row.reason), "difference": to_text(row.difference, FEE_DECIMALS),
            "venue_fill_id": shown(row.venue_fill_id), "venue_order_id": shown(row.venue_order_id),
            "text": _text(row.text),
        }
        for role in executions(system) for row in _rows(system, "instrument_halts", role) if row.reason
    ]  # fmt: skip


def _named(names: tuple[str, str]) -> dict[str, str]:
    return {"symbol": names[1], "venue": names[0]}


def session_text(found: Mapping[str, Any] | None, now_ns: int) -> str:
    """The session's state as text, with the venue's last answer."""
    if found is None:
        return f"the order session {NOT_BEGUN}"
    what = f"the order session at {found['venue']} {PLAIN[SessionState[found['state']]]}"
    if found["ready"]:
        return what
    last = f", last answer: {found['text']}" if found["text"] else ""
    return f"{what} (attempt {found['attempts']}, for {ago(max(0, now_ns - found['since_ns']))}{last})"


def print_halts(found: list[dict[str, Any]], now_ns: int) -> None:
    """Print a table of the halted instruments and how to end each halt."""
    if found:
        print_table(
            ("halted", "symbol", "for", "reason", "what was found"),
            [
                (one["instrument"], one["symbol"] or "-", ago(max(0, now_ns - one["since_ns"])), one["reason"].lower(),
                 one["text"] or f"{_cause(one)}, before the last restart of execution: see its log")
                for one in found
            ],
            "halted by execution; engine-ctl resume --instrument SYMBOL ends it",
        )  # fmt: skip


def _cause(halt: Mapping[str, Any]) -> str:
    """What an instrument's halt is about, where the cell has no text."""
    if halt["reason"] in (AlarmReason.BALANCE_DIFFERS.name, AlarmReason.MONITOR_DIFFERS.name):
        return f"a difference of {halt['difference']}"
    fill = f"fill {halt['venue_fill_id']} of " if halt["venue_fill_id"] else ""
    return f"{fill}the venue's order {halt['venue_order_id']}"


def _rows(system: str, lane: str, role: str) -> list[Any]:
    """The written cells of an execution's lane; empty when it cannot be read (engine/cli/health.py)."""
    try:
        cells = open_lanes(system, LOOKERS).cell_reader(lane, role)
    except (shm.SegmentError, OSError):
        return []
    return [row for index in range(cells.count) if (row := cells.read(index)) is not None]


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")

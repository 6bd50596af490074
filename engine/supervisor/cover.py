"""The end of one execution's orders at `down`: its canceller is the last of the trading processes to stop.

    execution's process has ended ─▶ SIGTERM to the canceller ─▶ it lists, cancels, lists ─▶ CLEAN in its cell ─▶ ends
                                     it died before that ─▶ it is started again, until `canceller.stop_limit_ms`

Where the venue does not confirm in time, `left_at_the_end` lists what execution's records and the venue's newest
listing show as open.
"""

import logging
from collections.abc import Mapping
from typing import Any

import shm
from engine.config import Config
from engine.lanes import LOOKERS, SUPERVISOR, open_lanes
from engine.model.rows import CancellingRow, ListedRow
from engine.model.text import shown, word
from engine.model.words import CancellerState, CancelReason
from engine.supervisor import leftovers
from engine.supervisor.processes.watch import Phase, Watch

MS = 1_000_000
FINAL = (CancellerState.CLEAN, CancellerState.GAVE_UP)
ID_LENGTH = 16  # of an order in our form

logger = logging.getLogger(__name__)


class Cover:
    """One execution's orders when the system goes down."""

    def __init__(self, config: Config, role: str) -> None:
        """`role`: the execution's."""
        self.role = role
        self._config = config
        self._began_ns = 0  # when execution had ended

    def ends(self, watch: Watch, now_ns: int) -> bool:
        """Advance the end of the canceller's process; True when it has ended and is not started again."""
        self._began_ns = self._began_ns or now_ns
        over = now_ns - self._began_ns > self._config.canceller.stop_limit_ms * MS
        if watch.phase is Phase.STOPPED:
            if over or self._is_final():
                return True
            watch.stop(now_ns, again=True)
        elif watch.settled or over:
            watch.stop(now_ns)
        watch.step(now_ns, may_start=not over)
        return False

    def left_at_the_end(self, *, ended_clean: bool) -> list[leftovers.Left]:
        """The orders that are left when the system is down. `ended_clean`: execution ended by itself, with code 0.

        Its records prove that no order is open only if its session was ready in its last life.

        It knows nothing of other programs' orders: where those are cancelled too, only the venue's listing counts.
        """
        row = cell_of(self._config.system.name, self.role)
        if row is not None and self._began_ns and row.now_ns >= self._began_ns and row.state == CancellerState.CLEAN:
            return []
        if (found := leftovers.unfinished(self._config, self.role)) is None:
            return [leftovers.unknown(self.role, "unknown: the lane ORDERS cannot be read")]
        left = list(found)
        known = {one["client_id"] for one in left}
        left += [one for one in self._listed(row) if one["client_id"] not in known]
        proved = ended_clean and not self._config.canceller.foreign and self._was_ready()
        unconfirmed = leftovers.unknown(self.role, "not confirmed by the venue")
        return left or ([] if proved or not self._config.cancellers else [unconfirmed])

    def _was_ready(self) -> bool:
        """Whether execution has compared its orders with the venue's: before that, a lost journal proves nothing."""
        try:
            row = open_lanes(self._config.system.name, LOOKERS).cell_reader("sessions", self.role).read(0)
        except (shm.SegmentError, OSError):
            return False
        return row is not None and bool(row.ready_ns)

    def _is_final(self) -> bool:
        """Whether the canceller has ended its work after execution had ended."""
        row = cell_of(self._config.system.name, self.role)
        return row is not None and row.now_ns >= self._began_ns and row.state in FINAL

    def _listed(self, row: CancellingRow | None) -> list[leftovers.Left]:
        """What the venue's newest listing has."""
        if row is None or not row.open:
            return []
        cells = open_lanes(self._config.system.name, SUPERVISOR).cell_reader("listed", self.role)
        found: list[ListedRow | None] = [cells.read(index) for index in range(min(row.open, cells.count))]
        return [_describe(one, self.role) for one in found if one is not None and one.listed_ns == row.listed_ns]


def cell_of(system: str, role: str) -> CancellingRow | None:
    """The cell of an execution's canceller; None without one, or before its first write."""
    try:
        row: CancellingRow | None = open_lanes(system, SUPERVISOR).cell_reader("cancels", role).read(0)
    except (shm.SegmentError, OSError):
        return None
    return row


def status(config: Config, role: str) -> Mapping[str, Any]:
    """The part of `status` about an execution's canceller; `state` is "off" or "starting" where it has not written."""
    row = cell_of(config.system.name, role)
    known = config.canceller_of(role) in config.cancellers
    if row is None or not known:
        return {"state": "starting" if known else "off", "reason": "none", "clean": False, "open": 0, "error": ""}
    return {
        "state": word(CancellerState, row.state).lower(),
        "reason": word(CancelReason, row.reason).lower(),
        "clean": row.state == CancellerState.CLEAN,
        "since_ns": row.since_ns,
        "listed_ns": row.listed_ns,
        "open": row.open,
        "foreign": row.foreign,
        "sent": row.sent,
        "ended": row.ended,
        "error": shown(row.text),
    }


def _describe(row: ListedRow, role: str) -> leftovers.Left:
    raw = row.client_id.rstrip(b"\0")
    return {
        "execution": role,
        "client_id": row.client_id[:ID_LENGTH].hex() if len(raw) <= ID_LENGTH else shown(raw),
        "instrument": shown(row.symbol),
        "side": "buy" if row.side > 0 else "sell",
        "state": "open",
    }

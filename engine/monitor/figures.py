"""Figures of a running system, read from its lanes only.

A reader does not register, holds no lock and may be stopped at any point; it counts the records that it missed.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import shm
from engine import instruments
from engine.clock import now_ns
from engine.lanes import LOOKERS, lane_of, open_lanes
from engine.model.instrument import Instrument
from engine.model.rows import FillRow, IntentRow, OrderRow, ParentRow, VerdictRow
from engine.model.words import DONE_STATES, FillFlag, IntentKind, OrderFlag, OrderState, ParentStatus, RoleState
from engine.monitor.names import Names

RATED = ("ticks", "books", "verdicts", "orders", "fills")
FROM_OLDEST = (
    "verdicts",
    "orders",
    "parents",
    "route_orders",
    "routed",
    "fills",
)  # read from their oldest record: orders are older than the view
SAMPLE = 2000
RECENT = 64
SECOND_NS = 1_000_000_000


@dataclass(slots=True)
class Rate:
    """The rate of a counter, measured over at least half a second."""

    value: int = 0
    per_s: float | None = None  # None before the second reading
    _value: int = 0
    _at_ns: int = 0

    def update(self, value: int, at_ns: int) -> None:
        """Add a reading of the counter."""
        self.value = value
        if not self._at_ns:
            self._value, self._at_ns = value, at_ns
        elif at_ns - self._at_ns > SECOND_NS // 2:
            self.per_s = (value - self._value) * SECOND_NS / (at_ns - self._at_ns)
            self._value, self._at_ns = value, at_ns


@dataclass(slots=True)
class RoleLife:
    """A role's heartbeat."""

    name: str
    pid: int
    state: int
    life: str
    beat_age_ns: int
    epoch: int
    lag: int
    error_count: int
    steps: Rate = field(default_factory=Rate)

    def works(self, late_ns: int) -> bool:
        """Whether it runs, in a process that lives, with a heartbeat that is younger than this."""
        return self.state == RoleState.RUNNING and self.life == "alive" and self.beat_age_ns < late_ns


class Figures:
    """Attaches to a system's lanes, again whenever a segment was replaced."""

    def __init__(self, system: str) -> None:
        """Begin with a system whose lanes may not exist yet."""
        self.system = system
        self.rates: dict[str, Rate] = {}
        self.roles: dict[str, RoleLife] = {}
        self.lost = 0  # records that were overwritten before this view read them
        self.path_ns: deque[int] = deque(maxlen=SAMPLE)  # from the tick's receipt to the order's send
        self.answer_ns: deque[int] = deque(maxlen=SAMPLE)  # from the send to the venue's answer
        self.refusals: dict[int, int] = {}
        self.refused: dict[tuple[int, int], tuple[int, Any]] = {}  # by strategy and reason: how often, the newest
        self.recent: deque[Any] = deque(maxlen=RECENT)  # fills
        self.filled = 0
        self.open_orders: dict[bytes, Any] = {}  # ours, open or in flight, oldest first
        self.parents: dict[
            int, ParentRow
        ] = {}  # by intent: the parents that an algorithm works, or that wait for their children
        self.routes: dict[int, OrderRow] = {}  # by intent: the parents of the router that have not ended
        self.routed: dict[int, int] = {}  # by the intent of a child of the router: its parent
        self.names = Names.of(system)
        self._listed: list[str] | None = None  # the segments as the last `poll` found them; None before
        self._known: dict[int, Instrument] | None = None  # the instruments, read once after each `poll`
        self._parsed: dict[Any, Instrument] = {}  # by their rows, which seldom change
        self._attached: dict[str, shm.RingReader | shm.CellReader] = {}

    def poll(self) -> None:
        """Read everything that was published since the last call."""
        at_ns, self._listed, self._known = now_ns(), shm.names(self.system), None
        for lane in RATED:
            if rings := [ring for ring in self._readers(lane) if isinstance(ring, shm.RingReader)]:
                self.rates.setdefault(lane, Rate()).update(sum(ring.end for ring in rings), at_ns)
        before, self.roles = self.roles, {}  # a role without a heartbeat is not known
        for name in self._names("heartbeat"):
            self._on_role(name, before, at_ns)
        self._drain("parents", self._on_parent)
        self._drain("routed", self._on_routed)
        self._drain("route_orders", self._on_route)
        self._drain("orders", self._on_order)
        self._drain("fills", self._on_fill)
        self._drain("verdicts", self._on_verdict)

    def cells(self, lane: str) -> list[Any]:
        """Every written cell of a lane, in order, owner by owner."""
        readers = [cells for cells in self._readers(lane) if isinstance(cells, shm.CellReader)]
        return [row for cells in readers for index in range(cells.count) if (row := cells.read(index)) is not None]

    def executions(self) -> dict[str, RoleLife]:
        """The executions that have ever run, by role."""
        return {role: self.roles[role] for role in self._owners("gate") if role in self.roles}

    def feeds(self) -> list[str]:
        """The feeds that have ever run."""
        return [role for role in self._owners("ticks") if role in self.roles]

    def gate(self, role: str) -> Any:
        """What an execution's gate refuses; None before the execution's first step."""
        cells = self._reader(f"gate.{role}")
        return cells.read() if isinstance(cells, shm.CellReader) else None

    def owned_cells(self, lane: str) -> list[tuple[str, Any]]:
        """Every written cell of a lane that exists once for each owner, with its owner."""
        names = [(name.split(".", 1)[1], self._reader(name)) for name in self._names(lane) if "." in name]
        return [
            (of, row)
            for of, cells in names
            if isinstance(cells, shm.CellReader)
            for index in range(cells.count)
            if (row := cells.read(index)) is not None
        ]

    def instruments(self) -> dict[int, Instrument]:
        """The instruments by id."""
        if self._known is None or self._listed is None:
            rows = self.cells("instruments")
            self._parsed = {row: self._parsed.get(row) or instruments.from_row(row) for row in rows}
            self._known = {row.id: one for row, one in self._parsed.items()}
        return self._known

    def _owners(self, lane: str) -> list[str]:
        """The owners of the lanes of this name that exist."""
        return [name.partition(".")[2] for name in self._names(lane)]

    def _names(self, lane: str) -> list[str]:
        """The names of a lane's segments in the system: one, or one for each owner."""
        listed = shm.names(self.system) if self._listed is None else self._listed
        found = (name.split(".", 1)[1] for name in listed)
        return [name for name in found if name == lane or name.startswith(f"{lane}.")]

    def _readers(self, lane: str) -> list[shm.RingReader | shm.CellReader]:
        return [reader for name in self._names(lane) if (reader := self._reader(name)) is not None]

    def _reader(self, lane: str) -> shm.RingReader | shm.CellReader | None:
        reader = self._attached.get(lane)
        if reader is not None and not reader.replaced():
            return reader
        try:
            self._attached[lane] = _attach(self.system, lane)
        except shm.SegmentError:
            self._attached.pop(lane, None)
        return self._attached.get(lane)

    def _drain(self, lane: str, see: Any) -> None:
        for reader in self._readers(lane):
            for row in reader.rows() if isinstance(reader, shm.RingReader) else ():
                if isinstance(row, shm.Lapped):
                    self.lost += row.lost
                else:
                    see(row)

    def _on_role(self, lane: str, roles: dict[str, RoleLife], at_ns: int) -> None:
        cells = self._reader(lane)
        row = cells.read() if isinstance(cells, shm.CellReader) else None
        if row is None or not isinstance(cells, shm.CellReader):
            return
        name = lane.split(".", 1)[1]
        age = max(0, at_ns - row.wall_ns)
        before = roles.get(name)
        role = RoleLife(name, row.pid, row.state, cells.owner.life(), age, cells.epoch, row.lag, row.error_count)
        role.steps = before.steps if before is not None else role.steps
        role.steps.update(row.steps, at_ns)
        self.roles[name] = role

    def _on_order(self, row: OrderRow) -> None:
        self.open_orders.pop(row.client_id, None)
        if row.state not in DONE_STATES and not row.flags & OrderFlag.FOREIGN:
            self.open_orders[row.client_id] = row
        if row.state == OrderState.SENT and row.receive_ns and row.child == 0:
            self.path_ns.append(row.sent_ns - row.receive_ns)
        if row.state == OrderState.OPEN and row.answer_ns and row.sent_ns:
            self.answer_ns.append(row.answer_ns - row.sent_ns)

    def _on_parent(self, row: ParentRow) -> None:
        self.parents.pop(row.intent_id, None)
        if row.status != ParentStatus.DONE:
            self.parents[row.intent_id] = row

    def _on_routed(self, row: IntentRow) -> None:
        if row.kind == IntentKind.PLACE:
            self.routed[row.intent_id] = row.target_id

    def _on_route(self, row: OrderRow) -> None:
        self.routes.pop(row.intent_id, None)
        if row.state not in DONE_STATES:
            self.routes[row.intent_id] = row
        else:
            self.routed = {child: parent for child, parent in self.routed.items() if parent != row.intent_id}

    def _on_fill(self, row: FillRow) -> None:
        if not row.flags & FillFlag.OPENING:
            self.filled += 1
            self.recent.append(row)

    def _on_verdict(self, row: VerdictRow) -> None:
        self.refusals[row.reason] = self.refusals.get(row.reason, 0) + 1
        if row.reason:
            count, _ = self.refused.pop((row.strategy, row.reason), (0, None))
            self.refused[row.strategy, row.reason] = count + 1, row  # the newest is last


def _attach(system: str, name: str) -> shm.RingReader | shm.CellReader:
    """Open cells, or a ring at its end; a ring in FROM_OLDEST at its oldest record."""
    lane, _, of = name.partition(".")
    lanes = open_lanes(system, LOOKERS)
    if lane_of(lane).kind == "cells":
        return lanes.cell_reader(lane, of)
    ring = lanes.ring_reader(lane, of)
    if lane in FROM_OLDEST:
        ring.cursor = ring.oldest
    return ring


def bps_text(figure: float | None) -> str:
    """Basis points for a screen; a dash for None and NaN."""
    return "-" if figure is None or math.isnan(figure) else f"{figure:.4f}"


def quantile(values: deque[int], share: float) -> int | None:
    """The value below which this share of a sample is; None for an empty sample."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None

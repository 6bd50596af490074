"""Which orders may be sent now: sets the gate's switches before the next intents, and publishes them in the cell GATE.

    session, recovery ──────▶ connected, reconciled
    a full disk ────────────┐
    fills not audited ──────┼─▶ exits_only, the Reason why entries stop
    a lost supervisor ──────┤
    a silent monitor ───────┤
    a breaker ──────────────┘

`engine-ctl halt` waits for the cell: it has the sequences of the halt words that execution has read. The monitor reads
the ramp that is in force there.
"""

import logging

from engine.execution.breakers import Breakers
from engine.execution.budget_watch import BudgetWatch
from engine.execution.config import ExecutionConfig
from engine.execution.halts import Halts
from engine.execution.journal.journal import Journal
from engine.execution.monitor_watch import MonitorWatch
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.fills import UNAUDITED_MOST
from engine.execution.ports import OperatorPort
from engine.execution.supervisor_silence import SupervisorSilence
from engine.execution.venue.recovery import Recovery
from engine.lanes.ports import CellWriter
from engine.model.records import GATE
from engine.model.words import Reason
from engine.risk.gate import RiskGate
from engine.venues.session import VenueSession

logger = logging.getLogger("engine.execution")


class GateState:
    """The switches of the gate that follow from the state of the parts, and the cell GATE."""

    def __init__(
        self, config: ExecutionConfig, cells: CellWriter, gate: RiskGate, session: VenueSession, recovery: Recovery,
        blotter: Blotter, journal: Journal, operator: OperatorPort, halts: Halts, supervisor: SupervisorSilence,
        monitor: MonitorWatch, breakers: Breakers, budget: BudgetWatch,
    ) -> None:  # fmt: skip
        """Begin with room on the disk, every fill audited, and nothing published."""
        self._write = cells.write
        self._gate = gate
        self._session = session
        self._recovery = recovery
        self._blotter = blotter
        self._journal = journal
        self._operator = operator
        self._halts = halts
        self._supervisor = supervisor
        self._monitor = monitor
        self._breakers = breakers
        self.budget = budget
        self._directory = config.journal.directory
        self._full = False  # the disk has no room for the journal
        self._unaudited = False  # an instrument has too many fills after its watermark
        self._published: tuple[object, ...] = ()

    def update(self, now_ns: int) -> None:
        """Set which orders may be sent, before the next intents are read, so that they do not wait for it."""
        gate = self._gate
        gate.connected, gate.reconciled = self._session.up, self._recovery.complete
        if self._journal.full is not self._full:
            self._full = not self._full
            self._warn_of_room()
        if bool(self._blotter.overdue) is not self._unaudited:
            self._unaudited = not self._unaudited
            self._warn_of_fills()
        gate.exits_only = self._exits_only()
        gate.apply_budget(now_ns)

    def publish(self, now_ns: int) -> None:
        """Write the cell if the switches, the sequences of the halt words or the ramp have changed."""
        gate = self._gate
        state = (gate.halted, gate.exits_only, self._operator.word_sequence, self._halts.sequence, gate.limits.ramp)
        if state == self._published:
            return
        self._published = state
        halted, exits_only, operator_sequence, halt_sequence, ramp = state
        self._write(0, *GATE.row(
            now_ns=now_ns, halted=int(halted), exits_only=exits_only, operator_sequence=operator_sequence,
            halt_sequence=halt_sequence, ramp=float(ramp),
        ))  # fmt: skip

    def _exits_only(self) -> int:
        """The Reason why entries stop; 0: they do not."""
        if self._full:
            return Reason.JOURNAL_FULL
        if self._unaudited:
            return Reason.FILLS_UNAUDITED
        if self._supervisor.lost:
            return Reason.SUPERVISOR_LOST
        if self._monitor.silent:
            return Reason.MONITOR_SILENT
        return Reason.BUDGET_STALE if self.budget.stale else self._breakers.reason

    def _warn_of_room(self) -> None:
        """Log that entries stop, or continue: only the log shows an operator why no order is sent."""
        of = {"directory": self._directory, "records_waiting": self._journal.file.waiting}
        if self._full:
            logger.warning("the disk has no room for the journal: only exits are sent", extra=of)
        else:
            logger.warning("the disk has room for the journal again: orders are sent", extra=of)

    def _warn_of_fills(self) -> None:
        """Log that entries stop because the venue lists no fills, or continue."""
        of = {"instruments": sorted(self._blotter.overdue), "fills_kept_at_most": UNAUDITED_MOST}
        if self._unaudited:
            logger.error("the venue's listing of fills cannot be read: only exits are sent", extra=of)
        else:
            logger.warning("the venue's listing of fills was read again: orders are sent", extra=of)

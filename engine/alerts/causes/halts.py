"""Halts: of the system, of one execution, of one instrument; and entries that execution does not send."""

from collections.abc import Iterator

from engine.alerts.causes.cause import Cause, cause
from engine.alerts.episodes import Finding
from engine.alerts.message import Severity, utc
from engine.alerts.scene import Scene, rows
from engine.model.text import shown
from engine.model.words import AlarmReason, HaltReason, Reason


@cause
class Halted(Cause):
    """The system, or one execution, sends no order."""

    name = "halted"
    severity = Severity.CRITICAL
    to_do = "find the reason (engine-ctl status, engine-ctl log), mend it, then engine-ctl resume"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """The halt words, and each gate that is closed without one."""
        for cell in (scene.lanes.halt, scene.lanes.operator_halt):
            row = cell.read(0)
            if row is not None and row.halted:
                reason = HaltReason(row.reason).name.lower()
                what = f"The system is halted since {utc(row.since_ns)} ({reason}): no new order is sent."
                yield self.finding("system", what)
                return
        for execution, gate in scene.lanes.gates.items():
            if (row := gate.read(0)) is not None and row.halted:
                yield self.finding(execution, f"{execution} has halted itself: it sends no new order.")


@cause
class EntriesStopped(Cause):
    """Execution sends only orders that reduce a position."""

    name = "entries_stopped"
    severity = Severity.CRITICAL
    to_do = "engine-ctl status shows the reason and what to do; entries begin again when it has ended"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each gate that lets only exits through; a journal without room is a cause of its own."""
        for execution, gate in scene.lanes.gates.items():
            row = gate.read(0)
            if row is not None and row.exits_only not in (0, Reason.JOURNAL_FULL):
                reason = Reason(row.exits_only).name.lower()
                yield self.finding(execution, f"{execution} sends no entries, only exits: {reason}.")


@cause
class InstrumentHalted(Cause):
    """Execution has halted one instrument: the venue contradicts itself about it."""

    name = "instrument_halted"
    severity = Severity.CRITICAL
    to_do = (
        "compare orders, fills and balances with the venue's own account, then engine-ctl resume --instrument SYMBOL;"
        " until then its orders are cancelled and refused, exits too"
    )

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each halted instrument."""
        for execution, cells in scene.lanes.instrument_halts.items():
            for row in rows(cells, len(scene.config.instruments)):
                if row.reason:
                    name, reason = scene.instrument(row.instrument), AlarmReason(row.reason).name.lower()
                    what = f"{execution} has halted {name} ({reason}): {shown(row.text) or 'see its log'}."
                    yield self.finding(name, what, self.to_do.replace("SYMBOL", name))

"""Halts: of the system, of one execution, of one instrument; and entries that execution does not send."""

from collections.abc import Iterator

from engine.alerts.causes.cause import Cause, cause
from engine.alerts.episodes import Finding
from engine.alerts.message import Severity, utc
from engine.alerts.scene import Scene, rows
from engine.lanes import lane_of
from engine.model.rows import ScopeHaltRow
from engine.model.text import shown, word
from engine.model.words import AlarmReason, FlattenState, HaltReason, Reason

SCOPES = lane_of("scope_halts").count
OWN_CAUSES = (  # no reason, or one that another cause reports
    0, Reason.JOURNAL_FULL, Reason.DRAWDOWN, Reason.DAILY_LOSS, Reason.LOSS_STREAK, Reason.FLASH_CRASH,
    Reason.ACK_LATENCY, Reason.HEARTBEAT_LATENCY, Reason.MARGIN_TOO_LOW,
)  # fmt: skip


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
                reason = word(HaltReason, row.reason).lower()
                what = f"The system is halted since {utc(row.since_ns)} ({reason}): no new order is sent."
                yield self.finding("system", what)
                return
        for execution, gate in scene.lanes.gates.items():
            if (row := gate.read(0)) is not None and row.halted:
                yield self.finding(execution, f"{execution} has halted itself: it sends no new order.")


@cause
class ScopeHalted(Cause):
    """An account, a strategy or an instrument is halted or flattened, and the rest trades on."""

    name = "scope_halted"
    severity = Severity.CRITICAL
    to_do = "engine-ctl status shows the scope; when the reason is mended: engine-ctl resume of the same scope"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each scope that an execution holds."""
        for execution, cells in scene.lanes.scope_halts.items():
            for row in rows(cells, SCOPES):
                if row.since_ns and row.reason != HaltReason.BREAKER:
                    yield self.finding(f"{execution}: {_scope(scene, row)}", self._text(scene, execution, row))

    def _text(self, scene: Scene, execution: str, row: ScopeHaltRow) -> str:
        """Since when, why, and how far a flattening is."""
        state, reason = word(FlattenState, row.state).lower(), word(HaltReason, row.reason).lower()
        flattening = f" Flattening: {state}; {shown(row.text)}" if row.state else ""
        return f"{execution} has halted {_scope(scene, row)} since {utc(row.since_ns)} ({reason}).{flattening}"


@cause
class Breaker(Cause):
    """A breaker of risk has tripped: its scope sends exits only, or is halted or flattened."""

    name = "breaker"
    severity = Severity.CRITICAL
    to_do = "engine-ctl status shows its scope; when the reason is understood: engine-ctl resume of the same scope"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each scope that an execution holds for a breaker."""
        for execution, cells in scene.lanes.scope_halts.items():
            for row in rows(cells, SCOPES):
                if row.since_ns and row.reason == HaltReason.BREAKER:
                    subject = f"{execution}: {_scope(scene, row)}"
                    what = f"A breaker has stopped {_scope(scene, row)} since {utc(row.since_ns)}: {shown(row.text)}."
                    yield self.finding(subject, what)


@cause
class EntriesStopped(Cause):
    """Execution sends only orders that reduce a position."""

    name = "entries_stopped"
    severity = Severity.CRITICAL
    to_do = "engine-ctl status shows the reason and what to do; entries begin again when it has ended"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each gate that lets only exits through; a full journal and a breaker are causes of their own."""
        for execution, gate in scene.lanes.gates.items():
            row = gate.read(0)
            if row is not None and row.exits_only not in OWN_CAUSES:
                reason = word(Reason, row.exits_only).lower()
                yield self.finding(execution, f"{execution} sends no entries, only exits: {reason}.")


@cause
class InstrumentHalted(Cause):
    """Execution has halted one instrument: the venue contradicts itself about it, or the monitor's sums differ."""

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
                    name, reason = scene.instrument(row.instrument), word(AlarmReason, row.reason).lower()
                    what = f"{execution} has halted {name} ({reason}): {shown(row.text) or 'see its log'}."
                    yield self.finding(name, what, self.to_do.replace("SYMBOL", name))


def _scope(scene: Scene, row: ScopeHaltRow) -> str:
    """A scope in words."""
    if row.strategy:
        return f"strategy {scene.strategy(row.strategy)}"
    return scene.instrument(row.instrument) if row.instrument else f"account {row.account}" if row.account else "all"

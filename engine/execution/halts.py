"""Everything that stops new orders: an operator's halt, execution's own alarm, and the drain before the end.

    cell HALT ──────────────────┐
    COMMANDS (`commands.py`) ───┼─▶ gate.halted, and every open order is cancelled; with the reason FLATTEN,
                                │   `scopes.py` holds the flattening of the whole system too
    operator port, SIGUSR1 ─────┤
    alarm ──────────────────────┘   of one instrument: its open orders are cancelled

The cell and RESUME cannot end an alarm's halt, nor a halt that an operator still requests.
"""

from engine.execution.intents.desk import Desk
from engine.execution.ports import OperatorPort
from engine.execution.scopes import Scopes
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.balances import Balances
from engine.execution.venue.recovery import Recovery
from engine.lanes.ports import CellReader
from engine.model.rows import HaltRow
from engine.model.scope import WHOLE, Held
from engine.model.words import HaltReason
from engine.risk.gate import RiskGate


class Halts:
    """Sets and ends the halt and the drain."""

    def __init__(
        self, cell: CellReader, operator: OperatorPort, gate: RiskGate, scopes: Scopes, desk: Desk, alarm: Alarm,
        recovery: Recovery, balances: Balances,
    ) -> None:  # fmt: skip
        """Bind the parts together."""
        self.sequence = 0  # of the cell HALT, when it was last read
        self._cell = cell
        self._operator = operator
        self._gate = gate
        self._scopes = scopes
        self._desk = desk
        self._alarm = alarm
        self._recovery = recovery
        self._balances = balances

    def restore(self, *, journalled: bool) -> None:
        """Set the halt at the start from the cell, or from the journal if the cell was lost; our own alarm remains."""
        row = self._cell.read(0)
        self.sequence = self._cell.sequence(0)
        self._gate.halted = self._remains or (journalled if row is None else bool(row.halted))
        if row is not None and not _flattens(row):
            self._scopes.resume(WHOLE)
        elif row is not None and WHOLE not in self._scopes.held:
            self._scopes.restore({WHOLE: Held(row.since_ns, row.reason, row.uid, flattens=True)})

    def read_cell(self, now_ns: int) -> int:
        """Follow the cell HALT if it was written since the last call; 1 if trading was halted or resumed by it."""
        sequence = self._cell.sequence(0)
        if sequence == self.sequence:
            return 0
        self.sequence = sequence
        row = self._cell.read(0)
        if row is None:
            return 0
        if (halted := bool(row.halted) or self._remains) != self._gate.halted:
            self._set(now_ns, halted=halted)
        self._follow_flattening(row, now_ns)
        return 1

    def flatten(self, held: Held, now_ns: int, *, wanted: bool) -> None:
        """Close every position of this account while the halt lasts, or stop closing them."""
        if not wanted:
            self._scopes.resume(WHOLE)
        elif held.flattens or WHOLE not in self._scopes.flattening:
            self._scopes.halt(WHOLE, held._replace(flattens=True), now_ns)

    def halt(self, now_ns: int) -> None:
        """Accept no new orders, and cancel the open ones."""
        self._set(now_ns, halted=True)

    def resume(self, now_ns: int) -> None:
        """Apply an operator's RESUME: trade again, unless an alarm of this step or an operator keeps the halt."""
        self._set(now_ns, halted=self._alarm.resume(now_ns) or self._remains)

    def drain(self, now_ns: int) -> None:
        """Accept no new orders from now on, and cancel the open ones."""
        if not self._gate.draining:
            self._gate.draining = True
            self._desk.cancel_all(now_ns)

    def follow_alarm(self, now_ns: int) -> None:
        """Act on execution's own alarm: halt the system, or cancel the open orders of an instrument."""
        alarm = self._alarm
        alarm.due = False
        self._recovery.audit_soon(now_ns)
        self._balances.compare_soon(now_ns)
        if alarm.fresh:
            self.halt(now_ns)
        for instrument in alarm.fresh_instruments:
            self._desk.cancel_all(now_ns, 0, instrument)
        alarm.fresh_instruments.clear()

    def poll_operator(self, now_ns: int) -> None:
        """Halt when an operator asks for it without the supervisor."""
        way = self._operator.asked_by()
        if way and not self._gate.halted:
            self._alarm.operator(way, now_ns)
            self.halt(now_ns)
        if (word := self._operator.word) is not None:
            self._follow_flattening(word, now_ns)
        self._operator.signalled = False

    def _follow_flattening(self, row: HaltRow, now_ns: int) -> None:
        """Begin or end the flattening of the whole system by a halt word."""
        if (wanted := _flattens(row)) != (WHOLE in self._scopes.flattening):
            self.flatten(Held(now_ns, row.reason, row.uid, flattens=True), now_ns, wanted=wanted)

    @property
    def _remains(self) -> bool:
        """Whether the cell and RESUME must not end the halt: an alarm, or an operator's present request."""
        return self._alarm.raised or bool(self._operator.asked_by())

    def _set(self, now_ns: int, *, halted: bool) -> None:
        """Accept no new orders and cancel the open ones; or trade again."""
        self._gate.halted, self._alarm.fresh = halted, False
        if halted:
            self._desk.cancel_all(now_ns)


def _flattens(row: HaltRow) -> bool:
    """Whether a halt word asks for the flattening of the whole system."""
    return bool(row.halted) and row.reason == HaltReason.FLATTEN

"""The operator's commands, which the supervisor publishes on COMMANDS.

    HALT, RESUME, FLATTEN, CANCEL_ALL   of the whole system, an account, a strategy or an instrument
    CANCEL                              the orders of one intent
    SET                                 the parameters of a strategy, or the limits of risk
    DRAIN                               before the end
    RECONCILE                           compare with the venue now, and report

Each command is recorded before it is carried out, with the cursor after it and the number of the COMMANDS ring: so no
later life of execution carries it out again, and one that was given while execution was dead is carried out once.
"""

from engine.execution.breakers import Breakers
from engine.execution.halts import Halts
from engine.execution.intents.desk import Desk
from engine.execution.monitor_watch import MonitorWatch
from engine.execution.orders import codec
from engine.execution.ports import Appender
from engine.execution.scopes import Scopes
from engine.execution.settings import Settings
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.balances import Balances
from engine.execution.venue.reconciliation import Reconciliation
from engine.lanes.ports import RingReader
from engine.model.journal_records import FOLLOWED
from engine.model.rows import CommandRow
from engine.model.scope import Held, Scope
from engine.model.words import CommandKind, HaltReason, JournalKind


class Commands:
    """Reads COMMANDS, records each command and carries it out."""

    def __init__(
        self, lane: RingReader, life: int, journal: Appender, halts: Halts, scopes: Scopes, desk: Desk, alarm: Alarm,
        balances: Balances, settings: Settings, breakers: Breakers, reconciliation: Reconciliation,
        monitor: MonitorWatch,
    ) -> None:  # fmt: skip
        """Read this lane; `life` is the number of the ring, because a sequence means nothing in another."""
        self._lane = lane
        self._life = life
        self._journal = journal
        self._halts = halts
        self._scopes = scopes
        self._desk = desk
        self._alarm = alarm
        self._balances = balances
        self._settings = settings
        self._breakers = breakers
        self._reconciliation = reconciliation
        self._monitor = monitor

    def restore(self, life: int, cursor: int) -> None:
        """Apply what is set, and skip the commands that an earlier life carried out, if it read the same ring."""
        self._settings.restore(self._lane)
        if life == self._life:
            self._lane.cursor = max(self._lane.cursor, cursor)

    def read(self, now_ns: int) -> int:
        """Record and carry out each command that waits; how many records were read."""
        count = 0
        while (row := self._lane.read()) is not None:
            count += 1
            if type(row) is CommandRow:
                self._record(row, now_ns)
                self._carry_out(row, now_ns)
        return count

    def _carry_out(self, row: CommandRow, now_ns: int) -> None:
        """Carry out one command that the journal has, if it concerns this account."""
        scope = Scope.of(row)
        if not self._scopes.concerns(scope):
            return
        if row.kind in (CommandKind.HALT, CommandKind.FLATTEN):
            self._halt(scope, Held(now_ns, row.reason, row.uid, flattens=row.kind == CommandKind.FLATTEN), now_ns)
        elif row.kind == CommandKind.RESUME:
            self._resume(scope, now_ns)
        elif row.kind == CommandKind.DRAIN:
            self._halts.drain(now_ns)
        elif row.kind == CommandKind.CANCEL_ALL:
            self._desk.cancel_all(now_ns, row.strategy, row.instrument)
        elif row.kind == CommandKind.SET:
            self._settings.follow(row, now_ns)
        elif row.kind == CommandKind.CANCEL:
            self._desk.cancel_intent(row.target_id, now_ns)
        elif row.kind == CommandKind.RECONCILE:
            self._reconciliation.request(row.now_ns, now_ns)

    def _halt(self, scope: Scope, held: Held, now_ns: int) -> None:
        """Halt the whole system or a scope, and close its positions if that is asked for."""
        if not scope.whole:
            self._scopes.halt(scope, held, now_ns)
            return
        self._halts.halt(now_ns)
        self._halts.flatten(held, now_ns, wanted=held.flattens or held.reason == HaltReason.FLATTEN)

    def _resume(self, scope: Scope, now_ns: int) -> None:
        """End the halt of a scope, or the system's and every alarm: the operator has checked the account."""
        self._monitor.expect_resume()
        self._scopes.resume(scope)
        self._breakers.resume(scope)
        if scope.whole:
            self._balances.rebase()
            self._halts.resume(now_ns)
        elif scope.instrument in self._alarm.instruments:
            self._balances.rebase()
            self._alarm.resume_instrument(scope.instrument)

    def _record(self, row: CommandRow, now_ns: int) -> None:
        """Record a command that is about to be carried out."""
        followed = FOLLOWED.row(
            asked_ns=row.now_ns, cursor=self._lane.cursor, life=self._life, kind=row.kind, reason=row.reason,
            strategy=row.strategy, instrument=row.instrument, uid=row.uid, pid=row.pid, account=row.account,
            target_id=row.target_id,
        )  # fmt: skip
        self._journal.add(now_ns, JournalKind.FOLLOWED, codec.FOLLOWED.pack_row(followed))
        if row.kind == CommandKind.SET:
            self._settings.record(row, now_ns)
        self._journal.commit(now_ns)

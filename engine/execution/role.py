"""Execution, the role: intents in, orders at the venue, fills and positions out.

One step, in this order:
    1. commands and the halt cell
    2. books, so that risk sees the newest
    3. intents: dedup · risk · journal · send · publish; then write the lane's cursor to its `accepted` cell
    4. the venue's messages (answers, reports). They are read after the intents, so that an order does not wait for the
       read; this is safe, because risk counts an order in flight as if it were filled
    5. what follows from changed orders and from the time: cancels, events of the algorithms, replacements
    6. queries to the venue about every order and fill that is not known
    7. positions, the journal's flush to the disk, the figures that risk needs in the next step, one STEP record

It has no clock, no randomness and no I/O but its lanes, its ports and the journal's file: the same inputs give the
same bytes. It begins by replaying the journal (`start.py`), and trades only when the venue has answered every query.
This file makes the parts, each from the parts that it needs, and has their order within a step.
"""

import logging
from pathlib import Path

from engine.execution.algorithms.children import Children
from engine.execution.algorithms.netting import Netting
from engine.execution.algorithms.parents import Parents
from engine.execution.breakers import Breakers
from engine.execution.budget_watch import BudgetWatch
from engine.execution.commands import Commands
from engine.execution.config import ExecutionConfig
from engine.execution.flatten.closing import Closing
from engine.execution.flatten.flatten import Flatten
from engine.execution.gate_state import GateState
from engine.execution.halts import Halts
from engine.execution.intents.accepted import Accepted
from engine.execution.intents.books import Books
from engine.execution.intents.desk import Desk
from engine.execution.intents.express import Express
from engine.execution.intents.halt_word import HaltWord
from engine.execution.intents.intake import BOOKS, COMMANDS, Intake
from engine.execution.intents.skipped import Skipped
from engine.execution.journal.journal import Journal
from engine.execution.journal.journal_file import JournalFile
from engine.execution.monitor_watch import MonitorWatch
from engine.execution.notices import Notices
from engine.execution.operator import POLL_NS, NoOperator
from engine.execution.orders.ledger import Ledger
from engine.execution.orders.positions import Positions
from engine.execution.orders.prices import Prices
from engine.execution.ports import ExecutionLanes, ExecutionPorts
from engine.execution.ramp import Ramp
from engine.execution.restore.checkpointer import Checkpointer
from engine.execution.restore.disk import DirectDisk, Disk
from engine.execution.scope_cells import ScopeCells
from engine.execution.scopes import Scopes
from engine.execution.settings import Settings
from engine.execution.sight import OrderSight
from engine.execution.start import Start
from engine.execution.steps import Steps
from engine.execution.supervisor_silence import SupervisorSilence
from engine.execution.venue.account import VenueAccount
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.order_sender import OrderSender
from engine.model.client_id import mark_of
from engine.risk.gate import RiskGate
from engine.risk.history.followed import FollowedReturns
from engine.risk.history.returns import Returns
from engine.risk.market import Top
from engine.role import WorkingOn

logger = logging.getLogger("engine.execution")

GRAIN_NS = 200_000  # how late, where nothing happens, what time alone asks for; an order's own deadline is exact


class Execution:
    """The role."""

    name = "execution"

    def __init__(
        self,
        config: ExecutionConfig,
        lanes: ExecutionLanes,
        ports: ExecutionPorts,
        disk: Disk | None = None,
    ) -> None:
        """Make the parts, and replay the journal."""
        self.config = config
        self._lanes = lanes
        self._tops = {one.id: Top() for one in config.instruments}
        self._operator = ports.operator or NoOperator()
        self._word = HaltWord(self._operator.cell)
        self.ledger = Ledger(config.instruments, tuple(config.strategies))
        disk = disk or DirectDisk()
        file = JournalFile(Path(config.journal.directory), config.journal.segment_size, disk)
        self.journal = Journal(config.journal, lanes.journal, lanes.journal_past, file)
        self.alarm = Alarm(self.journal, ports.ask_halt)
        sight = OrderSight(lambda: self.blotter, lambda: self.session.clock)
        self._returns = FollowedReturns(config.limits.var_history, config.instruments)
        self.gate = _gate_of(config, self._tops, self.ledger, self.alarm, sight, self._returns)
        prices = Prices(config.instruments, config.limits, self._tops)
        account = VenueAccount(config, ports.session, lanes, self.journal, self.ledger, prices, self.gate, self.alarm)
        self.session, self.blotter, self.broker = account.session, account.blotter, account.broker
        self.strangers, self.recovery, self._balances = account.strangers, account.recovery, account.balances
        self._reconciliation = account.reconciliation
        self._positions = Positions(self.blotter, prices, lanes.positions, config.mark_interval_ns)

        system = mark_of(config.system)
        sender = OrderSender(system, lanes, self.blotter, self.broker, self.session)
        netting = Netting(config, self.gate, self._tops)
        children = Children(self.blotter, self.gate, self.broker, sender, netting)
        self.parents = Parents(
            self.blotter, self.gate, sender, children, self._tops, config, netting.working, lanes.ticks
        )
        self.express = Express(
            system,
            self.gate,
            self.blotter.last_intent,
            self.journal,
            self.session,
            sender.finish,
            self._word,
            self._on_word,
            config.account,
        )
        self.desk = Desk(self.blotter, self.broker, self.gate, sender, self.parents, self.express, netting)
        accepted = Accepted(lanes.accepted)
        intents = tuple((number, lane, index) for index, (number, lane) in enumerate(lanes.intents.items()))
        skipped = Skipped(self.desk.on_record, sender.answer_again, config.skipped)
        self._intake = Intake(
            skipped.on_record if skipped else self.desk.on_record,
            lanes.books,
            lanes.commands,
            intents,
            self._tops,
            accepted.publish,
            self._word,
            self._on_word,
        )
        self._books = Books(lanes.books, self._intake, self._tops, self.parents)

        self._supervisor = SupervisorSilence(config, self._operator)
        self._monitor = MonitorWatch(config.monitor_late_ns, ports.monitor, lanes.disagreements, self.alarm)
        self.scopes = Scopes(config.account, self.ledger.account, self.gate, self.desk)
        self.halts = Halts(
            lanes.halt, self._operator, self.gate, self.scopes, self.desk, self.alarm, self.recovery, self._balances
        )
        self.breakers = Breakers(config, self.gate, self.blotter, self.scopes, self.desk)
        settings = Settings(config, lanes.limits, self.gate, self.desk, self.journal)
        self._ramp = Ramp(config, self.blotter, self.breakers, settings)
        self._commands = Commands(
            lanes.commands, lanes.commands_life, self.journal, self.halts, self.scopes, self.desk, self.alarm,
            self._balances, settings, self.breakers, self._reconciliation, self._monitor,
        )  # fmt: skip
        closing = Closing(system, self.gate, sender, self.blotter, self._tops)
        self.flatten = Flatten(
            self.scopes, self.blotter, self.desk, self.session, self.recovery, self._balances, closing
        )
        self._gate_state = GateState(
            config, lanes.gate, self.gate, self.session, self.recovery, self.blotter, self.journal, self._operator,
            self.halts, self._supervisor, self._monitor, self.breakers,
            BudgetWatch(self.gate, config.budget_stale_ns, lanes.budget, config.budget_index, lanes.budgeted),
        )  # fmt: skip
        self._notices = Notices(lanes, self.session, self.alarm, config)
        self._scope_cells = ScopeCells(lanes.scope_halts, config.account, self.scopes, self.flatten, self.breakers)
        self._steps = Steps(
            lanes.steps, config.role, (*lanes.books, lanes.commands, *(lane for _, lane, _ in intents), *lanes.ticks)
        )
        self._checkpointer = Checkpointer(config, self.journal, self.blotter.fill_order.name, disk)
        self._due_ns = 0
        self._poll_ns = 0  # when the operator's ways to ask for a halt are polled next
        self._start: Start | None = Start(
            config, lanes, self.journal, self.blotter, self.gate, self.parents, self.desk, self.alarm, self._balances,
            self.scopes, self.halts, self._commands, accepted, self._checkpointer, self.breakers,
        )  # fmt: skip

    def step(self, now_ns: int) -> int:
        """Do the work that is due at this time; how much it was."""
        if self._start is not None:
            self._begin(self._start, now_ns)
        work, found = 0, self._intake.waiting()
        if found & COMMANDS or self._lanes.halt.sequence(0) != self.halts.sequence:
            work = self._commands.read(now_ns) + self.halts.read_cell(now_ns)
            if self._word.waits():
                self._on_word(now_ns)
        if self.alarm.due:
            self.halts.follow_alarm(now_ns)
        if found > COMMANDS:
            if found & BOOKS:
                work += self._read_books(now_ns)
            work += self._intake.read_intents(now_ns)
        work += self.session.step(now_ns)
        if self.alarm.due:
            self.halts.follow_alarm(now_ns)
        if work or now_ns >= self._due_ns or self.blotter.changed or not self.session.up:
            work += self._follow_up(now_ns, work)
        return work

    @property
    def busy(self) -> bool:
        """Whether an algorithm works or a cancel waits: both follow the market and the time."""
        return self.parents.working or self.broker.waiting

    def _read_books(self, now_ns: int) -> int:
        """Read the books, and judge the breakers that look at each new price before an intent is read."""
        count = self._books.read(now_ns)
        if count and self.breakers.fast and self.breakers.on_books(now_ns):
            self._gate_state.update(now_ns)
        return count

    def _begin(self, start: Start, now_ns: int) -> None:
        """The first step of a life."""
        self._start = None
        self._gate_state.update(now_ns)
        start.begin(now_ns)
        self._ramp.begin()
        self._poll(now_ns)

    def _follow_up(self, now_ns: int, work: int) -> int:
        """Follow up changes and the time: after everything that was read, and otherwise every `GRAIN_NS`."""
        more = self.desk.on_time(now_ns)
        more += self.desk.follow(now_ns)
        self.recovery.step(now_ns)
        self._balances.step(now_ns)
        self._reconciliation.step(now_ns)
        if self.scopes.flattening:
            more += self.flatten.step(now_ns)
        if now_ns >= self._poll_ns:
            self._poll(now_ns)
        more += self.desk.follow(now_ns)
        self._positions.write(now_ns, self._lanes.fills.cursor)
        self.blotter.forget_old()
        self.breakers.step(now_ns)
        self._ramp.step(now_ns)
        self._returns.step(now_ns)
        self.journal.settle(now_ns, idle=not (work + more))
        self._gate_state.update(now_ns)
        self._notices.write(now_ns, reconciled=self.recovery.complete)
        self._scope_cells.write(now_ns)
        self._checkpointer.step()
        if work + more:
            self._steps.publish(now_ns, work + more, self.halts.sequence)
        self._due_ns = min(now_ns + GRAIN_NS, self.desk.deadline_ns)
        return more

    def _on_word(self, now_ns: int) -> None:
        """The operator's halt word was written: follow it at once, before any further request leaves."""
        self.halts.poll_operator(now_ns)
        self._word.read(self._operator.word_sequence)
        self._poll_ns = 0

    def _poll(self, now_ns: int) -> None:
        """Look at what comes without COMMANDS, at the supervisor and the monitor; publish the gate's state."""
        self._poll_ns = now_ns + POLL_NS
        self.halts.poll_operator(now_ns)
        self._word.read(self._operator.word_sequence)
        self._supervisor.judge(now_ns)
        self._monitor.judge(now_ns)
        self._gate_state.budget.judge(now_ns)
        self._gate_state.publish(now_ns)

    def working_on(self) -> WorkingOn | None:
        """The intent, the parent or the venue's report on which the step failed; None elsewhere."""
        return self._intake.working_on() or self.parents.working_on() or self.broker.working_on()

    def lag(self) -> int:
        """The number of waiting records of the lane on which most wait."""
        readers = (*self._lanes.books, self._lanes.commands, *self._lanes.intents.values())
        return max(reader.lag for reader in readers)

    def error_count(self) -> int:
        """The number of the venue's messages that could not be read, and of alarms."""
        return self.alarm.error_count

    def drain(self, now_ns: int) -> bool:
        """Accept no new order, cancel the open ones, and make a step; True when no order is left at the venue."""
        self.halts.drain(now_ns)
        self.step(now_ns)
        return not self.blotter.live

    def ask_halt(self) -> None:
        """Halt at the next step, because SIGUSR1 arrived."""
        self._operator.signalled, self._poll_ns, self._due_ns = True, 0, 0

    def warm(self, now_ns: int) -> None:
        """Keep the code and data of an order's way in the processor's caches, without an effect."""
        self._intake.warm()
        self.breakers.warm(now_ns)
        self.express.warm(now_ns)

    def filenos(self) -> list[int]:
        """The descriptors that a blocking process waits for."""
        return self.session.filenos()

    def close(self) -> None:
        """Close the connection, the journal and the lanes."""
        self.session.close()
        self.journal.close()
        if lost := self.journal.file.waiting:
            of = {"directory": self.config.journal.directory, "records": lost}
            logger.error("the journal lacks its last records: the disk had no room for them", extra=of)
        for closer in self._lanes.closers:
            closer.close()


def _gate_of(
    config: ExecutionConfig, tops: dict[int, Top], ledger: Ledger, alarm: Alarm, sight: OrderSight, returns: Returns
) -> RiskGate:  # fmt: skip
    """The gate over these books and positions; it refuses the instruments that the alarm has halted."""
    instruments = {one.id: one for one in config.instruments}
    return RiskGate(
        config.limits, instruments, tops, ledger.account, ledger.owned, config.strategies, config.caps,
        alarm.instruments, sight, returns, config.margin,
    )  # fmt: skip

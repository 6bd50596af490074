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
same bytes. It begins by replaying the journal, and trades only when the venue has answered every query.
"""

import logging
from pathlib import Path

from engine.execution.algorithms.children import Children
from engine.execution.algorithms.parents import Parents
from engine.execution.config import ExecutionConfig
from engine.execution.intents.desk import Desk
from engine.execution.intents.express import Express
from engine.execution.intents.intake import Intake, apply_book
from engine.execution.journal.journal import Journal
from engine.execution.journal.journal_file import JournalFile
from engine.execution.journal.terms import JournalTermsError, terms_of
from engine.execution.notices import Notices
from engine.execution.operator import POLL_NS, NoOperator
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.client_id import mark_of
from engine.execution.orders.fills import UNAUDITED_MOST
from engine.execution.orders.ledger import Ledger
from engine.execution.orders.order import OPEN
from engine.execution.orders.positions import Positions
from engine.execution.orders.prices import Prices
from engine.execution.ports import ExecutionLanes, ExecutionPorts
from engine.execution.restore import checkpoint
from engine.execution.restore.disk import DirectDisk, Disk
from engine.execution.restore.replay import Replay
from engine.execution.steps import Steps
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.balances import Balances
from engine.execution.venue.broker import Broker
from engine.execution.venue.order_sender import OrderSender
from engine.execution.venue.recovery import Recovery
from engine.execution.venue.shortfall import Shortfall
from engine.execution.venue.strangers import Strangers
from engine.lanes.ports import RingReader
from engine.model.fixed import to_text
from engine.model.journal_records import FOLLOWED
from engine.model.rows import CommandRow, FillRow, HaltRow
from engine.model.text import bare
from engine.model.words import CommandKind, FillFlag, JournalKind, Reason
from engine.risk.gate import RiskGate
from engine.risk.market import Top
from engine.venues.session import UNANSWERED, Answer, Ask, Request
from engine.venues.trading.news import FillNews, OrderNews, UnreadableError

logger = logging.getLogger("engine.execution")

MS = 1_000_000
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
        """Build the parts, and replay the journal."""
        self.config = config
        self._lanes = lanes
        system = mark_of(config.system)
        self._tops = {one.id: Top() for one in config.instruments}
        self._ids = {one.symbol: one.id for one in config.instruments}
        strategies = tuple(config.strategies)
        self.ledger = Ledger(config.instruments, strategies)
        instruments = {one.id: one for one in config.instruments}
        self.gate = RiskGate(
            config.limits,
            instruments,
            self._tops,
            self.ledger.account,
            self.ledger.owned,
            config.strategies,
            config.caps,
        )
        self._disk = disk or DirectDisk()
        self.journal = _journal_of(config, lanes, self._disk)
        prices = Prices(config.instruments, config.limits, self._tops)
        self.session = ports.session(config, self)
        self.blotter = Blotter(
            lanes, self.journal, self.ledger, self.session.fill_order, prices, account=config.account
        )
        self._positions = Positions(self.blotter, prices, lanes.positions, config.mark_interval_ns)
        self.alarm = Alarm(self.blotter, self.journal, ports.ask_halt)
        self.recovery = Recovery(config, self.blotter, self.session)
        self.broker = Broker(self.blotter, self.session, self.gate, self.recovery, system, config.fills_grace_ns)
        cancel_orphans = config.orphans == "cancel"
        self.strangers = Strangers(self.blotter, self.broker, self._ids, cancel_orphans=cancel_orphans)
        self.broker.on_unknown_status, self.broker.on_false_fill = self.alarm.unknown_status, self.alarm.false_fill
        self.broker.on_false_news = self.alarm.false_news
        self.strangers.on_false_order, self.recovery.on_fills_absent = self.alarm.not_adopted, self.alarm.fills_absent
        self.gate.stopped = self.alarm.instruments
        self.recovery.broker, self.recovery.strangers = self.broker, self.strangers
        sender = OrderSender(system, lanes, self.blotter, self.broker, self.session)
        children = Children(self.gate, self.broker, sender)
        self.parents = Parents(self.blotter, self.gate, sender, children, self._tops, config)
        self.desk = Desk(self.blotter, self.broker, self.gate, sender, self.parents)
        self.express = Express(
            system,
            self.gate,
            self.blotter.last_intent,
            self.journal,
            self.session,
            sender.finish,
            config.account,
        )
        self._intents = tuple((number, lanes.intents[number], index) for index, number in enumerate(strategies))
        inputs = (*lanes.books, lanes.commands, *(lane for _, lane, _ in self._intents))
        self._steps = Steps(lanes.steps, config.role, inputs)
        self._intake = Intake(self, lanes.books, lanes.commands, self._intents, self._tops, self._accept)
        self._balances = Balances(
            config, self.session, self.recovery, self.alarm, self.journal, Shortfall(self.ledger.account.values())
        )
        self.blotter.on_fill, self.strangers.on_others = self._balances.on_fill, self._balances.on_others
        self._notices = Notices(lanes, self.session, self.alarm, config)
        self._due_ns = 0
        self._halt_sequence = 0
        self._poll_ns = 0  # when the operator's ways to ask for a halt are polled next
        self._published_gate: tuple[int, ...] = ()
        self._full = False  # the disk has no room for the journal
        self._unaudited = False  # an instrument has too many fills after its watermark
        self._supervisor_silent = self._supervisor_lost = False  # its heartbeat is late; so late that entries stop
        self._operator = ports.operator or NoOperator()
        self._begun = False
        self._checkpointed = 0  # the last closed segment for which a checkpoint was asked
        self._replay = Replay(self.blotter)
        self._recover()

    def step(self, now_ns: int) -> int:
        """Do the work that is due at this time; how much it was."""
        if not self._begun:
            self._begin(now_ns)
        halted_anew = self._lanes.halt.sequence(0) != self._halt_sequence
        work = self._read_commands(now_ns) if halted_anew or self._intake.waits() else 0
        if self.alarm.due:
            self._follow_alarm(now_ns)
        if self._intake.waits():
            work += self._read_books(now_ns)
            work += self._intake.read_intents(now_ns)
        work += self.session.step(now_ns)
        if self.alarm.due:
            self._follow_alarm(now_ns)
        if work or now_ns >= self._due_ns or self.blotter.changed or not self.session.up:
            work += self._follow_up(now_ns, work)
        return work

    def _follow_up(self, now_ns: int, work: int) -> int:
        """Follow up changes and the time: after everything that was read, and otherwise every `GRAIN_NS`."""
        more = self.desk.on_time(now_ns)
        more += self.desk.follow(now_ns)
        self.recovery.step(now_ns)
        self._balances.step(now_ns)
        if now_ns >= self._poll_ns:
            self._poll_operator(now_ns)
        more += self.desk.follow(now_ns)
        self._positions.write(now_ns, self._lanes.fills.cursor)
        self.journal.settle(now_ns, idle=not (work + more))
        self._update_gate()
        self._notices.write(now_ns, reconciled=self.recovery.complete)
        if self.journal.closed != self._checkpointed:
            self._ask_checkpoint()
        if work + more:
            self._steps.publish(now_ns, work + more, self._halt_sequence)
        self._due_ns = min(now_ns + GRAIN_NS, self.desk.deadline_ns)
        return more

    def _update_gate(self) -> None:
        """Set in the gate which orders may be sent, before the next intents are read, so that they do not wait."""
        gate = self.gate
        gate.connected, gate.reconciled = self.session.up, self.recovery.complete
        if self.journal.full is not self._full:
            self._full = self.journal.full
            self._warn_of_room()
        if bool(self.blotter.overdue) is not self._unaudited:
            self._unaudited = not self._unaudited
            self._warn_of_fills()
        gate.exits_only = self._exits_only()

    def _exits_only(self) -> int:
        """The Reason why entries stop; 0: they do not."""
        if self._full:
            return Reason.JOURNAL_FULL
        if self._unaudited:
            return Reason.FILLS_UNAUDITED
        return Reason.SUPERVISOR_LOST if self._supervisor_lost else 0

    def _publish_gate(self, now_ns: int) -> None:
        """Write the gate's state when it changed: `engine-ctl halt` waits for this cell."""
        state = (int(self.gate.halted), self.gate.exits_only, self._operator.word_sequence, self._halt_sequence)
        if state != self._published_gate:
            self._published_gate = state
            self._lanes.gate.write(0, now_ns, *state, (0, 0, 0, 0))

    def _poll_operator(self, now_ns: int) -> None:
        """Halt when an operator asks for it without the supervisor; stop entries when the supervisor is lost."""
        self._poll_ns = now_ns + POLL_NS
        way = self._operator.asked_by()
        if way and not self.gate.halted:
            self.alarm.operator(way, now_ns)
            self._halt(now_ns, halted=True)
        self._operator.signalled = False
        self._judge_supervisor(self._operator.silent_ns(now_ns))
        self._publish_gate(now_ns)

    def _judge_supervisor(self, silent_ns: int) -> None:
        """Log when the supervisor's heartbeat stops and when it returns; entries stop after the second limit."""
        silent, limit_ns = silent_ns > self.config.supervisor_alarm_ns, self.config.supervisor_lost_ns
        lost = bool(limit_ns) and silent_ns > limit_ns
        if silent and not self._supervisor_silent:
            advice = f"entries stop {limit_ns / 1e9:g} s after its last heartbeat" if limit_ns else "entries go on"
            logger.error("the supervisor sends no heartbeat", extra={"silent_ms": silent_ns // MS, "what": advice})
        if lost and not self._supervisor_lost:
            logger.error("the supervisor is lost: only exits are sent", extra={"silent_ms": silent_ns // MS})
        if self._supervisor_silent and not silent:
            logger.warning("the supervisor sends heartbeats again: orders are sent")
        self._supervisor_silent, self._supervisor_lost = silent, lost

    def _warn_of_room(self) -> None:
        """Log that entries stop, or continue: only the log shows an operator why no order is sent."""
        of = {"directory": self.config.journal.directory, "records_waiting": self.journal.file.behind}
        if self._full:
            logger.warning("the disk has no room for the journal: only exits are sent", extra=of)
        else:
            logger.warning("the disk has room for the journal again: orders are sent", extra=of)

    def _warn_of_fills(self) -> None:
        """Log that entries stop because the venue lists no fills, or continue."""
        of = {"instruments": sorted(self.blotter.overdue), "fills_kept_at_most": UNAUDITED_MOST}
        if self._unaudited:
            logger.error("the venue's listing of fills cannot be read: only exits are sent", extra=of)
        else:
            logger.warning("the venue's listing of fills was read again: orders are sent", extra=of)

    def lag(self) -> int:
        """The number of waiting records of the lane on which most wait."""
        readers = (*self._lanes.books, self._lanes.commands, *self._lanes.intents.values())
        return max(reader.lag for reader in readers)

    def error_count(self) -> int:
        """The number of the venue's messages that could not be read, and of alarms."""
        return self.alarm.error_count

    def drain(self, now_ns: int) -> bool:
        """Accept no new order, cancel the open ones, and make a step; True when no order is left at the venue."""
        self._drain(now_ns)
        self.step(now_ns)
        return not self.blotter.live

    def ask_halt(self) -> None:
        """Halt at the next step, because SIGUSR1 arrived."""
        self._operator.signalled, self._poll_ns, self._due_ns = True, 0, 0

    def warm(self, now_ns: int) -> None:
        """Keep the code and data of an order's way in the processor's caches, without an effect."""
        self._intake.warm()
        self.express.warm(now_ns)

    def filenos(self) -> list[int]:
        """The descriptors that a blocking process waits for."""
        return self.session.filenos()

    def close(self) -> None:
        """Close the connection, the journal and the lanes."""
        self.session.close()
        self.journal.close()
        if lost := self.journal.file.behind:
            of = {"directory": self.config.journal.directory, "records": lost}
            logger.error("the journal lacks its last records: the disk had no room for them", extra=of)
        for closer in self._lanes.closers:
            closer.close()

    def on_up(self, now_ns: int) -> None:
        """Ask the venue about every order and fill, because the session is up."""
        self.recovery.on_up(now_ns)

    def on_down(self, now_ns: int) -> None:
        """Stop asking, because the session ended."""
        self.recovery.on_down()
        self._balances.on_down(now_ns)

    def on_answer(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Pass an answer to the part that asked; one that is unreadable, or answers another question, is UNKNOWN."""
        apply = self.recovery.on_answer
        if request.kind in (Ask.PLACE, Ask.CANCEL, Ask.REPLACE):
            apply = self.broker.on_answer
        elif request.kind == Ask.BALANCES:
            apply = self._balances.on_answer
        if answer.unreadable is not None:
            self.alarm.unreadable(answer.unreadable, now_ns)
        try:
            apply(request, answer, now_ns)
        except UnreadableError as error:
            self.alarm.unreadable(error, now_ns)
            apply(request, UNANSWERED, now_ns)

    def on_transfer(self, asset: str, amount: int, now_ns: int) -> None:
        """Count a deposit or a withdrawal, which moves the balance without a fill."""
        self._balances.on_transfer(asset, amount, now_ns)

    def on_unreadable(self, error: UnreadableError, now_ns: int) -> None:
        """Raise an alarm, and ask the venue for the data of the message."""
        self.alarm.unreadable(error, now_ns)
        self.recovery.audit_soon(now_ns)

    def on_report(self, order: OrderNews, fill: FillNews | None, now_ns: int) -> None:
        """Apply a report of an order: ours, ours but unknown, or another's."""
        if self.broker.on_report(order, fill, now_ns) is not None:
            return
        if not self.broker.is_ours(order.client_id):
            self.strangers.report(order, now_ns)
        elif order.state == OPEN or (fill is not None and not self.blotter.knows_fill(self._ids[order.symbol], fill)):
            adopted = self.strangers.known_or_adopted(order, now_ns)
            if fill is not None and adopted is not None:
                self.broker.apply_fill(adopted, fill, now_ns, order.executed)

    def _recover(self) -> None:
        """Load the newest checkpoint and replay the journal behind it into the blotter, without telling anybody."""
        replay = self._replay
        behind = checkpoint.restore(self._checkpoint_request(), replay, self.journal.file.sequence)
        try:
            replay.run(self.journal.replay(behind, replay.sequence))
        except JournalTermsError as error:
            msg = f"{error} (--directory {self.config.journal.directory})"
            raise JournalTermsError(msg) from None
        self._checkpointed = behind
        self.blotter.changed.clear()
        self.parents.restore()
        for order in self.blotter.live.values():
            self.desk.watch(order)
        for parent in self.blotter.parents.values():
            self.desk.watch(parent.last)
        self.alarm.restore(replay.settled, replay.stopped, raised=replay.alarmed)
        self._balances.restore(replay.baseline, replay.agreed_ns)
        self._read_halt(self._lanes.halt.read(0), replay.halted)
        if replay.command_life == self._lanes.commands_life:
            self._lanes.commands.cursor = max(self._lanes.commands.cursor, replay.commands_followed)

    def _begin(self, now_ns: int) -> None:
        """The first step of a life: mark it in the journal, and tell the readers what they may have missed."""
        self._begun = True
        self._update_gate()
        for placed in self._replay.placed:  # a clock set back since must not make them last for longer
            self.gate.mark(min(placed.now_ns, now_ns), placed.strategy, placed.reserved)
        for one in self.config.instruments:
            self.journal.add(now_ns, JournalKind.TERMS, terms_of(one))
        self.journal.commit(now_ns)
        told = self._read_published(now_ns)
        last = told[-1] if told else None
        if last is not None or self.journal.had_ring:
            for row in self._replay.fills_after(last):
                self._lanes.fills.publish_bytes(codec.FILL.pack_row(row))
        else:
            self.blotter.open_positions(now_ns)
        for _, lane, index in self._intents:  # a producer is refused until its consumer has said where it stands
            self._accept(lane, index, now_ns)
        self._republish(now_ns)
        for intent in self._replay.unanswered:
            self.desk.refuse_replace(intent, 0, now_ns)
        if self.gate.halted:
            self.desk.cancel_all(now_ns)
        for instrument in self.alarm.instruments:
            self.desk.cancel_all(now_ns, 0, instrument)
        self.blotter.touched.update(range(len(self.ledger.positions)))
        self._warn_of_former()
        self._poll_operator(now_ns)
        del self._replay

    def _republish(self, now_ns: int) -> None:
        """Publish the orders and parents that readers may have missed when the life before ended."""
        for order in dict.fromkeys((*self._replay.last_orders, *self.blotter.live.values())):
            self.blotter.publish(order, now_ns)
        for record in self._replay.last_parents:
            self.blotter.publish_parent(record)
        self.parents.begin(now_ns)

    def _warn_of_former(self) -> None:
        """Say what is held by nobody who could close it."""
        for one in self.ledger.positions[self.ledger.configured :]:
            if one.held:
                held = to_text(one.held, one.terms.decimals)
                what = {"strategy": one.strategy, "symbol": one.instrument.symbol, "size": held}
                logger.warning("held for a strategy that is not configured any more", extra=what)

    def _read_published(self, now_ns: int) -> list[FillRow]:
        """The fills that the readers were told; of those the journal has lost in a gap, nothing is told twice."""
        told = []
        while (row := self._lanes.fills_past.read()) is not None:
            if type(row) is FillRow:
                told.append(row)
        if self.journal.gap is not None:
            for row in told:
                if not row.flags & FillFlag.OPENING and not self._knows(row):
                    self.journal.add(now_ns, JournalKind.FILL, codec.FILL.pack_row(row))
                    self._replay.absorb(row)
            self.alarm.gap(self.journal.gap, now_ns)
        return told

    def _knows(self, row: FillRow) -> bool:
        """Whether the journal has a fill of the FILLS ring."""
        return self.blotter.fills[row.instrument].knows(bare(row.venue_fill_id), row.venue_ns)

    def _checkpoint_request(self) -> checkpoint.Request:
        """The request for a checkpoint of this journal."""
        config = self.config
        strategies = tuple(config.strategies)
        return checkpoint.Request(
            config.journal.directory,
            self.journal.closed,
            config.instruments,
            strategies,
            self.blotter.fill_order.name,
            config.account,
        )

    def _ask_checkpoint(self) -> None:
        """Ask for a checkpoint after a segment was closed, so that the next start does not read it again."""
        self._checkpointed = self.journal.closed
        self._disk.checkpoint(self._checkpoint_request())

    def _read_commands(self, now_ns: int) -> int:
        """What the operator told, and the halt cell where it says more."""
        count = 0
        while (row := self._lanes.commands.read()) is not None:
            count += 1
            if type(row) is CommandRow:
                self._command(row, now_ns)
        sequence = self._lanes.halt.sequence(0)
        if sequence != self._halt_sequence:
            self._halt_sequence = sequence
            row = self._lanes.halt.read(0)
            if row is not None and (halted := bool(row.halted) or self._stays_halted()) != self.gate.halted:
                self._halt(now_ns, halted=halted)
                count += 1
        return count

    def _command(self, row: CommandRow, now_ns: int) -> None:
        """Record one command, then execute it."""
        self._record_command(row, now_ns)
        if row.kind == CommandKind.HALT:
            self._halt(now_ns, halted=True)
        elif row.kind == CommandKind.RESUME and row.instrument:
            if row.instrument in self.ledger.account:  # every execution reads the command, one has the instrument
                self.alarm.resume_instrument(row.instrument)
                self._balances.rebase()
        elif row.kind == CommandKind.RESUME:
            self._balances.rebase()
            self._halt(now_ns, halted=self.alarm.resume(now_ns) or self._stays_halted())
        elif row.kind == CommandKind.DRAIN:
            self._drain(now_ns)
        elif row.kind == CommandKind.CANCEL_ALL:
            self.desk.cancel_all(now_ns, row.strategy, row.instrument)

    def _record_command(self, row: CommandRow, now_ns: int) -> None:
        """Record a command that is about to be followed, with the cursor after it: no later life follows it again."""
        followed = FOLLOWED.row(
            asked_ns=row.now_ns, cursor=self._lanes.commands.cursor, life=self._lanes.commands_life, kind=row.kind,
            reason=row.reason, strategy=row.strategy, instrument=row.instrument, uid=row.uid, pid=row.pid,
        )  # fmt: skip
        self.journal.add(now_ns, JournalKind.FOLLOWED, codec.FOLLOWED.pack_row(followed))
        self.journal.commit(now_ns)

    def _drain(self, now_ns: int) -> None:
        """Accept no new orders from now on, and cancel the open ones."""
        if not self.gate.draining:
            self.gate.draining = True
            self.desk.cancel_all(now_ns)

    def _halt(self, now_ns: int, *, halted: bool) -> None:
        """Accept no new orders and cancel the open ones; or trade again."""
        self.gate.halted, self.alarm.fresh = halted, False
        if halted:
            self.desk.cancel_all(now_ns)

    def _stays_halted(self) -> bool:
        """Whether the halt cell or RESUME must not end the halt: an alarm, or an operator who asks for it now."""
        return self.alarm.raised or bool(self._operator.asked_by())

    def _follow_alarm(self, now_ns: int) -> None:
        """Act on execution's own alarm: halt the system, or cancel the open orders of an instrument."""
        alarm = self.alarm
        alarm.due = False
        self.recovery.audit_soon(now_ns)
        self._balances.compare_soon(now_ns)
        if alarm.fresh:
            self._halt(now_ns, halted=True)
        for instrument in alarm.fresh_instruments:
            self.desk.cancel_all(now_ns, 0, instrument)
        alarm.fresh_instruments.clear()

    def _read_halt(self, row: HaltRow | None, journalled: bool) -> None:
        """Set the halt at the start from the cell, or from the journal if the cell was lost; our own alarm stays."""
        self._halt_sequence = self._lanes.halt.sequence(0)
        self.gate.halted = self._stays_halted() or (journalled if row is None else bool(row.halted))

    def _read_books(self, now_ns: int) -> int:
        """Apply the newest tops of every feed; how many were read."""
        changed: set[int] = set()
        count = 0
        for feed, books in enumerate(self._lanes.books):
            count += self._read_feed(feed, books, changed)
        if changed and self.parents.working:
            for instrument in sorted(changed):
                self.parents.on_book(instrument, now_ns)
        return count

    def _read_feed(self, feed: int, books: RingReader, changed: set[int]) -> int:
        """Apply one feed's newest tops; after a lap no top is known until its next record."""
        applied = self._intake.read_books(feed)
        changed |= set() if applied is None else set(applied) - {0}
        read, count = books.read_bytes, len(applied or ())
        while (record := read()) is not None:
            count += 1
            instrument = apply_book(record, self._tops)
            if instrument > 0:
                changed.add(instrument)
            elif instrument < 0:
                for top in self._tops.values():
                    top.forget()
        return count

    def on_intent(self, data: bytes, sequence: int, strategy: int, now_ns: int) -> None:
        """Send an intent by the express if it is a common one, else pass it to the desk."""
        order = self.express.send(data, sequence, strategy, now_ns)
        if order is None:
            self.desk.on_intent(codec.INTENT.unpack(data), sequence, strategy, now_ns)
        elif order.timeout_ns:
            self.desk.watch(order)

    def _accept(self, lane: RingReader, index: int, now_ns: int) -> None:
        """Publish up to which cursor a strategy's intents are in the journal."""
        self._lanes.accepted.write(index, lane.cursor, 0, now_ns, (0, 0, 0, 0, 0))


def _journal_of(config: ExecutionConfig, lanes: ExecutionLanes, disk: Disk) -> Journal:
    """The journal, in its lane and in its file."""
    file = JournalFile(Path(config.journal.directory), config.journal.segment_size, disk)
    return Journal(config.journal, lanes.journal, lanes.journal_past, file)

"""The start of a life of execution: back to the former life's state, then publish what its readers may have missed.

    restore   in the constructor     checkpoint and journal ─▶ blotter, parents, alarm, balances, halt, cursors
    begin     in the first step      TERMS to the journal · fills, orders, parents to their lanes · cursors to ACCEPTED
                                     · cancels of a halt that outlived the process

Nothing is published or recorded before the first step, which has a time.
"""

import logging

from engine.execution.algorithms.parents import Parents
from engine.execution.breakers import Breakers
from engine.execution.commands import Commands
from engine.execution.config import ExecutionConfig
from engine.execution.halts import Halts
from engine.execution.intents.accepted import Accepted
from engine.execution.intents.desk import Desk
from engine.execution.journal.journal import Journal
from engine.execution.journal.terms import JournalTermsError, terms_of
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.ports import ExecutionLanes
from engine.execution.restore.checkpointer import Checkpointer
from engine.execution.restore.replay import Replay
from engine.execution.scopes import Scopes
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.balances import Balances
from engine.model.fixed import to_text
from engine.model.rows import FillRow
from engine.model.text import bare
from engine.model.words import FillFlag, JournalKind
from engine.risk.gate import RiskGate

logger = logging.getLogger("engine.execution")


class Start:
    """Restores the state of the parts, once, and publishes in the first step."""

    def __init__(
        self, config: ExecutionConfig, lanes: ExecutionLanes, journal: Journal, blotter: Blotter, gate: RiskGate,
        parents: Parents, desk: Desk, alarm: Alarm, balances: Balances, scopes: Scopes, halts: Halts,
        commands: Commands, accepted: Accepted, checkpointer: Checkpointer, breakers: Breakers,
    ) -> None:  # fmt: skip
        """Restore everything that the journal has."""
        self._config = config
        self._lanes = lanes
        self._journal = journal
        self._blotter = blotter
        self._gate = gate
        self._parents = parents
        self._desk = desk
        self._alarm = alarm
        self._scopes = scopes
        self._accepted = accepted
        self._breakers = breakers
        self._replay = Replay(blotter)
        self._replay_journal(checkpointer)
        self._restore_orders()
        replay = self._replay
        alarm.restore(replay.settled, replay.stopped, raised=replay.alarmed)
        balances.restore(replay.baseline, replay.agreed_ns)
        scopes.restore(replay.scopes)
        breakers.restore(replay.breakers)
        halts.restore(journalled=replay.halted)
        commands.restore(replay.command_life, replay.commands_followed)

    def begin(self, now_ns: int) -> None:
        """Mark the start in the journal, and publish what the readers may have missed."""
        self._count_requests(now_ns)
        anew = not self._journal.had_ring
        if anew:  # before the first record: the next life knows by the record that this was done
            self._publish_fills(now_ns)
        self._record_terms(now_ns)
        if not anew:
            self._publish_fills(now_ns)
        for index, lane in enumerate(self._lanes.intents.values()):
            self._accepted.publish(lane, index, now_ns)
        self._publish_orders(now_ns)
        for intent in self._replay.unanswered:
            self._desk.refuse_replace(intent, 0, now_ns)
        self._cancel_halted(now_ns)
        self._blotter.touched.update(range(len(self._blotter.ledger.positions)))
        self._warn_of_former()

    def _replay_journal(self, checkpointer: Checkpointer) -> None:
        """Load the newest checkpoint, and replay the journal after it into the blotter."""
        replay = self._replay
        segment = checkpointer.restore(replay)
        try:
            replay.run(self._journal.replay(segment, replay.sequence))
        except JournalTermsError as error:
            msg = f"{error} (--directory {self._config.journal.directory})"
            raise JournalTermsError(msg) from None
        self._blotter.changed.clear()

    def _restore_orders(self) -> None:
        """Continue the algorithms, and watch the time of every order and parent."""
        self._parents.restore()
        for order in self._blotter.live.values():
            self._desk.watch(order)
        for parent in self._blotter.parents.values():
            self._desk.watch(parent.newest or parent)

    def _count_requests(self, now_ns: int) -> None:
        """Count the former life's requests in the rate; after the clock was set back none may count for longer."""
        for placed in self._replay.placed:
            self._gate.mark(min(placed.now_ns, now_ns), placed.strategy, placed.reserved)

    def _record_terms(self, now_ns: int) -> None:
        """Record what the journal's numbers mean from here on."""
        for one in self._config.instruments:
            self._journal.add(now_ns, JournalKind.TERMS, terms_of(one))
        self._journal.commit(now_ns)

    def _publish_fills(self, now_ns: int) -> None:
        """Publish the fills after the last published one; on a new FILLS ring, what every strategy holds."""
        published = self._read_published(now_ns)
        last = published[-1] if published else None
        if last is None and not self._journal.had_ring:
            self._blotter.open_positions(now_ns)
            return
        for row in self._replay.fills_after(last):
            self._lanes.fills.publish_bytes(codec.FILL.pack_row(row))

    def _read_published(self, now_ns: int) -> list[FillRow]:
        """The fills on the FILLS ring. Fills that the journal has lost in a gap are applied and not published again."""
        published = []
        while (row := self._lanes.fills_past.read()) is not None:
            if type(row) is FillRow:
                published.append(row)
        if self._journal.gap is not None:
            for row in published:
                if not row.flags & FillFlag.OPENING and not self._is_known(row):
                    self._journal.add(now_ns, JournalKind.FILL, codec.FILL.pack_row(row))
                    self._replay.absorb(row)
            self._alarm.gap(self._journal.gap, now_ns)
        return published

    def _is_known(self, row: FillRow) -> bool:
        """Whether the journal has a fill of the FILLS ring; of the internal ones it keeps the newest."""
        if row.flags & FillFlag.INTERNAL:
            kept, number = self._replay.fills, bare(row.venue_fill_id)
            older = bool(kept) and row.receive_ns < kept[0].receive_ns
            return older or any(bare(one.venue_fill_id) == number for one in kept)
        return self._blotter.fills[row.instrument].knows(bare(row.venue_fill_id), row.venue_ns)

    def _publish_orders(self, now_ns: int) -> None:
        """Publish the orders and parents that readers may have missed when the former life ended."""
        for order in dict.fromkeys((*self._replay.last_orders, *self._blotter.live.values())):
            self._blotter.publish(order, now_ns)
        for record in self._replay.last_parents:
            self._parents.publish_again(record, now_ns)
        self._parents.begin(now_ns)

    def _cancel_halted(self, now_ns: int) -> None:
        """Cancel what a halt of the former life did not cancel any more."""
        if self._gate.halted:
            self._desk.cancel_all(now_ns)
        self._scopes.cancel(now_ns)
        self._breakers.begin(now_ns)
        for instrument in self._alarm.instruments:
            self._desk.cancel_all(now_ns, 0, instrument)

    def _warn_of_former(self) -> None:
        """Log the positions of strategies that are not configured any more: no strategy will close them."""
        ledger = self._blotter.ledger
        for one in ledger.positions[ledger.configured :]:
            if one.held:
                held = to_text(one.held, one.terms.decimals)
                what = {"strategy": one.strategy, "symbol": one.instrument.symbol, "size": held}
                logger.warning("held for a strategy that is not configured any more", extra=what)

"""The replay: from the journal back to what execution knew when its former life ended.

    INTENT     its id is used; its targets are to be cancelled       VERDICT    a refused REPLACE is over
    PARENT     an intent that an algorithm works, and its state      FILL       its order, and the positions
    ORDER      the order as it was then, a parent's child
    WATERMARK  fills are known up to this cursor                     FOLLOWED   halted or not; what it cancels
    ALARM      execution's own halt, of the system or an instrument  DAY        what the day's net is counted from
    TERMS      what the numbers mean: other instruments are refused
    BALANCE    what the account held when it last agreed with the fills, and what has moved it since
    SETTING    nothing: a record for readers            BREAKER    a breaker's state, and its trip
    NETTED     two orders of ours that filled each other, and the positions of their strategies

An order found as CREATED or SENT may or may not be at the venue: the recovery makes it UNKNOWN and asks. A replay
neither records nor publishes; `fills_after` gives the fills that readers may have missed when the life ended.

`feed` applies one entry. The state that results is in the blotter and in this object's own fields; all of it is
bounded, and a checkpoint holds all of it (`replay_state`). `finish` derives what a new life needs beyond that.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from engine.execution.journal.journal import Entry
from engine.execution.journal.terms import check_account, check_known, check_terms, terms_of
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.fills import Trade
from engine.execution.orders.order import CREATED, Order
from engine.execution.orders.parent import STOPPING, Parent, parent_of
from engine.execution.trips import Place, held_of, place_of, resumed
from engine.execution.venue.alarm import Cause, Standstill
from engine.execution.venue.baseline import Baseline
from engine.model import algorithms, client_id
from engine.model.intent_id import line_of, precedes, strategy_of
from engine.model.journal_records import FOLLOWED
from engine.model.netted import fills_of
from engine.model.records import INTENT
from engine.model.rows import (
    AlarmRow,
    BreakerRow,
    FillRow,
    FollowedRow,
    IntentRow,
    NettedRow,
    OrderRow,
    WatermarkRow,
)
from engine.model.scope import Held, Scope
from engine.model.text import bare
from engine.model.words import (
    INSTRUMENT_REASONS,
    BalanceChange,
    CommandKind,
    FillFlag,
    HaltReason,
    IntentKind,
    JournalKind,
    OrderFlag,
    ParentStatus,
)
from engine.risk.approval import MINUTE_NS

FILLS_REPUBLISHED = 4096
ORDERS_REPUBLISHED = 64  # more than one commit can hold: a death may come after the commit and before the publish
MARKS_KEPT = 65_536
CAUSES_KEPT = 1024
INTENT_KIND_AT = next(field.offset for field in INTENT.fields if field.name == "kind")
assert INTENT.fields[0].name == "intent_id"


def _was_published(row: FillRow, last: FillRow) -> bool:
    """Whether a fill is the last published one, or is part of the opening that was published last."""
    if last.flags & FillFlag.OPENING:
        return bool(row.receive_ns <= last.receive_ns)
    return (row.instrument, bare(row.venue_fill_id)) == (last.instrument, bare(last.venue_fill_id))


class Placed(NamedTuple):
    """When a request was sent, for which strategy, and which part of the order rate it used."""

    now_ns: int
    strategy: int
    reserved: bool


class Replay:
    """Reads a journal once, from a checkpoint or from its beginning."""

    def __init__(self, blotter: Blotter) -> None:
        """Begin with the empty blotter to fill."""
        self.blotter = blotter
        self._instruments = {number: one.instrument for number, one in blotter.ledger.account.items()}
        self._terms_today = {number: terms_of(one) for number, one in self._instruments.items()}
        self.sequence = 0  # of the last record
        self.records = 0
        self.terms: dict[int, bytes] = {}  # by instrument, of the life that is being read; without an entry: as today
        self.halted = False
        self.scopes: dict[Scope, Held] = {}  # halted scopes, and those that are flattened
        self.breakers: dict[Place, BreakerRow] = {}  # the newest record of each
        self.alarmed = False  # halted by execution itself, and no operator has resumed since
        self.settled: deque[Cause] = deque(maxlen=CAUSES_KEPT)  # of alarms about an order: not raised again
        self.stopped: dict[int, Standstill] = {}  # instruments halted by execution
        self.baseline, self.agreed_ns = Baseline(), 0  # of the account's balances, and when it last agreed
        self.command_life = self.commands_followed = 0  # which COMMANDS ring, and the cursor after the last command
        self.placed: deque[Placed] = deque(maxlen=MARKS_KEPT)  # the requests that were sent, for the rate
        self.replaces: dict[int, IntentRow] = {}  # intents without an order and without a refusal yet
        self.fills: deque[FillRow] = deque(maxlen=FILLS_REPUBLISHED)
        self.last_orders: deque[Order] = deque(maxlen=ORDERS_REPUBLISHED)
        self.last_parents: deque[bytes] = deque(maxlen=ORDERS_REPUBLISHED)  # their records
        self.unanswered: list[IntentRow] = []  # REPLACE intents without an order; from `finish`
        self._apply: Mapping[int, Callable[[Entry], None]] = {
            JournalKind.INTENT: self._apply_intent, JournalKind.VERDICT: self._apply_verdict,
            JournalKind.ORDER: self._apply_order, JournalKind.PARENT: self._apply_parent,
            JournalKind.FILL: self._apply_fill,
            JournalKind.DAY: self._apply_day, JournalKind.BALANCE: self._apply_balance,
            JournalKind.TERMS: self._apply_terms, JournalKind.WATERMARK: self._apply_watermark,
            JournalKind.FOLLOWED: self._apply_followed, JournalKind.ALARM: self._apply_alarm,
            JournalKind.SETTING: self._skip_setting, JournalKind.BREAKER: self._apply_breaker,
            JournalKind.NETTED: self._apply_netted,
        }  # fmt: skip

    def run(self, entries: Iterable[Entry]) -> None:
        """Apply every entry of the journal."""
        for entry in entries:
            self.feed(entry)
        self.finish()

    def feed(self, entry: Entry) -> None:
        """Apply one entry."""
        self.records += 1
        self.sequence = entry.sequence
        self._apply[entry.kind](entry)

    def finish(self) -> None:
        """Derive what a new life needs, after the last entry."""
        self._drop_childless()
        self._restore_replaces()
        self._expect_smaller()

    def fills_after(self, last: FillRow | None) -> list[FillRow]:
        """The fills after the last published one."""
        later: list[FillRow] = []
        for row in reversed(self.fills):
            if last is not None and _was_published(row, last):
                break
            later.append(row)
        return later[::-1]

    def absorb(self, row: FillRow) -> None:
        """Apply a fill; if its order is not known (any more, or yet), the fill changes only the positions."""
        blotter = self.blotter
        self.fills.append(row)
        if row.flags & FillFlag.INTERNAL:  # whose record a gap of the journal has lost
            blotter.hold(row)
            return
        trade = Trade(bare(row.venue_order_id), row.side, row.price, row.size, row.venue_ns)
        blotter.know(row.instrument, bare(row.venue_fill_id), trade)
        self.baseline.trade(self._instruments[row.instrument], row.side, row.price, row.size)
        self.baseline.charge(row.fee_asset.rstrip(b"\0").decode(), row.fee)
        order = blotter.orders.get(row.client_id)
        if order is None:
            blotter.hold(row)
        else:
            blotter.apply_fill(order, row)
            self.last_orders.append(order)

    def _apply_intent(self, entry: Entry) -> None:
        """Apply an intent: of a PLACE, and so of most intents, only the id is used and only the id is unpacked."""
        intent_id = int.from_bytes(entry.payload[:8], "little")
        line, last_intent = line_of(intent_id), self.blotter.last_intent
        last_intent[line] = max(intent_id, last_intent.get(line, 0))
        if entry.payload[INTENT_KIND_AT] != IntentKind.PLACE:
            self._read_intent(codec.INTENT.unpack(entry.payload))

    def _apply_verdict(self, entry: Entry) -> None:
        """Apply a verdict: a refusal ends a REPLACE. While there is no REPLACE, a verdict is not unpacked."""
        if self.replaces and (verdict := codec.VERDICT.unpack(entry.payload)).reason:
            self.replaces.pop(verdict.intent_id, None)

    def _apply_order(self, entry: Entry) -> None:
        row = codec.ORDER.unpack(entry.payload)
        self._check(row)
        self._read_order(row, entry.now_ns)

    def _apply_parent(self, entry: Entry) -> None:
        self._read_parent(entry.payload)

    def _apply_fill(self, entry: Entry) -> None:
        row = codec.FILL.unpack(entry.payload)
        self._check(row)
        self.absorb(row)

    def _apply_netted(self, entry: Entry) -> None:
        """Apply an internal fill: the one record has both sides."""
        row = codec.NETTED.unpack(entry.payload)
        self._check(row)
        self.fills.extend(fills_of(row))
        self.last_orders.extend(self.blotter.apply_netted(row))
        self.blotter.forget_old()

    def _apply_day(self, entry: Entry) -> None:
        """Apply the begin of a day; one of an instrument that is not configured any more changes nothing."""
        day = codec.DAY.unpack(entry.payload)
        self.blotter.ledger.begin_day(day.instrument, day.day_ns, day.mark2)

    def _apply_balance(self, entry: Entry) -> None:
        row = codec.BALANCE.unpack(entry.payload)
        self.baseline.apply(row)
        if row.change == BalanceChange.AGREED:
            self.agreed_ns = entry.now_ns

    def _apply_terms(self, entry: Entry) -> None:
        self.terms[codec.TERMS.unpack(entry.payload).instrument] = entry.payload

    def _apply_watermark(self, entry: Entry) -> None:
        self._read_watermark(codec.WATERMARK.unpack(entry.payload))

    def _apply_followed(self, entry: Entry) -> None:
        """Apply a command; an older program's record ends before `target_id`."""
        self._read_followed(codec.FOLLOWED.unpack(entry.payload.ljust(FOLLOWED.size, b"\0")), entry.now_ns)

    def _skip_setting(self, entry: Entry) -> None:
        """Skip what an operator set: COMMANDS holds the values in force, the journal only who set them and when."""

    def _apply_breaker(self, entry: Entry) -> None:
        """Apply a breaker's state; a trip whose policy halts the scope holds it, and ends no flattening of it."""
        row = codec.BREAKER.unpack(entry.payload)
        place = place_of(row)
        self.breakers[place] = row
        if (held := held_of(row)) is not None:
            scope = place.scope(self.blotter.account)
            before = self.scopes.get(scope)
            flattens = held.flattens or (before is not None and before.flattens)
            self._read_halt(scope, held._replace(flattens=flattens))

    def _apply_alarm(self, entry: Entry) -> None:
        self._read_alarm(codec.ALARM.unpack(entry.payload), entry.now_ns)

    def _read_watermark(self, row: WatermarkRow) -> None:
        """Apply a watermark, unless it is of another symbol or of an instrument that is not configured any more."""
        if row.instrument in self._instruments and self._means_the_same(row.instrument):
            self.blotter.audited(row.instrument, bare(row.cursor))

    def _check(self, row: OrderRow | FillRow | NettedRow) -> None:
        """Refuse an order or a fill of another account, or whose numbers do not mean what they would mean today."""
        check_account(row, self.blotter.account)
        check_known(row, self._instruments)
        if not self._means_the_same(row.instrument):
            check_terms(self.terms[row.instrument], self._instruments)

    def _means_the_same(self, instrument: int) -> bool:
        """Whether the life that is being read had the instrument's terms of today; a dropped instrument has none."""
        today, terms = self._terms_today.get(instrument), self.terms.get(instrument)
        return today is None or terms is None or terms == today

    def _read_intent(self, row: IntentRow) -> None:
        """Apply an intent to other orders: what it replaces, and what it cancels."""
        if row.kind == IntentKind.REPLACE:
            self.replaces[row.intent_id] = row
        elif row.kind == IntentKind.AMEND:
            self._read_amend(row)
        elif row.kind == IntentKind.CANCEL_ALL:
            self._cancel_all(row.strategy, row.instrument)
        elif row.kind == IntentKind.CANCEL:
            self._read_cancel(row.target_id, row.strategy)

    def _cancel_all(self, strategy: int, instrument: int, before: int = 0) -> None:
        """Mark as to be cancelled what `cancel_all` of the desk means."""

        def is_meant(one: Parent | Order) -> bool:
            of = (not strategy or one.strategy == strategy) and (not instrument or one.instrument == instrument)
            return of and (not before or precedes(one.intent_id, before))

        for parent in filter(is_meant, self.blotter.parents.values()):
            parent.status = STOPPING
        for order in filter(is_meant, self.blotter.live.values()):
            self._cancel(order)

    def _read_amend(self, row: IntentRow) -> None:
        """Expect the smaller size in the venue's reports: the request may have been sent or not."""
        order = self.blotter.newest.get(row.target_id)
        if order is not None and order.strategy == row.strategy and order.live and 0 < row.size < order.size:
            order.begin_amend(row.size)

    def _read_cancel(self, target: int, strategy: int = 0) -> None:
        """Mark an intent, of this strategy, as to be cancelled: its algorithm makes no further child."""
        newest, parent = self.blotter.newest.get(target), self.blotter.parents.get(target)
        if strategy not in (0, strategy_of(target)):
            return
        if parent is not None:
            parent.status = STOPPING
        if newest is not None:
            for order in dict.fromkeys((newest, *self.blotter.children(target))):
                self._cancel(order)

    def _cancel(self, order: Order) -> None:
        """Mark an order, and the orders that it replaces, as to be cancelled; the request may have been sent or not."""
        one: Order | None = order
        while one is not None and (one.live or one is order):
            if one.live:
                one.flags |= OrderFlag.CANCEL_WANTED
            one = one.predecessor

    def _read_order(self, row: OrderRow, now_ns: int) -> None:
        """Apply an order's record."""
        order = self.blotter.orders.get(row.client_id)
        if order is None:
            order = self._enter(row)
        self.blotter.bind(order, bare(row.venue_order_id))
        order.sent_ns, order.answer_ns, order.now_ns = row.sent_ns, row.answer_ns, row.now_ns
        order.expires_ns, order.error, order.flags = row.expires_ns, bare(row.error), row.flags
        order.error_text = row.error_text.rstrip(b"\0")
        if row.state == CREATED and not order.is_second:  # one request sends both orders of a pair
            self._mark(Placed(now_ns, row.strategy, bool(row.flags & OrderFlag.RESERVED)))
        order.filled, order.size = row.filled, row.size
        order.venue_filled = max(order.venue_filled, order.filled)
        self.blotter.restore(order, row.state)
        self.last_orders.append(order)
        if (parent := self.blotter.parents.get(row.intent_id)) is not None:
            parent.recall(order)
        if not order.live:
            self.blotter.forget_old()

    def _mark(self, request: Placed) -> None:
        """Count a request that was sent; drop requests older than the rate's minute."""
        while self.placed and self.placed[0].now_ns <= request.now_ns - MINUTE_NS:
            self.placed.popleft()
        self.placed.append(request)

    def _read_parent(self, payload: bytes) -> None:
        """Apply a parent's record; the record of its first child follows it."""
        row, parents = codec.read_parent(payload), self.blotter.parents
        self.last_parents.append(payload)
        if row.status == ParentStatus.DONE:
            parents.pop(row.intent_id, None)
        elif (parent := parents.get(row.intent_id)) is not None:
            parent.update(row)
        else:
            self.blotter.enter_parent(parent_of(row))
            if algorithms.closes(row.algorithm):
                self._cancel_all(row.strategy, row.instrument, row.intent_id)

    def _enter(self, row: OrderRow) -> Order:
        """Add an order at its first record."""
        order = order_of(row)
        self.replaces.pop(row.intent_id, None)
        before = self._replaced(row)
        if before is not None and before.live:
            order.predecessor, before.successor = before, order
        parent = self.blotter.parents.get(row.intent_id)
        if parent is not None and not row.flags & OrderFlag.ADOPTED:
            parent.add(order)
        self.blotter.enter(order)
        return order

    def _replaced(self, row: OrderRow) -> Order | None:
        """The order that this one replaces: a child of the same parent, or another intent's order; None if neither."""
        if row.replaces_id == row.intent_id:
            return self.blotter.orders.get(client_id.sibling(row.client_id, row.replaces_child))
        return self.blotter.newest.get(row.replaces_id)

    def _read_followed(self, row: FollowedRow, now_ns: int) -> None:
        """Apply an operator's command: it is followed once, and a halt outlives the process."""
        self.commands_followed, self.command_life = row.cursor, row.life
        scope = Scope.of(row)
        if row.kind == CommandKind.RESUME:
            self._read_resume(scope)
        elif row.kind in (CommandKind.HALT, CommandKind.FLATTEN):
            self._read_halt(scope, Held(now_ns, row.reason, row.uid, flattens=row.kind == CommandKind.FLATTEN))
        elif row.kind == CommandKind.CANCEL_ALL and self._concerns(scope):
            self._cancel_all(row.strategy, row.instrument)
        elif row.kind == CommandKind.CANCEL:
            self._read_cancel(row.target_id)
        elif row.kind == CommandKind.DRAIN:
            self._cancel_all(0, 0)

    def _concerns(self, scope: Scope) -> bool:
        """Whether something of this account is in the scope."""
        return scope.account in (0, self.blotter.account)

    def _read_halt(self, scope: Scope, held: Held) -> None:
        """Apply a HALT or a FLATTEN of the whole system or of a scope."""
        if not self._concerns(scope):
            return
        self.halted = self.halted or scope.whole
        if held.flattens or not scope.whole:
            self.scopes[scope] = held
        elif held.reason != HaltReason.FLATTEN:
            self.scopes.pop(scope, None)
        self._cancel_all(scope.strategy, scope.instrument)

    def _read_alarm(self, row: AlarmRow, now_ns: int) -> None:
        """Apply execution's own halt, which only RESUME ends."""
        if bare(row.venue_order_id):
            self.settled.append(Cause.of(row))
        if row.reason in INSTRUMENT_REASONS and row.instrument:
            self.stopped[row.instrument] = Standstill(now_ns, row, "")
            self._cancel_all(0, row.instrument)
        else:
            self.alarmed = True
            self._cancel_all(0, 0)

    def _read_resume(self, scope: Scope) -> None:
        """End the halt of a scope, or the system's and every alarm."""
        self.scopes.pop(scope, None)
        self.breakers.update(resumed(self.breakers, scope, self.blotter.account))
        if scope.whole:
            self.halted = self.alarmed = False
            self.stopped.clear()
            self.baseline.clear()
        elif self.stopped.pop(scope.instrument, None) is not None:
            self.baseline.clear()  # the balances count from the venue's next answer

    def _drop_childless(self) -> None:
        """Drop parents whose first child the journal does not have, unless they wait: nothing was sent for them."""
        parents = self.blotter.parents
        for one in [one for one in parents.values() if one.newest is None and not algorithms.waits(one.algorithm)]:
            del parents[one.intent_id]

    def _expect_smaller(self) -> None:
        """Accept any smaller size of a child that reduces: a request to lower it may have been sent."""
        for parent in self.blotter.parents.values():
            for child in parent.children:
                if child.live and (parent.reduce_only or child.side != parent.side):
                    child.begin_amend(1)

    def _restore_replaces(self) -> None:
        """Keep the REPLACE intents whose target lives; those whose target has ended are to be refused."""
        for row in self.replaces.values():
            order = self.blotter.newest.get(row.target_id)
            if order is not None and order.live:
                order.pending_replace = row
            else:
                self.unanswered.append(row)


def order_of(row: OrderRow) -> Order:
    """An order with the fields of its record that never change."""
    order = Order(
        row.client_id, row.intent_id, row.strategy, row.instrument, row.side, row.order_type, row.time_in_force,
        row.price, row.size,
    )  # fmt: skip
    order.intent_ns, order.receive_ns, order.timeout_ns = row.intent_ns, row.receive_ns, row.timeout_ns
    order.child, order.limit_price = row.child, row.limit_price
    order.replaces_id, order.replaces_child = row.replaces_id, row.replaces_child
    return order

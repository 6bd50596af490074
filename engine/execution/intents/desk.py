"""The desk: intents in, orders out; and what is to be done next when an order changes or its time is over.

    PLACE    risk ─▶ an order; with an algorithm: a parent, whose first child risk has approved
    REPLACE  risk ─▶ another order in place of an open one: in one request, or after its cancel (`pending_replace`)
    AMEND    the switches of risk ─▶ a smaller size of an open order, in place
    CANCEL   the orders of one intent, of a strategy, or all of them; their algorithms stop

Every intent gets a verdict, once. An order's own time (`timeout_ns`) ends by a cancel.
"""

import heapq
import time

from engine.execution.algorithms.algorithm import Algorithm, Child
from engine.execution.algorithms.netting import Netting
from engine.execution.algorithms.parents import Parents
from engine.execution.intents.express import Express
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import CANCELLED, OPEN, PARTLY, Order
from engine.execution.orders.parent import Parent
from engine.execution.venue.broker import Broker
from engine.execution.venue.order_sender import OrderSender
from engine.meters import current as meters
from engine.meters.table import place_of
from engine.model import algorithms
from engine.model.fixed import INT64_MAX
from engine.model.intent_id import ROUTED, line_of, precedes, strategy_of
from engine.model.rows import IntentRow
from engine.model.words import (
    INTENT_TYPES,
    IntentFlag,
    IntentKind,
    JournalKind,
    OrderFlag,
    OrderType,
    Reason,
    TimeInForce,
)
from engine.risk.gate import APPROVED, Refusal, RiskGate, Verdict

WAIT, GATE = place_of("wait"), place_of("gate")
TIMES_IN_FORCE = frozenset(TimeInForce)
NOTHING_TO_REDUCE = Refusal(Reason.NOTHING_TO_REDUCE)
UNKNOWN_TARGET = Refusal(Reason.UNKNOWN_ORDER)
INTENT_KINDS = frozenset(IntentKind)
PLACE, REPLACE = IntentKind.PLACE, IntentKind.REPLACE
LIMIT = OrderType.LIMIT
INTENT = JournalKind.INTENT
CANCEL_WANTED = OrderFlag.CANCEL_WANTED
DEADLINES_LEAST = 4096  # deadlines kept before those of done orders are dropped, at twice what was left then


class Desk:
    """Reads each intent once, asks risk, and has orders sent, replaced and cancelled."""

    def __init__(
        self, blotter: Blotter, broker: Broker, gate: RiskGate, sender: OrderSender, parents: Parents,
        express: Express, netting: Netting,
    ) -> None:  # fmt: skip
        """Bind the parts together."""
        self._blotter = blotter
        self._broker = broker
        self._gate = gate
        self._sender = sender
        self._parents = parents
        self._express = express
        self._netting = netting
        self._deadlines: list[tuple[int, int]] = []  # when, which intent
        self._sweep_at = DEADLINES_LEAST

    def on_record(self, data: bytes, sequence: int, strategy: int, now_ns: int) -> None:
        """Follow the intent in a lane's record: by the express if it is a common one."""
        order = None if self._netting.active else self._express.send(data, sequence, strategy, now_ns)
        if order is None:
            self.on_intent(codec.INTENT.unpack(data), sequence, strategy, now_ns)
        elif order.timeout_ns:
            self.watch(order)

    def on_intent(self, intent: IntentRow, sequence: int, strategy: int, now_ns: int) -> None:
        """Follow one intent; one that the journal has already only gets its verdict again."""
        blotter, sender, line = self._blotter, self._sender, line_of(intent.intent_id)
        if not _may_submit(strategy, intent):
            sender.answer_again(Refusal(Reason.MALFORMED, intent.strategy, strategy), intent, sequence, now_ns)
            return
        if intent.intent_id <= blotter.last_intent.get(line, 0):
            sender.answer_again(self._judge_again(intent, blotter.last_intent[line]), intent, sequence, now_ns)
            return
        blotter.last_intent[line] = intent.intent_id
        blotter.journal.add(now_ns, INTENT, codec.INTENT.pack_row(intent))
        meters.observe(WAIT, now_ns - intent.now_ns)
        if intent.kind == PLACE:
            self._place(intent, sequence, now_ns)
        elif intent.kind == REPLACE:
            self._replace(intent, sequence, now_ns)
        elif intent.kind == IntentKind.AMEND:
            self._amend(intent, sequence, now_ns)
        else:
            self._read_cancel(intent, sequence, now_ns)

    def follow(self, now_ns: int) -> int:
        """Do what the orders changed since the last call ask for, until nothing more changes."""
        changed, count = self._blotter.changed, 0
        while changed:
            orders = list(changed)
            changed.clear()
            for order in orders:
                self._follow(order, now_ns)
            count += len(orders)
        return count

    def cancel(self, order: Order, now_ns: int) -> None:
        """Cancel an order, and the orders that it is to replace; stop its algorithm, refuse a REPLACE that waits."""
        self._parents.stop(order.intent_id, now_ns)
        one: Order | None = order
        while one is not None and (one.live or one is order):
            if one.pending_replace is not None:
                waiting, one.pending_replace = one.pending_replace, None
                self.refuse_replace(waiting, one.state, now_ns)
            self._broker.cancel(one, now_ns)
            one = one.predecessor

    def stop(self, intent_id: int, now_ns: int) -> None:
        """Stop an intent's algorithm; the orders that it has stay."""
        self._parents.stop(intent_id, now_ns)

    def stop_entries(self, parent: Parent, now_ns: int) -> None:
        """Let a parent make no further entry: stop its algorithm, unless that continues with exits alone."""
        if not self._parents.reduce(parent, now_ns):
            self._parents.stop(parent.intent_id, now_ns)

    def refuse_replace(self, intent: IntentRow, state: int, now_ns: int) -> None:
        """Refuse a REPLACE that was approved and cannot be completed; otherwise its strategy waits for ever."""
        self._sender.refuse(Refusal(Reason.UNKNOWN_ORDER, state), intent, 0, now_ns)

    def cancel_all(self, now_ns: int, strategy: int = 0, instrument: int = 0, before: int = 0) -> None:
        """Cancel everything live, or of a strategy or instrument; only what precedes the intent `before`, if any."""
        self._parents.stop_all(strategy, instrument, now_ns, before)
        for order in list(self._blotter.live.values()):
            of = (not strategy or order.strategy == strategy) and (not instrument or order.instrument == instrument)
            if of and (not before or precedes(order.intent_id, before)):
                self.cancel(order, now_ns)

    def watch(self, order: Order | Parent) -> None:
        """Remember when the time of an order, or of a parent without one, is over."""
        if order.deadline_ns:
            heapq.heappush(self._deadlines, (order.deadline_ns, order.intent_id))
            if len(self._deadlines) > self._sweep_at:
                self._sweep()

    def _sweep(self) -> None:
        """Drop the deadlines of intents without a live order or a parent: most orders end long before theirs."""
        newest, parents = self._blotter.newest, self._blotter.parents
        self._deadlines = [
            one for one in self._deadlines
            if one[1] in parents or ((order := newest.get(one[1])) is not None and order.live)
        ]  # fmt: skip
        heapq.heapify(self._deadlines)
        self._sweep_at = max(DEADLINES_LEAST, 2 * len(self._deadlines))

    @property
    def deadline_ns(self) -> int:
        """When the next order's time is over; the largest time where no order has a deadline."""
        return self._deadlines[0][0] if self._deadlines else INT64_MAX

    def overdue(self, now_ns: int) -> list[int]:
        """The intents whose time is over, which `on_time` has not cancelled yet."""
        return [intent_id for deadline_ns, intent_id in self._deadlines if deadline_ns <= now_ns]

    def on_time(self, now_ns: int) -> int:
        """Cancel orders whose time is over, repeat refused cancels, and call the algorithms that are due."""
        count = 0
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            _, intent_id = heapq.heappop(self._deadlines)
            count += 1
            parent = self._blotter.parents.get(intent_id)
            if parent is None or not self._parents.reduce(parent, now_ns):
                self.cancel_intent(intent_id, now_ns)
        if self._broker.waiting:
            self._broker.retry_cancels(now_ns)
        self._parents.on_time(now_ns)
        return count

    def cancel_intent(self, intent_id: int, now_ns: int) -> None:
        """Cancel an intent's newest order, and every other child that lives."""
        children = self._blotter.children(intent_id)
        self._parents.stop(intent_id, now_ns)
        newest = self._blotter.newest.get(intent_id)
        if newest is not None:
            self.cancel(newest, now_ns)
        for child in children:
            if child.live and child is not newest:
                self.cancel(child, now_ns)

    def _place_pending(self, order: Order, now_ns: int) -> None:
        """The order that a REPLACE waited for has ended: place what is left of the intent."""
        intent, order.pending_replace = order.pending_replace, None
        assert intent is not None, "an order without a REPLACE that waits for it"
        rest = intent.size - order.venue_filled
        rest = self._cut(order, rest) if rest > 0 else rest
        verdict: Verdict = Refusal(Reason.UNKNOWN_ORDER, order.state)
        if order.state == CANCELLED and rest > 0 and not order.flags & OrderFlag.CANCEL_WANTED:
            ttl_ns = intent.ttl_ns
            verdict = self._gate.check(
                now_ns, intent.strategy, intent.instrument, intent.side, intent.price, rest, intent.now_ns, ttl_ns
            )
        if isinstance(verdict, Refusal):
            self._sender.refuse(verdict, intent, 0, now_ns)
            return
        following = self._replacement(order, intent, rest, verdict.flags)
        self._sender.send(following, intent, 0, now_ns)
        self.watch(following)

    def _follow(self, order: Order, now_ns: int) -> None:
        """One order's change."""
        if order.state in (OPEN, PARTLY) and (order.flags & CANCEL_WANTED or order.pending_replace is not None):
            flag = OrderFlag.REPRICING if order.pending_replace is not None else OrderFlag.CANCEL_WANTED
            self._broker.cancel(order, now_ns, flag)
        elif order.pending_replace is not None and not order.live:
            self._place_pending(order, now_ns)
        if self._blotter.parents:
            self._parents.on_order(order, now_ns)

    def _judge_again(self, intent: IntentRow, last: int) -> Verdict:
        """The verdict on an intent that was read before: approved while it, or its algorithm, waits."""
        target = self._blotter.newest.get(intent.target_id)
        waiting = None if target is None else target.pending_replace
        waits = waiting is not None and waiting.intent_id == intent.intent_id
        parent = self._blotter.parents.get(intent.intent_id)
        waits = waits or (parent is not None and parent.newest is None)
        return APPROVED if waits else Refusal(Reason.DUPLICATE_INTENT, intent.intent_id, last)

    def _place(self, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """A new order, or a parent."""
        order_type, time_in_force, price, limit = intent.order_type, intent.time_in_force, intent.price, 0
        if order_type not in INTENT_TYPES or time_in_force not in TIMES_IN_FORCE or intent.timeout_ns < 0:
            self._sender.refuse(Refusal(Reason.MALFORMED, order_type), intent, sequence, now_ns)
            return
        if intent.flags & ~IntentFlag.REDUCE_ONLY:
            refusal = Refusal(Reason.MALFORMED, intent.flags, IntentFlag.REDUCE_ONLY)
            self._sender.refuse(refusal, intent, sequence, now_ns)
            return
        if intent.algorithm:
            self._place_parent(intent, sequence, now_ns)
            return
        size = self._cut(intent, intent.size)
        if not size and intent.size > 0:
            self._sender.refuse(NOTHING_TO_REDUCE, intent, sequence, now_ns)
            return
        if order_type != LIMIT:
            exits = self._gate.is_exit(intent.strategy, intent.instrument, intent.side, size)
            limit = self._gate.protective_price(intent.instrument, intent.side, price, exits=exits)
            price, time_in_force = limit, TimeInForce.IOC
        begin_ns = time.monotonic_ns()
        verdict = self._gate.check(
            now_ns, intent.strategy, intent.instrument, intent.side, price, size, intent.now_ns, intent.ttl_ns
        )
        meters.observe(GATE, time.monotonic_ns() - begin_ns)
        if isinstance(verdict, Refusal):
            self._sender.refuse(verdict, intent, sequence, now_ns)
            return
        order = self._sender.order_of(intent, price, size, time_in_force, verdict.flags)
        order.limit_price = limit
        matches = self._netting.split(order, lambda rest: self._gate.check(
            now_ns, intent.strategy, intent.instrument, intent.side, price, rest, intent.now_ns, intent.ttl_ns
        ), now_ns)  # fmt: skip
        if isinstance(matches, Refusal):
            self._sender.refuse(matches, intent, sequence, now_ns)
            return
        self._sender.send(order, intent, sequence, now_ns, matches)
        if order.size:
            self.watch(order)

    def _place_parent(self, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """The first child of an intent with an algorithm; its price is worth what the book is worth."""
        if intent.order_type != LIMIT:
            self._sender.refuse(Refusal(Reason.MALFORMED, intent.order_type, LIMIT), intent, sequence, now_ns)
            return
        algorithm = self._parents.propose(intent)
        if isinstance(algorithm, Refusal):
            self._sender.refuse(algorithm, intent, sequence, now_ns)
            return
        first = algorithm.first(now_ns)
        if first is None or algorithm.kept:
            self._begin_waiting(algorithm, first, intent, sequence, now_ns)
            return
        size = self._cut(intent, first.size)
        verdict = NOTHING_TO_REDUCE if not size and first.size > 0 else self._gate.check(
            now_ns, intent.strategy, intent.instrument, intent.side, first.price, size, intent.now_ns,
            intent.ttl_ns, follows_book=True, waits=first.waits is not None, stop=first.stop.price if first.stop else 0,
        )  # fmt: skip
        if isinstance(verdict, Refusal):
            self._sender.refuse(verdict, intent, sequence, now_ns)
            return
        price, time_in_force = first.leading
        order = self._sender.order_of(intent, price, size, time_in_force, verdict.flags)
        self._sender.complete(order, first)
        matches = self._netting.split(order, lambda rest: self._gate.check(
            now_ns, intent.strategy, intent.instrument, intent.side, price, rest, intent.now_ns, intent.ttl_ns,
            follows_book=True,
        ), now_ns)  # fmt: skip
        if isinstance(matches, Refusal):
            self._sender.refuse(matches, intent, sequence, now_ns)
            return
        self._parents.accept(algorithm, order, intent, sequence, now_ns, matches)
        self.watch(order)

    def _begin_waiting(
        self, algorithm: Algorithm, kept: Child | None, intent: IntentRow, sequence: int, now_ns: int
    ) -> None:
        """An intent whose algorithm has no child yet; one that closes has the older orders cancelled.

        Of a kept one, risk checks the order that is to follow.
        """
        strategy, instrument, decided_ns, ttl_ns = intent.strategy, intent.instrument, intent.now_ns, intent.ttl_ns
        refusal = (
            self._gate.check_waiting(now_ns, strategy, instrument, decided_ns, ttl_ns)
            if kept is None
            else self._gate.check_kept(
                now_ns, strategy, instrument, intent.side, kept.price, kept.size, decided_ns, ttl_ns
            )
        )
        if refusal is not None:
            self._sender.refuse(refusal, intent, sequence, now_ns)
            return
        self._parents.begin_waiting(algorithm, intent, sequence, now_ns)
        self.watch(algorithm.parent)
        if algorithms.closes(intent.algorithm):
            self.cancel_all(now_ns, intent.strategy, intent.instrument, intent.intent_id)
        self._parents.start(algorithm, now_ns)

    def _cut(self, of: IntentRow | Order, size: int, relief: int = 0) -> int:
        """The size of an order: of a reduce-only one at most what is left of the position, 0 where nothing is."""
        reduces = of.flags & (OrderFlag.REDUCE_ONLY if isinstance(of, Order) else IntentFlag.REDUCE_ONLY)
        return min(size, self._gate.reducible(of.strategy, of.instrument, of.side, relief)) if reduces else size

    def _replace(self, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Another price and size for an open order. The size is the whole, with the filled part.

        Its type is LIMIT and may be left out; a time in force of 0 is the target's, and so is the end of its time.
        """
        order = self._blotter.newest.get(intent.target_id)
        refusal = self._check_target(order, intent)
        if refusal is not None or order is None:
            self._sender.refuse(refusal or UNKNOWN_TARGET, intent, sequence, now_ns)
            return
        rest = self._cut(order, intent.size - order.venue_filled, order.rest)
        verdict = NOTHING_TO_REDUCE if not rest and intent.size > order.venue_filled else self._gate.check(
            now_ns, intent.strategy, intent.instrument, intent.side, intent.price, rest, intent.now_ns, intent.ttl_ns,
            order.rest,
        )  # fmt: skip
        if isinstance(verdict, Refusal):
            self._sender.refuse(verdict, intent, sequence, now_ns)
            return
        if not order.replaceable:
            order.pending_replace = intent
            self._sender.approve(intent, sequence, now_ns)
            self._broker.cancel(order, now_ns, OrderFlag.REPRICING)
            return
        following = self._replacement(order, intent, rest + order.venue_filled, verdict.flags)
        self._sender.replace(order, following, intent, sequence, now_ns)
        self.watch(following)

    def _amend(self, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """A smaller size for an open order, at its place in the queue. The size is the whole, with the filled part."""
        order = self._blotter.newest.get(intent.target_id)
        refusal = self._check_target(order, intent)
        if order is not None and refusal is None:
            refusal = self._check_smaller(order, intent.size) or self._gate.check_amend(
                now_ns, intent.strategy, intent.instrument, order.side, order.price, intent.size, intent.now_ns,
                intent.ttl_ns,
            )  # fmt: skip
        if refusal is not None or order is None:
            self._sender.refuse(refusal or UNKNOWN_TARGET, intent, sequence, now_ns)
            return
        self._sender.approve(intent, sequence, now_ns)
        self._broker.amend(order, intent.size, now_ns)

    def _check_smaller(self, order: Order, size: int) -> Refusal | None:
        """Whether the venue can lower the order to this size in place, and no such request is under way."""
        smaller = order.venue_filled < size < order.size
        if self._broker.amends and smaller and not order.amend_pending:
            return None
        return Refusal(Reason.NOT_AMENDABLE, size, order.size)

    def _replacement(self, order: Order, intent: IntentRow, size: int, flags: int) -> Order:
        """The order of a REPLACE, for this size."""
        time_in_force = intent.time_in_force or order.time_in_force
        following = self._sender.order_of(intent, intent.price, size, time_in_force, flags)
        following.flags |= order.flags & OrderFlag.REDUCE_ONLY
        following.replaces_id, following.timeout_ns = order.intent_id, _time_left(order, intent)
        return following

    def _check_target(self, order: Order | None, intent: IntentRow) -> Refusal | None:
        """Whether a REPLACE may touch its target: its own, open, nothing under way, without an algorithm."""
        if order is None or order.strategy != intent.strategy:
            return UNKNOWN_TARGET
        if order.state not in (OPEN, PARTLY) or order.cancel_pending or order.pending_replace is not None:
            return Refusal(Reason.UNKNOWN_ORDER, order.state)
        wrong = (
            order.side != intent.side
            or order.instrument != intent.instrument
            or order.order_type != LIMIT
            or order.intent_id in self._blotter.parents
            or intent.algorithm
            or intent.order_type not in (0, LIMIT)
            or intent.time_in_force not in (0, *TIMES_IN_FORCE)
            or intent.timeout_ns < 0
        )
        return Refusal(Reason.MALFORMED, intent.order_type) if wrong else None

    def _read_cancel(self, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Cancel one order, or every order of the instrument; the only checks are the kind and the target."""
        order = self._blotter.newest.get(intent.target_id)
        parent = self._blotter.parents.get(intent.target_id)
        if intent.kind not in INTENT_KINDS:
            self._sender.refuse(Refusal(Reason.MALFORMED, intent.kind), intent, sequence, now_ns)
        elif intent.kind == IntentKind.CANCEL_ALL:
            self._sender.approve(intent, sequence, now_ns)
            self.cancel_all(now_ns, intent.strategy, intent.instrument)
        elif strategy_of(intent.target_id) != intent.strategy or not (parent or (order and order.live)):
            state = 0 if order is None else order.state
            self._sender.refuse(Refusal(Reason.UNKNOWN_ORDER, state), intent, sequence, now_ns)
        else:
            self._sender.approve(intent, sequence, now_ns)
            self.cancel_intent(intent.target_id, now_ns)


def _may_submit(owner: int, intent: IntentRow) -> bool:
    """Whether an intent is of the owner of its lane: of a strategy, or of the router for the strategy that it names."""
    line = ROUTED | intent.strategy if owner == ROUTED else owner
    return line_of(intent.intent_id) == line and strategy_of(intent.intent_id) == intent.strategy


def _time_left(order: Order, intent: IntentRow) -> int:
    """A replacement's time from its intent on: its own, or the rest of the order's."""
    if intent.timeout_ns or not order.timeout_ns:
        return int(intent.timeout_ns)
    return max(1, order.deadline_ns - int(intent.now_ns))

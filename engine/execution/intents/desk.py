"""The desk: intents in, orders out; and what an order's change asks to be done next."""

import heapq
from typing import Any

from engine.execution.algorithms.chaser import Chaser
from engine.execution.orders import codec
from engine.execution.orders.blotter import STRATEGY_SHIFT, Blotter
from engine.execution.orders.order import CANCELLED, OPEN, PARTLY, Order
from engine.execution.venue.broker import Broker
from engine.execution.venue.maker import Maker
from engine.model.fixed import INT64_MAX
from engine.model.rows import IntentRow
from engine.model.words import IntentKind, JournalKind, OrderFlag, OrderType, Reason, TimeInForce
from engine.risk.gate import APPROVED, Refusal, RiskGate, Verdict

ORDER_TYPES = frozenset(OrderType)
TIMES_IN_FORCE = frozenset(TimeInForce)
UNKNOWN_TARGET = Refusal(Reason.UNKNOWN_ORDER)
INTENT_KINDS = frozenset(IntentKind)
PLACE, REPLACE = IntentKind.PLACE, IntentKind.REPLACE
LIMIT, CHASE = OrderType.LIMIT, OrderType.CHASE
INTENT = JournalKind.INTENT
CANCEL_WANTED = OrderFlag.CANCEL_WANTED
DEADLINES_LEAST = 4096  # deadlines kept before those of done orders are swept out, at twice what was left then


class Desk:
    """Takes each intent once, asks risk, and has orders made, moved and cancelled."""

    def __init__(self, blotter: Blotter, broker: Broker, gate: RiskGate, maker: Maker, chaser: Chaser) -> None:
        """Bind the parts together."""
        self.chaser = chaser
        self._blotter = blotter
        self._broker = broker
        self._gate = gate
        self._maker = maker
        self._deadlines: list[tuple[int, int]] = []  # when, which intent
        self._sweep_at = DEADLINES_LEAST

    def on_intent(self, intent: IntentRow, sequence: int, strategy: int, now_ns: int) -> None:
        """Take one intent; one that the journal has already is told as such and nothing else happens."""
        blotter, maker = self._blotter, self._maker
        if intent.strategy != strategy or intent.intent_id >> STRATEGY_SHIFT != strategy:
            refusal = Refusal(Reason.MALFORMED, intent.strategy, strategy)
            maker.tell(maker.verdict_row(refusal, intent, sequence, now_ns), now_ns, journal=False)
            return
        if intent.intent_id <= blotter.last_intent.get(strategy, 0):
            verdict = self._judge_again(intent, blotter.last_intent[strategy])
            maker.tell(maker.verdict_row(verdict, intent, sequence, now_ns), now_ns, journal=False)
            return
        blotter.last_intent[strategy] = intent.intent_id
        blotter.journal.add(now_ns, INTENT, codec.INTENT.pack_row(intent))
        if intent.kind == PLACE:
            self._place(intent, sequence, now_ns)
        elif intent.kind == REPLACE:
            self._replace(intent, sequence, now_ns)
        else:
            self._cancel_intent(intent, sequence, now_ns)

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
        """Cancel an order, with its chase, and what it was to replace."""
        self.chaser.stop(order.intent_id, now_ns)
        one: Order | None = order
        while one is not None and (one.live or one is order):
            if one.heir is not None:
                heir, one.heir = one.heir, None
                self.refuse(heir, one.state, now_ns)
            self._broker.cancel(one, now_ns)
            one = one.predecessor

    def refuse(self, intent: IntentRow, state: int, now_ns: int) -> None:
        """A REPLACE that was taken comes to nothing: who is not told waits for its order for ever."""
        self._maker.tell(self._maker.verdict_row(Refusal(Reason.UNKNOWN_ORDER, state), intent, 0, now_ns), now_ns)

    def cancel_all(self, now_ns: int, strategy: int = 0, instrument: int = 0) -> None:
        """Cancel everything live, or everything of a strategy or instrument."""
        self.chaser.stop_all(strategy, instrument, now_ns)
        for order in list(self._blotter.live.values()):
            if (not strategy or order.strategy == strategy) and (not instrument or order.instrument == instrument):
                self.cancel(order, now_ns)

    def watch(self, order: Order) -> None:
        """Remember when the order's time is over."""
        if order.deadline_ns:
            heapq.heappush(self._deadlines, (order.deadline_ns, order.intent_id))
            if len(self._deadlines) > self._sweep_at:
                self._sweep()

    def _sweep(self) -> None:
        """Forget the deadlines of orders that are done and chased no more: most orders end long before theirs."""
        by_intent, chases = self._blotter.by_intent, self.chaser.chases
        self._deadlines = [
            one for one in self._deadlines
            if one[1] in chases or ((order := by_intent.get(one[1])) is not None and order.live)
        ]  # fmt: skip
        heapq.heapify(self._deadlines)
        self._sweep_at = max(DEADLINES_LEAST, 2 * len(self._deadlines))

    @property
    def deadline_ns(self) -> int:
        """When the next order's time is over; in the endless future where none is watched."""
        return self._deadlines[0][0] if self._deadlines else INT64_MAX

    def on_time(self, now_ns: int) -> int:
        """Cancel what has had its time, and look after the chases."""
        count = 0
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            _, intent_id = heapq.heappop(self._deadlines)
            count += 1
            self.chaser.stop(intent_id, now_ns)
            order = self._blotter.by_intent.get(intent_id)
            if order is not None:
                self.cancel(order, now_ns)
        if self._broker.waiting:
            self._broker.retry_cancels(now_ns)
        self.chaser.on_time(now_ns)
        return count

    def inherit(self, order: Order, now_ns: int) -> None:
        """The order that a REPLACE waited for has ended: place what is left of the intent."""
        intent, order.heir = order.heir, None
        assert intent is not None, "an order without a REPLACE that waits for it"
        rest = intent.size - order.venue_filled
        verdict: Verdict = Refusal(Reason.UNKNOWN_ORDER, order.state)
        if order.state == CANCELLED and rest > 0 and not order.flags & OrderFlag.CANCEL_WANTED:
            ttl_ns = intent.ttl_ns
            verdict = self._gate.check(
                now_ns, intent.strategy, intent.instrument, intent.side, intent.price, rest, intent.now_ns, ttl_ns
            )
        row = self._maker.verdict_row(verdict, intent, 0, now_ns)
        if isinstance(verdict, Refusal):
            self._maker.tell(row, now_ns)
            return
        time_in_force = intent.time_in_force or order.time_in_force
        following = self._maker.from_intent(intent, intent.price, rest, time_in_force, verdict.flags)
        following.replaces_id, following.timeout_ns = order.intent_id, _time_left(order, intent)
        self._maker.send(following, row, now_ns)
        self.watch(following)

    def _follow(self, order: Order, now_ns: int) -> None:
        """One order's change."""
        if order.state in (OPEN, PARTLY) and (order.flags & CANCEL_WANTED or order.heir is not None):
            flag = OrderFlag.REPRICING if order.heir is not None else OrderFlag.CANCEL_WANTED
            self._broker.cancel(order, now_ns, flag)
        elif order.heir is not None and not order.live:
            self.inherit(order, now_ns)
        if order.order_type == CHASE:
            self.chaser.on_order(order, now_ns)

    def _judge_again(self, intent: IntentRow, last: int) -> Verdict:
        """An intent that was taken before: approved while it waits for the end of what it replaces."""
        target = self._blotter.by_intent.get(intent.target_id)
        heir: Any = None if target is None else target.heir
        waits = heir is not None and heir.intent_id == intent.intent_id
        return APPROVED if waits else Refusal(Reason.DUPLICATE_INTENT, intent.intent_id, last)

    def _place(self, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """A new order."""
        order_type, time_in_force, price, limit = intent.order_type, intent.time_in_force, intent.price, 0
        if order_type not in ORDER_TYPES or time_in_force not in TIMES_IN_FORCE or intent.timeout_ns < 0:
            self._refuse(Refusal(Reason.MALFORMED, order_type), intent, sequence, now_ns)
            return
        if order_type != LIMIT:
            exits = self._gate.is_exit(intent.strategy, intent.instrument, intent.side, intent.size)
            limit = self._gate.protective_price(intent.instrument, intent.side, price, exits=exits)
            price, time_in_force = limit, TimeInForce.IOC
            if order_type == CHASE:
                post_only = intent.time_in_force == TimeInForce.POST_ONLY
                time_in_force = TimeInForce.POST_ONLY if post_only else TimeInForce.GTC
                price = self.chaser.first_price(intent.instrument, intent.side, limit)
        verdict = self._gate.check(
            now_ns, intent.strategy, intent.instrument, intent.side, price, intent.size, intent.now_ns, intent.ttl_ns,
            follows_book=order_type == CHASE,
        )  # fmt: skip
        if isinstance(verdict, Refusal):
            self._refuse(verdict, intent, sequence, now_ns)
            return
        order = self._maker.from_intent(intent, price, intent.size, time_in_force, verdict.flags)
        order.limit_price = limit
        self._maker.send(order, self._maker.verdict_row(verdict, intent, sequence, now_ns), now_ns)
        if order_type == CHASE:
            self.chaser.begin(order, now_ns)
        self.watch(order)

    def _replace(self, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Another price and size for an order that stands. The size is the whole: what was filled counts.

        Its type is LIMIT and need not be said; a time in force of 0 is the target's, and so is the end of its time.
        """
        order = self._blotter.by_intent.get(intent.target_id)
        refusal = self._check_target(order, intent)
        if refusal is not None or order is None:
            self._refuse(refusal or UNKNOWN_TARGET, intent, sequence, now_ns)
            return
        rest = intent.size - order.venue_filled
        verdict = self._gate.check(
            now_ns, intent.strategy, intent.instrument, intent.side, intent.price, rest, intent.now_ns, intent.ttl_ns,
            order.rest,
        )  # fmt: skip
        if isinstance(verdict, Refusal):
            self._refuse(verdict, intent, sequence, now_ns)
            return
        row = self._maker.verdict_row(verdict, intent, sequence, now_ns)
        if order.venue_filled or order.state != OPEN:
            order.heir = intent
            self._maker.tell(row, now_ns)
            self._broker.cancel(order, now_ns, OrderFlag.REPRICING)
            return
        time_in_force = intent.time_in_force or order.time_in_force
        following = self._maker.from_intent(intent, intent.price, intent.size, time_in_force, verdict.flags)
        following.replaces_id, following.timeout_ns = order.intent_id, _time_left(order, intent)
        self._maker.send_replacement(order, following, row, now_ns)
        self.watch(following)

    def _check_target(self, order: Order | None, intent: IntentRow) -> Refusal | None:
        """Whether a REPLACE may touch its target: its own, standing, nothing under way, no chase."""
        if order is None or order.strategy != intent.strategy:
            return UNKNOWN_TARGET
        if order.state not in (OPEN, PARTLY) or order.cancel_pending or order.heir is not None:
            return Refusal(Reason.UNKNOWN_ORDER, order.state)
        wrong = (
            order.side != intent.side
            or order.instrument != intent.instrument
            or order.order_type != OrderType.LIMIT
            or intent.order_type not in (0, OrderType.LIMIT)
            or intent.time_in_force not in (0, *TIMES_IN_FORCE)
            or intent.timeout_ns < 0
        )
        return Refusal(Reason.MALFORMED, intent.order_type) if wrong else None

    def _cancel_intent(self, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """A cancel is always allowed, whatever else is wrong; only its target must exist."""
        order = self._blotter.by_intent.get(intent.target_id)
        if intent.kind not in INTENT_KINDS:
            self._refuse(Refusal(Reason.MALFORMED, intent.kind), intent, sequence, now_ns)
        elif intent.kind == IntentKind.CANCEL_ALL:
            self._maker.tell(self._maker.verdict_row(APPROVED, intent, sequence, now_ns), now_ns)
            self.cancel_all(now_ns, intent.strategy, intent.instrument)
        elif order is None or order.strategy != intent.strategy or not (order.live or self._chased(order)):
            state = 0 if order is None else order.state
            self._refuse(Refusal(Reason.UNKNOWN_ORDER, state), intent, sequence, now_ns)
        else:
            self._maker.tell(self._maker.verdict_row(APPROVED, intent, sequence, now_ns), now_ns)
            self.cancel(order, now_ns)

    def _chased(self, order: Order) -> bool:
        """Whether a chase goes on behind an order that is done."""
        return order.intent_id in self.chaser.chases

    def _refuse(self, refusal: Refusal, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Journal the intent with its refusal and tell it."""
        self._maker.tell(self._maker.verdict_row(refusal, intent, sequence, now_ns), now_ns)


def _time_left(order: Order, intent: IntentRow) -> int:
    """A replacement's time from its intent on: its own, or what was left of the order's."""
    if intent.timeout_ns or not order.timeout_ns:
        return int(intent.timeout_ns)
    return max(1, order.deadline_ns - int(intent.now_ns))

"""Sends orders: first the verdict of risk and the order are written into the journal, then the request is sent.

    refuse · approve              a verdict that no order follows
    send · replace                an intent's own order:       VERDICT · ORDER in one commit, then the request
    begin_waiting · end_childless a parent without a child:    VERDICT · PARENT in one commit
    send_child · replace_child    a parent's further child:    PARENT · VERDICT · ORDER in one commit, then the request
    close                         an order of a flattening:    VERDICT · ORDER in one commit, then the request

`begin_parent` is `send` for a parent's first child. The verdict is published when its order has left. What other
strategies fill of an order (its matches) is recorded before it in the same commit, and published after it has left; an
order of size 0 is not sent.
"""

import logging
import time
from collections.abc import Sequence

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.netting import Match
from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.netted import row_of
from engine.execution.orders.order import CANCELLING, Order, together
from engine.execution.orders.parent import Parent
from engine.execution.ports import ExecutionLanes
from engine.execution.venue.broker import Broker
from engine.log import BoundedLog
from engine.meters import current as meters
from engine.meters.table import place_of
from engine.model import client_id, records
from engine.model.fixed import clamped
from engine.model.refusals import refusal_text
from engine.model.rows import IntentRow, NettedRow
from engine.model.words import (
    IntentFlag,
    IntentKind,
    JournalKind,
    OrderFlag,
    OrderType,
    Reason,
    TimeInForce,
    VerdictFlag,
)
from engine.risk.gate import Refusal, Verdict
from engine.venues.session import VenueSession

logger = logging.getLogger("engine.execution")

VERDICTS, SUBMIT = place_of("verdicts"), place_of("submit")
REASON_AT = next(field.offset for field in records.VERDICT.fields if field.name == "reason")
VERDICT, APPROVED = JournalKind.VERDICT, Reason.APPROVED
Netted = tuple[NettedRow, tuple[Order, Order]]  # an internal fill, and its orders


class OrderSender:
    """Records verdicts and orders, and sends the orders."""

    def __init__(
        self, system: bytes, lanes: ExecutionLanes, blotter: Blotter, broker: Broker, session: VenueSession
    ) -> None:
        """Bind the parts together."""
        self._system = system
        self._blotter = blotter
        self._broker = broker
        self._session = session
        self._log = BoundedLog(logger)
        self._verdicts = lanes.verdicts

    def approve(self, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Record and publish the approval of an intent that no order follows now."""
        self._record(_verdict(APPROVED, 0, 0, intent, sequence, now_ns), now_ns)

    def refuse(self, refusal: Refusal, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Record, publish and log the refusal of an intent."""
        self._record(self._refusal(refusal, intent, sequence, now_ns), now_ns)

    def answer_again(self, verdict: Verdict, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Publish the verdict on an intent that the journal has already, or that is not its strategy's."""
        if isinstance(verdict, Refusal):
            self._publish_verdict(self._refusal(verdict, intent, sequence, now_ns))
        else:
            self._publish_verdict(_verdict(APPROVED, 0, 0, intent, sequence, now_ns))

    def refuse_child(self, refusal: Refusal, parent: Parent, now_ns: int) -> None:
        """Record, publish and log the refusal of a further child."""
        self._warn(now_ns, refusal, parent)
        self._record(_child_verdict(parent, now_ns, refusal), now_ns)

    def order_of(self, intent: IntentRow, price: int, size: int, time_in_force: int, flags: int = 0) -> Order:
        """The first order of an intent, with the flags of its verdict."""
        order = Order(
            client_id.encode(self._system, intent.intent_id, 0), intent.intent_id, intent.strategy, intent.instrument,
            intent.side, intent.order_type or OrderType.LIMIT, time_in_force, price, size,
        )  # fmt: skip
        order.intent_ns = intent.now_ns
        order.receive_ns = intent.receive_ns
        order.timeout_ns = intent.timeout_ns
        order.flags = flags | (OrderFlag.REDUCE_ONLY if intent.flags & IntentFlag.REDUCE_ONLY else 0)
        return order

    def child_of(self, parent: Parent, side: int, price: int, time_in_force: int, size: int, flags: int) -> Order:
        """The next child of a parent, with the flags of its verdict."""
        last = parent.newest or parent
        number = 0 if parent.newest is None else parent.newest.child + 1
        order = Order(
            client_id.encode(self._system, parent.intent_id, number), parent.intent_id, parent.strategy,
            parent.instrument, side, OrderType.LIMIT, time_in_force, price, size,
        )  # fmt: skip
        order.intent_ns, order.receive_ns, order.timeout_ns = last.intent_ns, last.receive_ns, last.timeout_ns
        order.child, order.limit_price = number, parent.limit_price
        order.flags = flags | (OrderFlag.REDUCE_ONLY if parent.reduce_only else 0)
        return order

    def complete(self, order: Order, child: Child) -> None:
        """Make a new order what its algorithm asks for: a native one, or the stop of a pair with its limit order."""
        order.wait(child.waits if child.stop is None else child.stop.waits)
        if child.stop is not None:
            self._add_limit(order, child.price)

    def _add_limit(self, stop: Order, price: int) -> None:
        """Make the limit order of a pair, which has the stop's size: the venue gets both in one request."""
        number = stop.child + 1
        limit = Order(
            client_id.encode(self._system, stop.intent_id, number), stop.intent_id, stop.strategy, stop.instrument,
            stop.side, OrderType.LIMIT, TimeInForce.POST_ONLY, price, stop.size,
        )  # fmt: skip
        limit.intent_ns, limit.receive_ns, limit.timeout_ns = stop.intent_ns, stop.receive_ns, stop.timeout_ns
        limit.child, limit.limit_price, limit.flags = number, stop.limit_price, stop.flags | OrderFlag.PAIRED
        limit.replaces_id, limit.replaces_child = stop.intent_id, stop.child
        stop.flags |= OrderFlag.PAIRED
        limit.predecessor, stop.successor = stop, limit

    def send(
        self, order: Order, intent: IntentRow, sequence: int, now_ns: int, matches: Sequence[Match] = ()
    ) -> None:  # fmt: skip
        """Record an intent's approval and its order, and send it."""
        netted = self._net(order, matches, order.child + 1, now_ns)
        self._send(order, _verdict(APPROVED, 0, 0, intent, sequence, now_ns), now_ns)
        self._publish_netted(netted)

    def begin_parent(
        self, parent: Parent, order: Order, intent: IntentRow, sequence: int, now_ns: int,
        matches: Sequence[Match] = (),
    ) -> None:  # fmt: skip
        """Record a parent with its intent's approval and its first child, and send that."""
        for one in together(order):
            one.limit_price = parent.limit_price
        self._blotter.enter_parent(parent)
        self._send_of(parent, order, _verdict(APPROVED, 0, 0, intent, sequence, now_ns), now_ns, matches)

    def begin_waiting(self, parent: Parent, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Record a parent that has no child yet, with its intent's approval."""
        self._blotter.enter_parent(parent)
        self.record_parent(parent, _verdict(APPROVED, 0, 0, intent, sequence, now_ns), now_ns)

    def end_childless(self, parent: Parent, refusal: Refusal, now_ns: int) -> None:
        """Record the end of a parent that has sent nothing, with the refusal of its intent, and publish and log it."""
        self._warn(now_ns, refusal, parent)
        self.record_parent(parent, _ended_verdict(parent, refusal, now_ns), now_ns)

    def publish_end(self, parent: Parent, refusal: Refusal, now_ns: int) -> None:
        """Publish the end of a parent that has sent nothing once more: the journal has it."""
        self._publish_verdict(_ended_verdict(parent, refusal, now_ns))

    def record_parent(self, parent: Parent, verdict: bytes, now_ns: int) -> None:
        """Record and publish a parent as it is, with a verdict on its intent."""
        self._blotter.journal.add(now_ns, VERDICT, verdict)
        self._blotter.note_parent(parent, now_ns)
        self._publish_verdict(verdict)

    def send_child(self, parent: Parent, order: Order, now_ns: int, matches: Sequence[Match] = ()) -> None:
        """Record a further child with its parent, and send it."""
        self._send_of(parent, order, _child_verdict(order, now_ns), now_ns, matches)

    def close(self, order: Order, now_ns: int) -> None:
        """Record an order of a flattening, for which there is no intent, and send it."""
        self._send(order, _own_verdict(order, now_ns), now_ns)

    def finish(self, intent: IntentRow, expires_ns: int, left: bool, verdict: bytes, now_ns: int) -> Order:
        """Enter an order that the express has journalled and sent into the tables, and publish it."""
        order = self.order_of(intent, intent.price, intent.size, intent.time_in_force)
        order.expires_ns, order.now_ns = expires_ns, now_ns
        self._blotter.enter(order)
        self._broker.placed(order, now_ns, left=left)
        self._publish_verdict(verdict)
        return order

    def replace(self, old: Order, order: Order, intent: IntentRow, sequence: int, now_ns: int) -> None:
        """Record an intent's approval and its order, and send it in place of one without fills."""
        self._begin_replacing(old, now_ns)
        self._exchange(old, order, _verdict(APPROVED, 0, 0, intent, sequence, now_ns), now_ns)

    def replace_child(self, parent: Parent, old: Order, order: Order, now_ns: int) -> None:
        """Record a further child with its parent, and send it in place of one without fills."""
        order.replaces_id, order.replaces_child = old.intent_id, old.child
        self._begin_replacing(old, now_ns)
        made = self._blotter.write_parent(parent, now_ns, 1)
        parent.add(order)
        self._exchange(old, order, _child_verdict(order, now_ns), now_ns)
        self._blotter.publish_parent(made)

    def _send_of(
        self, parent: Parent, order: Order, verdict: bytes, now_ns: int, matches: Sequence[Match]
    ) -> None:  # fmt: skip
        """Record a child with its parent, and send it; what is netted of it has the numbers before its own."""
        children = together(order) if order.size else ()
        made = self._blotter.write_parent(parent, now_ns, len(matches) + len(children))
        netted = self._net(order, matches, order.child, now_ns)
        if netted:
            order.child += len(netted)
            order.client_id = client_id.sibling(order.client_id, order.child)
        for one in children:
            parent.add(one)
        self._send(order, verdict, now_ns)
        self._blotter.publish_parent(made)
        self._publish_netted(netted)

    def _net(self, order: Order, matches: Sequence[Match], number: int, now_ns: int) -> list[Netted]:
        """Put what others fill of an order into the journal's batch, as orders of its intent from this number on."""
        netted: list[Netted] = []
        if not matches:
            return netted
        for place, (parent, price, size) in enumerate(matches):
            order.client_id = client_id.sibling(order.client_id, number + place)
            other = self.child_of(parent, parent.side, price, TimeInForce.IOC, size, 0)
            row = row_of(order, other, price, size, now_ns, self._blotter.account)
            netted.append((row, self._blotter.net(row, now_ns)))
        order.client_id = client_id.sibling(order.client_id, order.child)
        return netted

    def _publish_netted(self, netted: list[Netted]) -> None:
        """Publish what others filled of an order."""
        for row, orders in netted:
            self._blotter.publish_netted(row, orders)

    def _publish_verdict(self, verdict: bytes) -> None:
        self._verdicts.publish_bytes(verdict)
        meters.add(VERDICTS + int.from_bytes(verdict[REASON_AT : REASON_AT + 2], "little"))

    def _send(self, order: Order, verdict: bytes, now_ns: int) -> None:
        """Record the verdict and the order, send it, publish the verdict; an order of which nothing is left is not."""
        if order.size:
            begin_ns = time.monotonic_ns()
            self._commit(order, verdict, now_ns)
            self._broker.place(order, now_ns)
            meters.observe(SUBMIT, time.monotonic_ns() - begin_ns)
            self._publish_verdict(verdict)
        else:
            self._record(verdict, now_ns)

    def _begin_replacing(self, old: Order, now_ns: int) -> None:
        """Record that an order is being replaced."""
        old.flags |= OrderFlag.REPRICING
        self._blotter.move(old, CANCELLING, now_ns)

    def _exchange(self, old: Order, order: Order, verdict: bytes, now_ns: int) -> None:
        """Record the verdict and the order, send it in place of the old one, publish the verdict."""
        order.predecessor, old.successor = old, order
        self._commit(order, verdict, now_ns)
        self._broker.replace(old, order, now_ns)
        self._publish_verdict(verdict)

    def _commit(self, order: Order, verdict: bytes, now_ns: int) -> None:
        """Write the verdict and the order, or both orders of a pair, into the journal, before the request is sent."""
        journal = self._blotter.journal
        journal.add(now_ns, VERDICT, verdict)
        for one in together(order):
            one.expires_ns = self._session.clock.venue_ns(now_ns) + self._session.receive_window_ns
            self._blotter.enter(one)
            self._blotter.write(one, now_ns)
        journal.commit(now_ns)

    def _record(self, verdict: bytes, now_ns: int) -> None:
        """Record and publish a verdict that no request follows."""
        self._blotter.journal.add(now_ns, VERDICT, verdict)
        self._blotter.journal.commit(now_ns)
        self._publish_verdict(verdict)

    def _refusal(self, refusal: Refusal, intent: IntentRow, sequence: int, now_ns: int) -> bytes:
        """The record of a refusal, which is logged; an intent's numbers can make its figures wider than 64 bits."""
        self._warn(now_ns, refusal, intent)
        value, limit = clamped(refusal.value), clamped(refusal.limit)
        return _verdict(refusal.reason, value, limit, intent, sequence, now_ns)

    def _warn(self, now_ns: int, refusal: Refusal, of: IntentRow | Parent) -> None:
        """Log a refusal, at a bounded rate: only the log shows an operator why no order is sent."""
        position = self._blotter.ledger.account.get(of.instrument)
        instrument = None if position is None else position.instrument
        what = refusal_text(refusal.reason, refusal.value, refusal.limit, instrument)
        self._log.warning(now_ns, f"refused by risk: {what}", strategy=of.strategy, instrument=of.instrument)


def _verdict(reason: int, value: int, limit: int, intent: IntentRow, sequence: int, now_ns: int) -> bytes:
    """The record of a verdict on an intent."""
    return codec.VERDICT.pack_row(records.VERDICT.row(
        intent_id=intent.intent_id, now_ns=now_ns, value=value, limit=limit, intent_sequence=sequence,
        strategy=intent.strategy, instrument=intent.instrument, reason=reason, kind=intent.kind, flags=0,
    ))  # fmt: skip


def _ended_verdict(parent: Parent, refusal: Refusal, now_ns: int) -> bytes:
    """The record of the refusal of an intent whose parent has sent nothing."""
    return codec.VERDICT.pack_row(records.VERDICT.row(
        intent_id=parent.intent_id, now_ns=now_ns, value=clamped(refusal.value), limit=clamped(refusal.limit),
        intent_sequence=0, strategy=parent.strategy, instrument=parent.instrument, reason=refusal.reason,
        kind=IntentKind.PLACE, flags=0,
    ))  # fmt: skip


def _child_verdict(order: Order | Parent, now_ns: int, refusal: Refusal | None = None) -> bytes:
    """The record of a verdict on a further child."""
    reason, value, limit = APPROVED, 0, 0
    if refusal is not None:
        reason, value, limit = refusal.reason, clamped(refusal.value), clamped(refusal.limit)
    return codec.VERDICT.pack_row(records.VERDICT.row(
        intent_id=order.intent_id, now_ns=now_ns, value=value, limit=limit, intent_sequence=0,
        strategy=order.strategy, instrument=order.instrument, reason=reason, kind=IntentKind.REPLACE,
        flags=VerdictFlag.CHILD,
    ))  # fmt: skip


def _own_verdict(order: Order, now_ns: int) -> bytes:
    """The record of the approval of an order of a flattening."""
    return codec.VERDICT.pack_row(records.VERDICT.row(
        intent_id=order.intent_id, now_ns=now_ns, value=0, limit=0, intent_sequence=0, strategy=order.strategy,
        instrument=order.instrument, reason=APPROVED, kind=IntentKind.PLACE, flags=0,
    ))  # fmt: skip

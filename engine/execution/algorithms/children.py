"""The way of a parent's children to the venue: room in the parent, risk, journal, send.

    algorithm ─▶ place · replace ─▶ room (asserted) ─▶ risk ─▶ PARENT, VERDICT, ORDER in one commit ─▶ bytes

Netting comes between risk and the journal: what other strategies fill of a child is not sent. A refusal is published
and returned. Every child's price is checked as one that follows the book. The child of a
reduce-only intent, and every exit of a bracket, is cut to what is left of the position; one that rests is made smaller
when another order reduces the position: in place where the venue can do that, else it is cancelled.
"""

from engine.execution.algorithms.algorithm import Algorithm, Beside, Child
from engine.execution.algorithms.netting import Netting
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import OPEN, PARTLY, Order
from engine.execution.orders.parent import Parent
from engine.execution.venue.broker import Broker
from engine.execution.venue.order_sender import OrderSender
from engine.model.fixed import INT64_MAX
from engine.model.words import OrderFlag, Reason
from engine.risk.gate import Refusal, RiskGate, Verdict


class Children:
    """The `ChildPort` of every algorithm of this execution."""

    def __init__(
        self, blotter: Blotter, gate: RiskGate, broker: Broker, sender: OrderSender, netting: Netting
    ) -> None:  # fmt: skip
        """Bind the parts together."""
        self._blotter = blotter
        self._gate = gate
        self._broker = broker
        self._sender = sender
        self._netting = netting

    def ready(self, algorithm: Algorithm, now_ns: int) -> bool:
        """Whether no switch of risk stops every order of the parent."""
        return self._gate.is_open(now_ns, algorithm.parent.strategy, algorithm.parent.instrument)

    def place(self, algorithm: Algorithm, child: Child, now_ns: int) -> Refusal | None:
        """Send a further child, or return risk's refusal."""
        parent, side = algorithm.parent, child.side or algorithm.parent.side
        parent.check_room(child.size, side)
        size = self.cut(parent, side, child.size)
        verdict = self._check(algorithm, side, child.price, size, 0, now_ns, child.stop)
        if isinstance(verdict, Refusal):
            return verdict
        assert child.waits is None, "a native order is the first child of its parent"
        order = self._sender.child_of(parent, side, *child.leading, size, verdict.flags)
        self._sender.complete(order, child)
        matches = self._netting.split(
            order, lambda rest: self._check(algorithm, side, order.price, rest, 0, now_ns), now_ns
        )
        if isinstance(matches, Refusal):
            return matches
        parent.keep(algorithm.due_ns, algorithm.dump())
        self._sender.send_child(parent, order, now_ns, matches)
        return None

    def replace(self, algorithm: Algorithm, order: Order, price: int, size: int, now_ns: int) -> Refusal | None:
        """Send a child in place of an open one, or cancel it where one request cannot do both."""
        parent = algorithm.parent
        parent.check_room(size - order.size, order.side)
        rest = self.cut(parent, order.side, size - order.venue_filled, order.rest)
        size = rest + order.venue_filled
        verdict = self._check(algorithm, order.side, price, rest, order.rest, now_ns)
        if isinstance(verdict, Refusal):
            return verdict
        if not order.replaceable:
            self._broker.cancel(order, now_ns, OrderFlag.REPRICING)
            return None
        following = self._sender.child_of(parent, order.side, price, order.time_in_force, size, verdict.flags)
        parent.keep(algorithm.due_ns, algorithm.dump())
        self._sender.replace_child(parent, order, following, now_ns)
        return None

    def shrink(self, algorithm: Algorithm, order: Order, now_ns: int) -> bool:
        """Make a resting child that reduces no larger than the position; whether a request was sent for that."""
        parent, rest = algorithm.parent, order.size - order.filled
        left = self.cut(parent, order.side, rest, order.rest)
        if left >= rest or not _rests(order):
            return False
        algorithm.requested = True
        if left < algorithm.market.least(order.price) or not self._amend(parent, order, order.filled + left, now_ns):
            self._broker.cancel(order, now_ns)
        return True

    def _amend(self, parent: Parent, order: Order, size: int, now_ns: int) -> bool:
        """Lower a child's size in place; whether the venue and risk allow it, and no earlier request has failed."""
        failed = 0 < order.amend_to < order.size
        if not self._broker.amends or failed or size <= order.venue_filled:
            return False
        refusal = self._gate.check_amend(
            now_ns, parent.strategy, parent.instrument, order.side, order.price, size, now_ns, 0
        )
        if refusal is None:
            self._broker.amend(order, size, now_ns)
        return refusal is None

    def cancel(self, algorithm: Algorithm, order: Order, now_ns: int) -> None:
        """Cancel a child."""
        algorithm.requested = True
        self._broker.cancel(order, now_ns)

    def refuse(self, algorithm: Algorithm, refusal: Refusal, now_ns: int) -> None:
        """Report a child that it would need and that no order can be."""
        algorithm.requested = True
        self._sender.refuse_child(refusal, algorithm.parent, now_ns)

    def older_end(self, algorithm: Algorithm) -> bool:
        """Whether every older order of its strategy in its instrument has ended, and all their fills are known."""
        older, blotter = algorithm.parent.is_older, self._blotter
        lives = any(map(older, blotter.live.values()))
        return not lives and not any(one.missing and older(one) for one in blotter.orders.values())

    def closable(self, algorithm: Algorithm) -> int:
        """The size that an order of its strategy can close in its instrument, signed as the position."""
        position = self._blotter.ledger.owned.get((algorithm.parent.strategy, algorithm.parent.instrument))
        return 0 if position is None else position.closable

    def natives(self, instrument: int) -> int:
        """How many orders of the account may wait at the venue for a trigger."""
        return sum(one.native for one in self._blotter.live.values() if one.instrument == instrument)

    def crowd(self, instrument: int) -> int:
        """How many orders of the account may be open in an instrument."""
        return sum(one.instrument == instrument for one in self._blotter.live.values())

    def cut(self, parent: Parent, side: int, size: int, relief: int = 0) -> int:
        """The size of a child: of a reduce-only one at most what is left of the position, 0 where nothing is."""
        reduces = parent.reduce_only or side != parent.side
        return min(size, self._gate.reducible(parent.strategy, parent.instrument, side, relief)) if reduces else size

    def _check(
        self, algorithm: Algorithm, side: int, price: int, size: int, relief: int, now_ns: int,
        stop: Beside | None = None,
    ) -> Verdict:  # fmt: skip
        """Ask risk, and publish a refusal; `relief` is the rest of the child that is replaced, `stop` a pair's."""
        parent = algorithm.parent
        assert parent.working, f"parent {parent.intent_id:#x} has been stopped, expected no further child"
        algorithm.requested = True
        if not size:
            return self._refuse_empty(parent, side, now_ns)
        parent.nothing_left = False
        verdict = self._gate.check(
            now_ns, parent.strategy, parent.instrument, side, price, size, now_ns, 0, relief, follows_book=True,
            stop=stop.price if stop else 0,
        )  # fmt: skip
        if isinstance(verdict, Refusal):
            self._sender.refuse_child(verdict, parent, now_ns)
        return verdict

    def _refuse_empty(self, parent: Parent, side: int, now_ns: int) -> Refusal:
        """Refuse a child that finds nothing to reduce; published once, however often it is tried again."""
        held = self._gate.reducible(parent.strategy, parent.instrument, side, INT64_MAX)
        refusal = Refusal(Reason.NOTHING_TO_REDUCE, held)
        if not parent.nothing_left:
            parent.nothing_left = True
            self._sender.refuse_child(refusal, parent, now_ns)
        return refusal


def _rests(order: Order) -> bool:
    """Whether an order is alone in the book, and no request about it is under way."""
    alone = not order.native and order.twin is None
    return alone and order.state in (OPEN, PARTLY) and not order.cancel_pending and not order.amend_pending

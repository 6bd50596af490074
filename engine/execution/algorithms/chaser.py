"""Drives the chases: on book events, on news of their orders, and when a pause between requests is over."""

from collections.abc import Mapping

from engine.execution.algorithms.chase import Chase, wants
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import OPEN, REJECTED, Order
from engine.execution.venue.broker import Broker
from engine.execution.venue.maker import Maker
from engine.model.words import BUY, OrderFlag, Reason
from engine.risk.gate import Refusal, RiskGate, Verdict
from engine.risk.market import GOOD, Top

LASTING = frozenset({
    Reason.NOTIONAL_TOO_SMALL, Reason.SIZE_STEP, Reason.ORDER_TOO_LARGE, Reason.POSITION_TOO_LARGE,
    Reason.INSTRUMENT_NOT_PERMITTED,
})  # fmt: skip


class Chaser:
    """All chases of this execution."""

    def __init__(
        self, blotter: Blotter, broker: Broker, gate: RiskGate, maker: Maker, tops: Mapping[int, Top],
        interval_ns: int, max_rejects: int, hold_imbalance: float = 1.0,
    ) -> None:  # fmt: skip
        """Begin with none."""
        self.chases: dict[int, Chase] = {}
        self._blotter = blotter
        self._broker = broker
        self._gate = gate
        self._maker = maker
        self._tops = tops
        self._interval_ns = interval_ns
        self._max_rejects = max_rejects
        self._hold_imbalance = hold_imbalance
        self._again: dict[int, int] = {}  # intent: when to look again

    def begin(self, order: Order, now_ns: int) -> None:
        """Chase from this first request on."""
        chase = self.chases[order.intent_id] = Chase(order)
        chase.next_ns = now_ns + self._interval_ns

    def first_price(self, instrument: int, side: int, limit: int) -> int:
        """Where a chase begins: the best price of its side, held within its cap; 0 without a book."""
        top = self._tops.get(instrument)
        if top is None:
            return 0
        if side == BUY:
            return min(top.bid, limit) if limit else top.bid
        return max(top.ask, limit)

    def stop(self, intent_id: int, now_ns: int) -> None:
        """Chase no further; whatever stands is for others to cancel.

        A chase whose last request has ended has nothing that a cancel would be written to: it is said here, or the
        next life goes on with it.
        """
        chase = self.chases.get(intent_id)
        if chase is None or chase.stopped:
            return
        chase.stopped = True
        order = chase.order
        if not order.live and not order.flags & OrderFlag.CANCEL_WANTED:
            order.flags |= OrderFlag.CANCEL_WANTED
            self._blotter.note(order, now_ns)

    def stop_all(self, strategy: int, instrument: int, now_ns: int) -> None:
        """Stop every chase, or those of a strategy or instrument: one may be between two requests."""
        for intent_id, chase in self.chases.items():
            of_strategy = not strategy or chase.order.strategy == strategy
            if of_strategy and (not instrument or chase.order.instrument == instrument):
                self.stop(intent_id, now_ns)

    def on_book(self, instrument: int, now_ns: int) -> None:
        """The best prices of an instrument changed."""
        for intent_id, chase in list(self.chases.items()):
            if chase.order.instrument == instrument:
                self.consider(intent_id, chase, now_ns)

    def on_order(self, order: Order, now_ns: int) -> None:
        """An order changed; if it is of a chase, the chase may need something."""
        chase = self.chases.get(order.intent_id)
        if chase is None:
            return
        if order.state == REJECTED and (order.predecessor is None or not order.predecessor.live):
            chase.rejects += 1
            chase.next_ns = now_ns + self._interval_ns
        elif order.state == OPEN:
            chase.rejects = 0
        self.consider(order.intent_id, chase, now_ns)

    def on_time(self, now_ns: int) -> None:
        """Look again at chases that had to wait."""
        if not self._again:
            return
        for intent_id, due_ns in list(self._again.items()):
            if due_ns <= now_ns:
                del self._again[intent_id]
                chase = self.chases.get(intent_id)
                if chase is not None:
                    self.consider(intent_id, chase, now_ns)

    def consider(self, intent_id: int, chase: Chase, now_ns: int) -> None:
        """Do what the chase needs."""
        need = wants(chase, now_ns, self._max_rejects)
        if need == "end":
            del self.chases[intent_id]
        elif need == "move":
            self._move(chase, now_ns)
        elif need == "place":
            self._place(chase, now_ns)
        if not need and now_ns < chase.next_ns:
            self._again[intent_id] = chase.next_ns

    def _move(self, chase: Chase, now_ns: int) -> None:
        """Follow the best price, if it went away."""
        order, top = chase.standing, self._tops.get(chase.order.instrument)
        if top is None or top.state != GOOD:
            return
        price = chase.price(top.bid, top.ask)
        if price == order.price or order.heir is not None or chase.holds(price, top.imbalance, self._hold_imbalance):
            return
        verdict = self._ask(chase, order, price, order.size - order.venue_filled, order.rest, now_ns)
        if isinstance(verdict, Refusal):
            return
        if order.state == OPEN and not order.venue_filled:
            following = self._maker.again(chase.order, price, order.size, verdict.flags)
            chase.add(following)
            row = self._maker.reprice_row(verdict, order, now_ns)
            self._maker.send_replacement(order, following, row, now_ns)
        else:
            chase.next_ns = now_ns  # the placement that follows is the same move
            self._broker.cancel(order, now_ns, OrderFlag.REPRICING)

    def _place(self, chase: Chase, now_ns: int) -> None:
        """Place what is left, where nothing stands."""
        last, top = chase.order, self._tops.get(chase.order.instrument)
        if top is None or top.state != GOOD:
            self._wait(chase, now_ns)
            return
        price, rest = chase.price(top.bid, top.ask), chase.rest
        verdict = self._ask(chase, last, price, rest, 0, now_ns)
        if not isinstance(verdict, Refusal):
            order = self._maker.again(last, price, rest, verdict.flags)
            chase.add(order)
            self._maker.send(order, self._maker.reprice_row(verdict, order, now_ns), now_ns)

    def _ask(self, chase: Chase, order: Order, price: int, size: int, relief: int, now_ns: int) -> Verdict:
        """Ask risk; a refusal is published, and risk is asked again only after the pause."""
        verdict = self._gate.check(
            now_ns, order.strategy, order.instrument, order.side, price, size, now_ns, 0, relief, follows_book=True
        )
        chase.next_ns = now_ns + self._interval_ns
        if not isinstance(verdict, Refusal):
            return verdict
        self._maker.tell(self._maker.reprice_row(verdict, order, now_ns), now_ns)
        if verdict.reason in LASTING and not order.live:
            chase.rejects = self._max_rejects
        self._wait(chase, now_ns)
        return verdict

    def _wait(self, chase: Chase, now_ns: int) -> None:
        """Look again after the pause."""
        chase.next_ns = now_ns + self._interval_ns
        self._again[chase.order.intent_id] = chase.next_ns

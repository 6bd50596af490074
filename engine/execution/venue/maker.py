"""Makes orders: approved by risk, journalled together with what they came from, and only then sent."""

import logging

from engine.execution.orders import client_id, codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import CANCELLING, Order
from engine.execution.seams import ExecutionLanes
from engine.execution.venue.broker import Broker
from engine.log import BoundedLog
from engine.model import records
from engine.model.fixed import clamped
from engine.model.refusals import refusal_text
from engine.model.rows import IntentRow, VerdictRow
from engine.model.words import IntentKind, JournalKind, OrderFlag, OrderType, Reason
from engine.risk.gate import Refusal, Verdict
from engine.venues.session import VenueSession

logger = logging.getLogger("engine.execution")

VERDICT, APPROVED = JournalKind.VERDICT, Reason.APPROVED


class Maker:
    """From a verdict to bytes."""

    def __init__(
        self, system: bytes, lanes: ExecutionLanes, blotter: Blotter, broker: Broker, session: VenueSession
    ) -> None:
        """Bind the parts together."""
        self._system = system
        self._blotter = blotter
        self._broker = broker
        self._session = session
        self._log = BoundedLog(logger)
        self._publish_verdict = lanes.verdicts.publish_bytes

    def verdict_row(self, verdict: Verdict, intent: IntentRow, sequence: int, now_ns: int) -> VerdictRow:
        """The record of a verdict on an intent."""
        reason, value, limit = _numbers(verdict)
        if isinstance(verdict, Refusal):
            self._warn(now_ns, verdict, intent)
        return records.VERDICT.row(
            intent_id=intent.intent_id, now_ns=now_ns, value=value, limit=limit, intent_sequence=sequence,
            strategy=intent.strategy, instrument=intent.instrument, reason=reason, kind=intent.kind, flags=0,
        )  # fmt: skip

    def reprice_row(self, verdict: Verdict, order: Order, now_ns: int) -> VerdictRow:
        """The record of a verdict on a further request of a chase."""
        reason, value, limit = _numbers(verdict)
        if isinstance(verdict, Refusal):
            self._warn(now_ns, verdict, order)
        return records.VERDICT.row(
            intent_id=order.intent_id, now_ns=now_ns, value=value, limit=limit, intent_sequence=0,
            strategy=order.strategy, instrument=order.instrument, reason=reason, kind=IntentKind.REPLACE, flags=0,
        )  # fmt: skip

    def _warn(self, now_ns: int, refusal: Refusal, of: IntentRow | Order) -> None:
        """Log a refusal, at a bounded rate: nothing else tells an operator why nothing is bought."""
        position = self._blotter.ledger.account.get(of.instrument)
        instrument = None if position is None else position.instrument
        what = refusal_text(refusal.reason, refusal.value, refusal.limit, instrument)
        self._log.warning(now_ns, f"refused by risk: {what}", strategy=of.strategy, instrument=of.instrument)

    def tell(self, row: VerdictRow, now_ns: int, *, journal: bool = True) -> None:
        """Journal and publish a verdict that no request follows."""
        data = codec.VERDICT.pack_row(row)
        if journal:
            self._blotter.journal.add(now_ns, VERDICT, data)
            self._blotter.journal.commit(now_ns)
        self._publish_verdict(data)

    def from_intent(self, intent: IntentRow, price: int, size: int, time_in_force: int, flags: int = 0) -> Order:
        """The first order of an intent, with the flags of its verdict."""
        order = Order(
            client_id.encode(self._system, intent.intent_id, 0), intent.intent_id, intent.strategy, intent.instrument,
            intent.side, intent.order_type or OrderType.LIMIT, time_in_force, price, size,
        )  # fmt: skip
        order.intent_ns = intent.now_ns
        order.receive_ns = intent.receive_ns
        order.timeout_ns = intent.timeout_ns
        order.flags = flags
        return order

    def again(self, last: Order, price: int, size: int, flags: int) -> Order:
        """The next request of a chase, with the flags of its verdict."""
        order = Order(
            client_id.encode(self._system, last.intent_id, last.reprice + 1), last.intent_id, last.strategy,
            last.instrument, last.side, last.order_type, last.time_in_force, price, size,
        )  # fmt: skip
        order.intent_ns, order.receive_ns, order.timeout_ns = last.intent_ns, last.receive_ns, last.timeout_ns
        order.reprice, order.limit_price, order.replaces_id = last.reprice + 1, last.limit_price, last.intent_id
        order.flags = flags
        return order

    def send(self, order: Order, row: VerdictRow, now_ns: int) -> None:
        """Journal the verdict and the request, send it, tell the verdict."""
        data = self._journal(order, row, now_ns)
        self._broker.place(order, now_ns)
        self._publish_verdict(data)

    def finish(self, intent: IntentRow, expires_ns: int, left: bool, verdict: bytes, now_ns: int) -> Order:
        """What follows an order that the express has journalled and sent: the tables, and the readers."""
        order = self.from_intent(intent, intent.price, intent.size, intent.time_in_force)
        order.expires_ns, order.now_ns = expires_ns, now_ns
        self._blotter.enter(order)
        self._broker.placed(order, now_ns, left=left)
        self._publish_verdict(verdict)
        return order

    def send_replacement(self, old: Order, order: Order, row: VerdictRow, now_ns: int) -> None:
        """The same, for an order that takes the place of one without fills."""
        old.flags |= OrderFlag.REPRICING
        self._blotter.move(old, CANCELLING, now_ns)
        order.predecessor, old.successor = old, order
        data = self._journal(order, row, now_ns)
        self._broker.replace(old, order, now_ns)
        self._publish_verdict(data)

    def _journal(self, order: Order, row: VerdictRow, now_ns: int) -> bytes:
        """What must last before the bytes leave; the verdict's bytes."""
        data = codec.VERDICT.pack_row(row)
        order.expires_ns = self._session.clock.venue_ns(now_ns) + self._session.receive_window_ns
        journal = self._blotter.journal
        journal.add(now_ns, VERDICT, data)
        self._blotter.enter(order)
        self._blotter.write(order, now_ns)
        journal.commit(now_ns)
        return data


def _numbers(verdict: Verdict) -> tuple[int, int, int]:
    """Reason, value and limit as the record holds them; an intent's numbers can make either wider than 64 bits."""
    if isinstance(verdict, Refusal):
        return verdict.reason, clamped(verdict.value), clamped(verdict.limit)
    return APPROVED, 0, 0

"""The intents of strategies: each is judged, answered by a verdict, and becomes a parent or ends some.

    PLACE with the algorithm "route"    a parent, or a refusal
    CANCEL                              its parent makes no further child, the children are cancelled
    CANCEL_ALL of an instrument         the same of each parent that may trade it, whichever instrument its intent names

What the gate of an account checks is not checked here: each child passes it. The router refuses what it could not
bring to an end: a size that no children add up to, a notional below every venue's least, an intent without a limit.
"""

from engine.lanes.ports import RingWriter
from engine.log import BoundedLog
from engine.model import algorithms
from engine.model.codec import Codec
from engine.model.fixed import clamped
from engine.model.intent_id import strategy_of
from engine.model.records import INTENT, VERDICT
from engine.model.refusals import refusal_text
from engine.model.rows import IntentRow
from engine.model.words import IntentFlag, IntentKind, OrderType, Reason, TimeInForce
from engine.router.control import Control
from engine.router.parents import Parents, logger
from engine.router.terms import Route

PARENTS_MOST = 256
TIMES_IN_FORCE = (TimeInForce.GTC, TimeInForce.IOC)
INTENT_CODEC, VERDICT_CODEC = Codec(INTENT), Codec(VERDICT)
Refused = tuple[Reason, int, int]


class Desk:
    """Reads each intent once; one that is read again after a death only gets its verdict again."""

    def __init__(self, parents: Parents, control: Control, routes: dict[int, Route], verdicts: RingWriter) -> None:
        """Bind the parts together."""
        self._parents, self._control, self._routes = parents, control, routes
        self._publish = verdicts.publish_bytes
        self._log = BoundedLog(logger)

    def on_record(self, data: bytes, sequence: int, strategy: int, now_ns: int) -> None:
        """Follow one intent of this strategy's lane."""
        intent = INTENT_CODEC.unpack(data)
        if intent.strategy != strategy or strategy_of(intent.intent_id) != strategy:
            refused: Refused | None = (Reason.MALFORMED, intent.strategy, strategy)
        elif intent.kind == IntentKind.PLACE:
            refused = self._place(intent, data, now_ns)
        elif intent.kind in (IntentKind.CANCEL, IntentKind.CANCEL_ALL):
            refused = self._cancel(intent, now_ns)
        else:
            refused = Reason.MALFORMED, intent.kind, IntentKind.PLACE
        self._answer(intent, refused or (Reason.APPROVED, 0, 0), sequence, now_ns)

    def _place(self, intent: IntentRow, data: bytes, now_ns: int) -> Refused | None:
        """Begin a parent; why not."""
        if intent.intent_id <= (last := self._parents.last_intent.get(intent.strategy, 0)):
            known = intent.intent_id in self._parents.living
            return None if known else (Reason.DUPLICATE_INTENT, intent.intent_id, last)
        if refused := self._check(intent, now_ns):
            return refused
        return None if self._parents.begin(intent, data, now_ns) else (Reason.JOURNAL_FULL, 0, 1)

    def _check(self, intent: IntentRow, now_ns: int) -> Refused | None:
        """Why an intent cannot become a parent."""
        route = self._routes.get(intent.instrument)
        if self._control.halted:
            return Reason.HALTED, 1, 0
        if self._control.draining:
            return Reason.DRAINING, 1, 0
        if route is None:
            return Reason.UNKNOWN_INSTRUMENT, intent.instrument, 0
        if now_ns - intent.now_ns > intent.ttl_ns:
            return Reason.INTENT_TOO_OLD, now_ns - intent.now_ns, intent.ttl_ns
        if len(self._parents.living) >= PARENTS_MOST:
            return Reason.TOO_MANY_ORDERS, len(self._parents.living) + 1, PARENTS_MOST
        return _check_form(intent) or _check_size(intent, route)

    def _cancel(self, intent: IntentRow, now_ns: int) -> Refused | None:
        """Stop the parents that a cancel means; why it means none."""
        for parent in list(self._parents.living.values()):
            every = intent.kind == IntentKind.CANCEL_ALL and parent.route.has(intent.instrument)
            if parent.intent.strategy == intent.strategy and (every or parent.id == intent.target_id):
                self._parents.stop(parent, "its strategy cancelled it", now_ns)
            elif parent.id == intent.target_id:
                return Reason.UNKNOWN_ORDER, 0, 0
        return None

    def _answer(self, intent: IntentRow, verdict: Refused, sequence: int, now_ns: int) -> None:
        """Publish a verdict; a refusal is logged."""
        reason, value, limit = verdict
        if reason:
            text = refusal_text(reason, value, limit)
            what = {"strategy": intent.strategy, "instrument": intent.instrument}
            self._log.warning(now_ns, f"refused by the router: {text}", **what)
        self._publish(VERDICT_CODEC.pack_row(VERDICT.row(
            intent_id=intent.intent_id, now_ns=now_ns, value=clamped(value), limit=clamped(limit),
            intent_sequence=sequence, strategy=intent.strategy, instrument=intent.instrument, reason=reason,
            kind=intent.kind, flags=0,
        )))  # fmt: skip


def _check_form(intent: IntentRow) -> Refused | None:
    """The values of an intent."""
    if intent.algorithm != algorithms.ROUTE:
        return Reason.UNKNOWN_ALGORITHM, intent.algorithm, 0
    for index, value in enumerate(intent.parameters):
        if value:
            return Reason.ALGORITHM_PARAMETER, value, algorithms.place_of(intent.algorithm, index)
    if intent.order_type != OrderType.LIMIT or intent.time_in_force not in TIMES_IN_FORCE:
        return Reason.MALFORMED, intent.time_in_force, TimeInForce.GTC
    if intent.side not in (1, -1) or intent.size <= 0 or intent.price <= 0 or intent.timeout_ns < 0:
        return Reason.MALFORMED, min(intent.size, intent.price, intent.timeout_ns), 1
    if intent.flags & ~IntentFlag.REDUCE_ONLY:
        return Reason.MALFORMED, intent.flags, IntentFlag.REDUCE_ONLY
    return None


def _check_size(intent: IntentRow, route: Route) -> Refused | None:
    """A size that children can add up to, and of which some venue accepts an order."""
    member = route.member(intent.instrument)
    size, price = intent.size * member.size_factor, intent.price * member.price_factor
    if size % route.step:
        return Reason.SIZE_STEP, intent.size, -(-route.step // member.size_factor)
    if size * price < route.notional_least:
        factor = member.size_factor * member.price_factor
        return Reason.NOTIONAL_TOO_SMALL, intent.size * intent.price, -(-route.notional_least // factor)
    return None

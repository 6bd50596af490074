"""One request to have an order at the venue: its states, from the journal record to its end, and their moves.

    CREATED ──▶ SENT ──▶ OPEN ──▶ PARTLY_FILLED ──▶ FILLED
       │         │         │            │
       │         ▼         └──▶ CANCELLING ◀──┘ ──▶ CANCELLED · EXPIRED
       └─────▶ UNKNOWN ──▶ any of them                REJECTED: only from in flight

In flight: created, sent, unknown. Open: open, partly filled, cancelling. Done: the rest. An order leaves UNKNOWN only
by a report of the venue, or by its answer "no such order" after the request has expired. A done order moves again in
two cases only: the fill that completes it arrives after the report of its end (CANCELLED or EXPIRED to FILLED), or the
venue contradicts an end that we had inferred.
"""

from typing import TYPE_CHECKING

from engine.model.records import ERROR_CODE, ERROR_TEXT
from engine.model.words import DONE_STATES, NATIVE_TYPES, OPEN_STATES, UNPRICED_TYPES, OrderFlag, OrderState

if TYPE_CHECKING:
    from engine.model.rows import IntentRow
    from engine.venues.session import Waits

CREATED, SENT, UNKNOWN = OrderState.CREATED, OrderState.SENT, OrderState.UNKNOWN
OPEN, PARTLY, CANCELLING = OrderState.OPEN, OrderState.PARTLY_FILLED, OrderState.CANCELLING
FILLED, CANCELLED = OrderState.FILLED, OrderState.CANCELLED
REJECTED, EXPIRED = OrderState.REJECTED, OrderState.EXPIRED

ENDS = frozenset({FILLED, CANCELLED, REJECTED, EXPIRED})
LEGAL: dict[int, frozenset[OrderState]] = {
    CREATED: frozenset({SENT, UNKNOWN, OPEN, PARTLY, *ENDS}),
    SENT: frozenset({UNKNOWN, OPEN, PARTLY, *ENDS}),
    UNKNOWN: frozenset({OPEN, PARTLY, *ENDS}),
    OPEN: frozenset({PARTLY, CANCELLING, *ENDS}),
    PARTLY: frozenset({CANCELLING, *ENDS}),
    CANCELLING: frozenset({OPEN, PARTLY, *ENDS}),
    FILLED: frozenset(),
    CANCELLED: frozenset({FILLED}),
    EXPIRED: frozenset({FILLED}),
    REJECTED: frozenset(),
}
CORRECTIONS = frozenset({OPEN, PARTLY, *ENDS})  # states by which the venue may correct an end that we inferred
IN_FLIGHT = frozenset({CREATED, SENT, UNKNOWN})
INFERRED, PAIRED, TRIGGERED = int(OrderFlag.INFERRED), int(OrderFlag.PAIRED), int(OrderFlag.TRIGGERED)
CANCEL_PAUSE_NS = 100_000_000  # after a cancel that the venue refused, doubled by each further one
CANCEL_PAUSES = 7  # doublings at the most: 12.8 s


def may_move(current: int, to: int, flags: int) -> bool:
    """Whether an order in this state, with these flags, may enter another."""
    if flags & INFERRED and current in DONE_STATES:
        return to in CORRECTIONS
    return to in LEGAL[current]


class Cancel:
    """The cancel of one order: the request, and how often the venue has refused it."""

    __slots__ = ("after_ns", "pending", "refusals")

    def __init__(self) -> None:
        """Begin without a request."""
        self.pending = False  # a request that can end the order waits for its answer
        self.refusals = 0  # by the venue
        self.after_ns = 0  # no further request before


class Order:
    """The fields of the order's record, and fields that only this process needs.

    An order has a `cancel`, a `pending_replace`, a `predecessor` or a `successor` only while there is one. The orders
    of a pair have one size, as an order and its replacement have: the stop is the limit order's `predecessor`. The
    recovery keeps the questions about it (`venue/questions.py`). `exposure` and `disputed` are here although the ledger
    and the alarm count by them, because every order has them and they are read whenever it changes.
    """

    __slots__ = (
        "amend_from", "amend_pending", "amend_to", "answer_ns", "cancel", "child", "client_id",
        "disputed", "error", "error_text", "expires_ns", "exposure", "filled", "flags", "instrument",
        "intent_id", "intent_ns", "limit_price", "now_ns", "order_type", "pending_replace", "predecessor", "price",
        "receive_ns", "replaces_child", "replaces_id", "sent_ns", "side", "size", "state", "strategy", "successor",
        "time_in_force", "timeout_ns", "venue_filled", "venue_order_id", "waits",
    )  # fmt: skip

    def __init__(
        self, client_id: bytes, intent_id: int, strategy: int, instrument: int, side: int, order_type: int,
        time_in_force: int, price: int, size: int,
    ) -> None:  # fmt: skip
        """Begin as CREATED, with the fields that never change."""
        self.client_id = client_id
        self.intent_id = intent_id
        self.strategy = strategy
        self.instrument = instrument
        self.side = side
        self.order_type = order_type
        self.time_in_force = time_in_force
        self.price = price
        self.size = size
        self.state: int = CREATED
        self.venue_order_id = b""
        self.intent_ns = 0
        self.receive_ns = 0
        self.sent_ns = 0
        self.answer_ns = 0
        self.now_ns = 0
        self.filled = 0  # the sum of its applied fills
        self.venue_filled = 0  # as the venue reports it
        self.expires_ns = 0
        self.replaces_id = 0
        self.child = 0  # which child of its intent it is
        self.replaces_child = 0  # with `replaces_id` its own intent: the child that it replaces
        self.error = b""  # the venue's code
        self.error_text = b""  # the venue's text beside the code
        self.flags = 0
        self.amend_to = 0  # the smallest size that was asked for in place; 0: none was
        self.amend_from = 0  # the size before: late reports may still have it
        self.amend_pending = False  # a request to lower its size waits for its answer
        self.limit_price = 0
        self.timeout_ns = 0
        self.exposure = 0  # the size that it may still add to the position
        self.predecessor: Order | None = None  # the order that must end before this one adds to the exposure
        self.successor: Order | None = None
        self.pending_replace: IntentRow | None = None  # the REPLACE intent that waits for this order's end
        self.cancel: Cancel | None = None  # from the first request that can end it
        self.waits: Waits | None = None  # of a native order that this life has made; its parent's record has the terms
        self.disputed = 0  # filled as the venue reports it, in fills that contradict others and were not applied

    def wait(self, waits: "Waits | None") -> None:
        """Make it a native order, before it is sent: it waits at the venue for this."""
        if waits is not None:
            self.order_type, self.waits = waits.order_type, waits

    @property
    def native(self) -> bool:
        """Whether it waits at the venue for its trigger, or was triggered there."""
        return self.order_type in NATIVE_TYPES

    @property
    def waiting(self) -> bool:
        """Whether it waits at the venue for its trigger, as far as the venue has reported."""
        return self.native and not self.flags & TRIGGERED

    @property
    def twin(self) -> "Order | None":
        """The other order of its pair; None where it has none, or the other one is forgotten."""
        return (self.predecessor or self.successor) if self.flags & PAIRED else None

    @property
    def is_second(self) -> bool:
        """Whether it is the limit order of a pair, whose size the stop has too."""
        return bool(self.flags & PAIRED) and self.replaces_id == self.intent_id

    @property
    def bound(self) -> int:
        """The worst price of its fills; 0: it has none."""
        return 0 if self.order_type in UNPRICED_TYPES else self.price

    def note_error(self, code: str, text: str) -> None:
        """Keep the venue's last error about it, its code and text; an empty code: no error."""
        if code:
            whole = text.encode(errors="replace")[:ERROR_TEXT]
            self.error = code.encode(errors="replace")[:ERROR_CODE]
            self.error_text = whole.decode(errors="ignore").encode()

    @property
    def live(self) -> bool:
        """In flight or open."""
        return self.state not in DONE_STATES

    @property
    def open(self) -> bool:
        """At the venue, as far as we know."""
        return self.state in OPEN_STATES

    @property
    def rest(self) -> int:
        """The most that may still be filled, without the replacement."""
        if self.state in DONE_STATES:
            return max(0, self.venue_filled - self.filled)
        return self.size - self.filled

    @property
    def cancel_pending(self) -> bool:
        """Whether a request that can end it waits for its answer."""
        return self.cancel is not None and self.cancel.pending

    @property
    def cancel_after_ns(self) -> int:
        """The time before which no cancel is sent, because the venue refused one."""
        return 0 if self.cancel is None else self.cancel.after_ns

    def begin_cancel(self) -> None:
        """Note that a request that can end it is sent now."""
        if self.cancel is None:
            self.cancel = Cancel()
        self.cancel.pending = True

    @property
    def ends_with_twin(self) -> bool:
        """Whether a request that can end the other order of its pair, and so both, waits for its answer."""
        return self.twin is not None and self.twin.cancel_pending

    def answer_cancel(self) -> None:
        """Note that no request that can end it waits for its answer any more."""
        if self.cancel is not None:
            self.cancel.pending = False

    def pause_cancel(self, now_ns: int) -> None:
        """Allow no further cancel for a while, because the venue refused one: longer after each refusal."""
        if self.cancel is None:
            self.cancel = Cancel()
        self.cancel.after_ns = now_ns + (CANCEL_PAUSE_NS << min(self.cancel.refusals, CANCEL_PAUSES))
        self.cancel.refusals += 1

    def begin_amend(self, size: int) -> None:
        """Note that the venue may lower its size to this one from now on."""
        self.amend_from = max(self.amend_from, self.size)
        self.amend_to = min(self.amend_to or size, size)

    def shrinks_to(self, size: int) -> bool:
        """Whether a size that the venue reports is a smaller one that was asked for."""
        return 0 < self.amend_to <= size < self.size

    @property
    def replaceable(self) -> bool:
        """Whether one request can put another order in its place: it does nothing if a fill overtakes it."""
        return self.state == OPEN and not self.venue_filled

    @property
    def missing(self) -> bool:
        """Whether the venue filled more than the sum of its fills that have arrived."""
        return self.venue_filled > self.filled + self.disputed

    @property
    def deadline_ns(self) -> int:
        """When it is to be cancelled, 0: never."""
        return self.intent_ns + self.timeout_ns if self.timeout_ns else 0

    def row(self, account: int) -> tuple[int | bytes, ...]:
        """The values of its record at the account of this number, in order, arrays flat."""
        return (
            self.client_id, self.intent_id, self.venue_order_id, self.intent_ns, self.receive_ns, self.sent_ns,
            self.answer_ns, self.now_ns, self.price, self.size, self.filled, self.expires_ns, self.replaces_id,
            self.strategy, self.instrument, self.child, self.replaces_child, account, self.state, self.side,
            self.order_type, self.time_in_force, self.flags, self.limit_price, self.timeout_ns, self.error,
            self.error_text,
        )  # fmt: skip


def together(order: Order) -> tuple[Order, ...]:
    """The orders that one request sends: a pair, of which this is the stop, or the order alone."""
    return (order,) if order.twin is None else (order, order.twin)

"""A strategy's own state: its position from FILLS, its working orders from ORDERS.

    intent 7 (plain)    ─▶ order                                     `working[7]`
    intent 8 (chase)    ─▶ child 4, open                             `working[8]`: the oldest child that lives
                        └▶ child 5, sent, replaces child 4           `_younger[8]`: the others, in order of arrival

An order begins as a submitted intent (`state` None), follows its own ORDER records, and is removed when one of them is
final or a verdict refuses the intent. The first record of an intent belongs to the order that began as the intent; an
algorithm sends further children, and each of them is an order with its own size and its own rest. All state comes from
lanes.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.model.fixed import INT64_MAX, to_text
from engine.model.holdings import HoldingTerms
from engine.model.instrument import Instrument
from engine.model.rows import FillRow, IntentRow, OrderRow, VerdictRow
from engine.model.words import DONE_STATES, IntentKind, OrderFlag, OrderState, Reason, VerdictFlag

logger = logging.getLogger("engine.strategy")

FILLS_REMEMBERED = 4096  # far more than a restarted execution can publish again
PLACING = (IntentKind.PLACE, IntentKind.REPLACE)
ENDING = (IntentKind.CANCEL, IntentKind.REPLACE)
CANCEL_ALL = IntentKind.CANCEL_ALL
CANCELLING, REPRICING = OrderState.CANCELLING, int(OrderFlag.REPRICING)
APPROVED, OF_CHILD = int(Reason.APPROVED), int(VerdictFlag.CHILD)
STATES = {state.value: state for state in OrderState}  # calling the enumeration costs more than the change
NOTHING_YOUNGER: "tuple[Order, ...]" = ()


class Order:
    """One working order, identified by its intent and, of an algorithm's orders, by its number among them.

    The object stays the same until the order is done.
    """

    __slots__ = (
        "cancelling", "child", "filled", "instrument", "intent_id", "price", "replaced", "side", "size", "state",
    )  # fmt: skip

    def __init__(self, intent_id: int, instrument: int, side: int, price: int, size: int, child: int = 0) -> None:
        """Begin as a submitted intent, or as a further child of one."""
        self.intent_id = intent_id
        self.child = child
        self.instrument = instrument  # its id
        self.side = side
        self.price = price
        self.size = size
        self.filled = 0
        self.state: OrderState | None = None  # None: execution has not made an order of the intent yet
        self.cancelling = False  # a cancel was submitted or is in progress
        self.replaced: Order | None = None  # the living child of the same intent that this order replaces

    @property
    def remaining(self) -> int:
        """The size that is not filled."""
        return self.size - self.filled

    @property
    def added(self) -> int:
        """The size that it can still fill beyond the order that it replaces: the venue fills only one of the two."""
        return self.remaining if self.replaced is None else max(0, self.remaining - self.replaced.remaining)

    @property
    def open(self) -> bool:
        """True when the order is at the venue and nothing ends it."""
        return self.state in (OrderState.OPEN, OrderState.PARTLY_FILLED) and not self.cancelling

    @property
    def done(self) -> bool:
        """True when the order has ended."""
        return self.state in DONE_STATES


class Ledger:
    """Positions and working orders of one strategy, computed from records in the order in which they arrive."""

    def __init__(
        self, strategy: int, instruments: Mapping[int, Instrument], settle: Callable[[], object] | None = None
    ) -> None:
        """Begin flat and without orders; `settle` adds the orders submitted since the last call, before each read."""
        self.strategy = strategy
        self._settle = settle
        self.positions: dict[int, int] = {}  # by instrument id, signed: the part that an order can close
        self.held: dict[int, int] = {}  # the exact holding: with the dust that no order can close
        self._terms = {one.id: HoldingTerms.of(one) for one in instruments.values()}
        self._dust_logged: set[int] = set()  # instruments with only dust left at the last exit
        self._working: dict[int, Order] = {}
        self._younger: dict[int, list[Order]] = {}  # by intent: its living children beside the one in `_working`
        self._cancels: dict[int, int] = {}  # by cancelling intent without a verdict: its target
        self._seen: dict[tuple[int, bytes], None] = {}  # identities of the last fills, oldest first

    @property
    def working(self) -> dict[int, Order]:
        """The oldest working order of each intent, oldest intent first."""
        if self._settle is not None:
            self._settle()
        return self._working

    def position(self, instrument: int) -> int:
        """The signed part of a holding that an order can close."""
        return self.positions.get(instrument, 0)

    def dust(self, instrument: int) -> int:
        """The signed rest of a holding that no order can close, with the holdings' decimals."""
        return self._terms[instrument].split(self.held.get(instrument, 0))[1]

    def set_held(self, instrument: int, held: int) -> None:
        """Set the exact holding."""
        self.held[instrument] = held
        self.positions[instrument] = self._terms[instrument].split(held)[0]

    def set_held_from_cell(self, cell: Any) -> None:
        """Set the holding to the value of a POSITION cell."""
        if cell.instrument in self._terms:
            self.set_held(cell.instrument, self._terms[cell.instrument].join(cell.size, cell.dust))

    def exit_size(self, instrument: Instrument, price: int) -> int:
        """The signed size of an exit at this price; 0, logged once, when only dust is left.

        The size that working orders may still close is subtracted: with both filled, the position would change sides.
        An exit is at most the venue's largest order; the next exit closes the rest.
        """
        size = self.position(instrument.id)
        if abs(size) * price >= instrument.notional_min and size:
            self._dust_logged.discard(instrument.id)
            side = 1 if size > 0 else -1
            rest = max(0, abs(size) - sum(one.added for one in self.orders(instrument.id) if one.side == -side))
            rest = min(rest, _largest(instrument))
            return side * rest if rest * price >= instrument.notional_min else 0
        held = self.held.get(instrument.id, 0)
        if held and instrument.id not in self._dust_logged:
            self._dust_logged.add(instrument.id)
            decimals = self._terms[instrument.id].decimals
            dust = {"strategy": self.strategy, "symbol": instrument.symbol, "held": to_text(held, decimals)}
            logger.info("nothing to exit: what is left is dust, too little for an order", extra=dust)
        return 0

    def orders(self, instrument: int) -> Iterator[Order]:
        """Working orders of an instrument: oldest intent first, of one intent the oldest child first."""
        found = (order for order in self.working.values() if order.instrument == instrument)
        return self._with_younger(found) if self._younger else found

    def cancellable(self, intent_id: int) -> Order | None:
        """An order of an intent without a cancel submitted or in progress; None when every order has one."""
        order = self.working.get(intent_id)
        if order is None or not order.cancelling:
            return order
        return next((one for one in self._younger.get(intent_id, NOTHING_YOUNGER) if not one.cancelling), None)

    def intend(self, row: IntentRow) -> None:
        """Apply one of our intents from its lane."""
        kind = row.kind
        if kind in PLACING:
            self.begin(row.intent_id, row.instrument, row.side, row.price, row.size)
        if kind in ENDING and row.target_id in self.working:
            self._set_cancelling(row.target_id, True)
            self._cancels[row.intent_id] = row.target_id
        if kind == CANCEL_ALL:
            for order in self.orders(row.instrument):
                order.cancelling = True

    def begin(self, intent_id: int, instrument: int, side: int, price: int, size: int) -> None:
        """Add an order for a submitted intent; one of size 0 closes what is held."""
        self._working[intent_id] = Order(intent_id, instrument, side, price, size or abs(self.position(instrument)))

    def judge(self, row: VerdictRow) -> None:
        """Apply a verdict: a refusal ends an intent that has no order, and undoes a cancel.

        That of a further child does neither: execution asks again.
        """
        target = self._cancels.pop(row.intent_id, 0)
        if row.reason == APPROVED or row.flags & OF_CHILD:
            return
        order = self.working.get(row.intent_id)
        if order is not None and order.state is None:  # the second verdict of a repeated intent must not end its order
            self._remove(order)
        if target in self.working:
            self._set_cancelling(target, False)

    def change(self, row: OrderRow) -> Order:
        """Apply an order's change; an order that is done is removed."""
        order = self.working.get(row.intent_id)
        if order is None or (order.child != row.child and order.state is not None):
            order = self._find_younger(row) or self._add(row)
        before, order.state = order.state, STATES[row.state]
        order.price, order.size, order.filled, order.child = row.price, row.size, row.filled, row.child
        if order.state is CANCELLING:
            order.cancelling = order.cancelling or not row.flags & REPRICING
        elif before is CANCELLING:
            order.cancelling = False  # the venue did not cancel it
        if order.done:
            self._remove(order)
        return order

    def fill(self, row: FillRow) -> bool:
        """Apply a fill to the position; False for a repeated fill (a restarted writer may publish one twice)."""
        identity = (row.instrument, row.venue_fill_id)
        if identity in self._seen:
            return False
        self._seen[identity] = None
        if len(self._seen) > FILLS_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        terms = self._terms.get(row.instrument)
        if terms is not None:  # None: an earlier life traded an instrument that is no longer configured
            change = terms.join(row.side * row.size, row.dust) - terms.base_fee(row.fee, row.fee_asset)
            self.set_held(row.instrument, self.held.get(row.instrument, 0) + change)
        return True

    def drop_orders(self) -> None:
        """Drop all orders after a lap: nothing is known of them."""
        self.working.clear()
        self._younger.clear()
        self._cancels.clear()

    def _with_younger(self, oldest: Iterator[Order]) -> Iterator[Order]:
        """Each of these orders, followed by the further children of its intent."""
        for order in oldest:
            yield order
            yield from self._younger.get(order.intent_id, NOTHING_YOUNGER)

    def _of(self, intent_id: int) -> Iterator[Order]:
        """The working orders of an intent that has some."""
        return self._with_younger(iter((self.working[intent_id],)))

    def _set_cancelling(self, intent_id: int, cancelling: bool) -> None:
        """Mark the orders of an intent, when a cancel of the intent is submitted or refused."""
        for order in self._of(intent_id):
            order.cancelling = cancelling

    def _find_younger(self, row: OrderRow) -> Order | None:
        """The order of a record that is not the oldest of its intent, or None for a new one."""
        return next((one for one in self._younger.get(row.intent_id, NOTHING_YOUNGER) if one.child == row.child), None)

    def _add(self, row: OrderRow) -> Order:
        """Add the order of its first record: of an earlier life, or a further child of its intent."""
        order = Order(row.intent_id, row.instrument, row.side, row.price, row.size, row.child)
        if row.intent_id not in self.working:
            self.working[row.intent_id] = order
            return order
        if row.replaces_id == row.intent_id:
            order.replaced = next((one for one in self._of(row.intent_id) if one.child == row.replaces_child), None)
        order.cancelling = row.intent_id in self._cancels.values()
        self._younger.setdefault(row.intent_id, []).append(order)
        return order

    def _remove(self, order: Order) -> None:
        """Remove an order that is done; the next child of its intent is then the oldest."""
        intent_id, younger = order.intent_id, self._younger.get(order.intent_id)
        if younger is None:
            del self.working[intent_id]
            return
        for one in younger:
            if one.replaced is order:
                one.replaced = None
        if self.working[intent_id] is order:
            self.working[intent_id] = younger.pop(0)
        else:
            younger.remove(order)
        if not younger:
            del self._younger[intent_id]


def _largest(instrument: Instrument) -> int:
    """The largest order that the venue accepts, in whole steps; INT64_MAX when the venue has no maximum."""
    most = instrument.size_max
    return most - most % instrument.size_step if most > 0 else INT64_MAX

"""A strategy's own state: its position from FILLS, its working orders from ORDERS.

An order begins as a submitted intent (`state` None), follows the ORDER records of its intent, and is removed when one
of them is final or a verdict refuses the intent. All state comes from lanes.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.model.fixed import INT64_MAX, to_text
from engine.model.holdings import HoldingTerms
from engine.model.instrument import Instrument
from engine.model.rows import FillRow, IntentRow, OrderRow, VerdictRow
from engine.model.words import DONE_STATES, IntentKind, OrderState, Reason

logger = logging.getLogger("engine.strategy")

FILLS_REMEMBERED = 4096  # far more than a restarted execution can publish again
PLACING = (IntentKind.PLACE, IntentKind.REPLACE)
ENDING = (IntentKind.CANCEL, IntentKind.REPLACE)
CANCEL_ALL = IntentKind.CANCEL_ALL


class Order:
    """One working order, identified by its intent. The object stays the same until the order is done."""

    __slots__ = ("cancelling", "filled", "instrument", "intent_id", "price", "side", "size", "state")

    def __init__(self, intent_id: int, instrument: int, side: int, price: int, size: int) -> None:
        """Begin as a submitted intent."""
        self.intent_id = intent_id
        self.instrument = instrument  # its id
        self.side = side
        self.price = price
        self.size = size
        self.filled = 0
        self.state: OrderState | None = None  # None: execution has not made an order of the intent yet
        self.cancelling = False  # a cancel was submitted or is in progress

    @property
    def remaining(self) -> int:
        """The size that is not filled."""
        return self.size - self.filled

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
        self._dust_logged: set[int] = set()  # instruments of which only dust was left at the last exit
        self._working: dict[int, Order] = {}
        self._cancels: dict[int, int] = {}  # by cancelling intent without a verdict: its target
        self._seen: dict[tuple[int, bytes], None] = {}  # identities of the last fills, oldest first

    @property
    def working(self) -> dict[int, Order]:
        """Working orders by intent id, oldest first."""
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
            rest = max(0, abs(size) - sum(one.remaining for one in self.orders(instrument.id) if one.side == -side))
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
        """Working orders of an instrument, oldest first."""
        return (order for order in self.working.values() if order.instrument == instrument)

    def intend(self, row: IntentRow) -> None:
        """Apply one of our intents from its lane."""
        kind = row.kind
        if kind in PLACING:
            self.begin(row.intent_id, row.instrument, row.side, row.price, row.size)
        if kind in ENDING and row.target_id in self.working:
            self.working[row.target_id].cancelling = True
            self._cancels[row.intent_id] = row.target_id
        if kind == CANCEL_ALL:
            for order in self.orders(row.instrument):
                order.cancelling = True

    def begin(self, intent_id: int, instrument: int, side: int, price: int, size: int) -> None:
        """Add an order for a submitted intent."""
        self._working[intent_id] = Order(intent_id, instrument, side, price, size)

    def judge(self, row: VerdictRow) -> None:
        """Apply a verdict: a refusal ends an intent that has no order, and undoes a cancel."""
        target = self._cancels.pop(row.intent_id, 0)
        if row.reason == Reason.APPROVED:
            return
        order = self.working.get(row.intent_id)
        if order is not None and order.state is None:  # the second verdict of a repeated intent must not end its order
            del self.working[row.intent_id]
        if target in self.working:
            self.working[target].cancelling = False

    def change(self, row: OrderRow) -> Order:
        """Apply an order's change; an order that is done is removed."""
        order = self.working.get(row.intent_id)
        if order is None:
            order = Order(row.intent_id, row.instrument, row.side, row.price, row.size)
            self.working[row.intent_id] = order
        before, order.state = order.state, OrderState(row.state)
        order.price, order.size, order.filled = row.price, row.size, row.filled
        if order.state == OrderState.CANCELLING:
            order.cancelling = True
        elif before == OrderState.CANCELLING:
            order.cancelling = False  # the venue did not cancel it
        if order.done:
            del self.working[row.intent_id]
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
        self._cancels.clear()


def _largest(instrument: Instrument) -> int:
    """The largest order that the venue accepts, in whole steps; INT64_MAX when the venue has no maximum."""
    most = instrument.size_max
    return most - most % instrument.size_step if most > 0 else INT64_MAX

"""The blotter: applies every change of an order and every fill, records it in the journal, and only then publishes it.

It is the only place where an order changes. It finds an order by our id, by its intent or by the venue's id. It knows a
fill by its instrument and the venue's fill id; the broker asks (`knows_fill`) before it has a fill applied, however
often the venue reports it.
"""

from collections import deque
from typing import TYPE_CHECKING

from engine.config.paths import FIRST_ACCOUNT
from engine.execution.orders import codec
from engine.execution.orders.fills import KnownFills, Trade
from engine.execution.orders.ledger import Ledger
from engine.execution.orders.netted import orders_of
from engine.execution.orders.order import CORRECTIONS, FILLED, PARTLY, SENT, Order, may_move
from engine.execution.orders.parent import Parent
from engine.execution.ports import Appender, OrderLanes
from engine.meters import current as meters
from engine.meters.table import place_of
from engine.model import client_id
from engine.model.intent_id import strategy_of
from engine.model.journal_records import WATERMARK
from engine.model.netted import fills_of
from engine.model.records import FILL
from engine.model.rows import FillRow, NettedRow
from engine.model.text import bare
from engine.model.words import DONE_STATES, FillFlag, JournalKind, OrderFlag, OrderState
from engine.venues.trading.fill_order import NOWHERE, FillOrder
from engine.venues.trading.news import FillNews

if TYPE_CHECKING:
    from engine.execution.orders.prices import Prices

DONE_KEPT = 4096  # done orders kept for late messages: six minutes of them at 100 in 10 s, 12 audits; about 4 MiB.
# A later message about a forgotten order adopts it by our id again, and its known fills give its filled size.
FORGOTTEN_MOST = 16  # in one step: hundreds at once would hold up the next intents for a millisecond
ORDER_COUNT, ORDER_HOP, FILL_COUNT, FILL_HOP = map(place_of, ("orders", "order", "fills", "fill"))
ORDER, PARENT = JournalKind.ORDER, JournalKind.PARENT
FEE_VALUED, INTERNAL = int(FillFlag.FEE_VALUED), int(FillFlag.INTERNAL)
PAIRED = int(OrderFlag.PAIRED)


class Blotter:
    """Orders and fills, and the exposure and positions that follow from them."""

    def __init__(
        self,
        lanes: OrderLanes,
        journal: Appender,
        ledger: Ledger,
        fill_order: FillOrder,
        prices: "Prices | None" = None,
        *,
        account: int = FIRST_ACCOUNT,
    ) -> None:
        """Begin empty; the replay fills it. `prices` value the fees of new fills; replayed fills have a value.

        `account` is the account's number in every record.
        """
        self.account = account
        self._prices = prices
        self.journal = journal
        self.ledger = ledger
        self.orders: dict[bytes, Order] = {}
        self.newest: dict[int, Order] = {}  # the newest order of each intent
        self.parents: dict[int, Parent] = {}  # the intents that an algorithm works, until they are done
        self.by_venue: dict[tuple[int, bytes], Order] = {}  # instrument, venue's id
        self.live: dict[bytes, Order] = {}
        self.fill_order = fill_order
        self.fills = {one: KnownFills(fill_order) for one in ledger.account}
        self.watermarks: dict[int, bytes] = {}  # cursors: every fill of the account up to here is known
        self.overdue: set[int] = set()  # instruments with too many fills after their watermark
        self.last_intent: dict[int, int] = {}  # by line: ids rise, so every id up to this one is known
        self.changed: list[Order] = []  # orders that the desk has not followed up yet
        self.touched: set[int] = set()  # cells of positions to write
        self.exposed: set[int] = set()  # cells in which only the size of open orders has changed
        self.done: deque[Order] = deque()
        self._publish_order = lanes.orders.publish_bytes
        self._publish_parent = lanes.parents.publish_bytes
        self._publish_fill = lanes.fills.publish_bytes

    def enter(self, order: Order) -> None:
        """Add an order to the tables."""
        self.orders[order.client_id] = order
        self.newest[order.intent_id] = order
        if order.live:
            self.live[order.client_id] = order
        self.refresh(order)

    def enter_parent(self, parent: Parent) -> None:
        """Add a parent to the tables."""
        self.parents[parent.intent_id] = parent

    def parent_bytes(self, parent: Parent, now_ns: int, more: int = 0) -> bytes:
        """A parent's record, when `more` children are about to be sent."""
        made = more if parent.newest is None else parent.newest.child + 1 + more
        return codec.PARENT.pack_row(parent.row(now_ns, made))

    def write_parent(self, parent: Parent, now_ns: int, more: int) -> bytes:
        """Put a parent into the journal's batch, before `more` children of it."""
        data = self.parent_bytes(parent, now_ns, more)
        self.journal.add(now_ns, PARENT, data)
        return data

    def note_parent(self, parent: Parent, now_ns: int) -> None:
        """Record and publish a parent as it is."""
        data = self.parent_bytes(parent, now_ns)
        self.journal.add(now_ns, PARENT, data)
        self.journal.commit(now_ns)
        self._publish_parent(data)

    def publish_parent(self, data: bytes) -> None:
        """Publish a parent's record that is in the journal."""
        self._publish_parent(data)

    def children(self, intent_id: int) -> list[Order]:
        """The orders of an intent that may still matter: a parent's children, newest first, or its only order."""
        parent = self.parents.get(intent_id)
        if parent is not None:
            return parent.children[::-1]
        order = self.newest.get(intent_id)
        return [] if order is None else [order]

    def write(self, order: Order, now_ns: int) -> bytes:
        """Put the order's present record into the journal's batch."""
        order.now_ns = now_ns
        data = codec.ORDER.pack(*order.row(self.account))
        self.journal.add(now_ns, ORDER, data)
        return data

    def note(self, order: Order, now_ns: int) -> None:
        """Record and publish the order's present record."""
        data = self.write(order, now_ns)
        self.journal.commit(now_ns)
        self._publish_order(data)

    def publish(self, order: Order, now_ns: int) -> None:
        """Publish an order without recording it: one of others, or one that the journal has already."""
        order.now_ns = now_ns
        self._publish_order(codec.ORDER.pack(*order.row(self.account)))

    def sent(self, order: Order, now_ns: int) -> None:
        """Mark an order as SENT. This is not recorded: a replay treats CREATED as possibly sent."""
        assert may_move(order.state, SENT, order.flags), (order.state, order.client_id.hex())
        order.state = SENT
        order.sent_ns = order.now_ns = now_ns
        meters.add(ORDER_COUNT)
        meters.observe_since(ORDER_HOP, order.receive_ns)
        self._publish_order(codec.ORDER.pack(*order.row(self.account)))

    def move(self, order: Order, to: int, now_ns: int) -> None:
        """Change the order's state in memory, record it and publish it."""
        assert may_move(order.state, to, order.flags), (order.state, to, order.client_id.hex())
        self._set_state(order, to)
        self.note(order, now_ns)
        self.changed.append(order)

    def shrink(self, order: Order, size: int, now_ns: int) -> None:
        """Record the smaller size that the venue has confirmed."""
        order.size = size
        self.refresh(order)
        self.note(order, now_ns)
        self.changed.append(order)

    def conclude(self, order: Order, to: OrderState, now_ns: int) -> None:
        """End an order by inference: the venue answers that it does not exist, and it can no longer arrive there."""
        order.flags |= OrderFlag.INFERRED
        assert to in CORRECTIONS
        self.move(order, to, now_ns)

    def bind(self, order: Order, venue_order_id: bytes) -> None:
        """Set the venue's id of an order."""
        if venue_order_id and order.venue_order_id != venue_order_id:
            order.venue_order_id = venue_order_id
            self.by_venue[order.instrument, venue_order_id] = order

    def fill(self, order: Order, news: FillNews, now_ns: int) -> None:
        """Apply a fill that is not known yet: journal, order, positions, readers."""
        self.know(order.instrument, news.fill_id, trade_of(order, news))
        value = self._prices.fee_value(order.instrument, news.fee, news.fee_asset) if self._prices else None
        row = FILL.row(
            client_id=order.client_id, intent_id=order.intent_id, venue_fill_id=news.fill_id,
            venue_order_id=news.venue_order_id, venue_ns=news.venue_ns, receive_ns=now_ns, price=news.price,
            size=news.size, fee=news.fee, fee_value=value or 0, dust=0, fee_asset=news.fee_asset,
            strategy=order.strategy, instrument=order.instrument, side=order.side, maker=int(news.maker),
            flags=0 if value is None else FEE_VALUED, account=self.account,
        )  # fmt: skip
        data = codec.FILL.pack_row(row)
        self.journal.add(now_ns, JournalKind.FILL, data)
        self.apply_fill(order, row)
        self._advance(order)
        changed = self.write(order, now_ns)
        self.journal.commit(now_ns)
        self._publish_fill(data)  # before the order: a reader that sees a filled order must see the position too
        self._publish_order(changed)
        meters.add(FILL_COUNT)
        meters.observe_since(FILL_HOP, now_ns)
        self.changed.append(order)

    def net(self, row: NettedRow, now_ns: int) -> tuple[Order, Order]:
        """Put an internal fill into the journal's batch, and apply it; `publish_netted` follows the commit."""
        self.journal.add(now_ns, JournalKind.NETTED, codec.NETTED.pack_row(row))
        orders = self.apply_netted(row)
        self.changed.extend(orders)
        return orders

    def publish_netted(self, row: NettedRow, orders: tuple[Order, Order]) -> None:
        """Publish both fills of an internal fill at once, then its orders."""
        self._publish_fill(b"".join(codec.FILL.pack_row(one) for one in fills_of(row)))
        for order in orders:
            self._publish_order(codec.ORDER.pack(*order.row(self.account)))

    def apply_netted(self, row: NettedRow) -> tuple[Order, Order]:
        """Apply an internal fill to its parents and to the positions of both strategies, live as in the replay."""
        orders = orders_of(row)
        for order, fill in zip(orders, fills_of(row), strict=True):
            self.enter(order)
            self.done.append(order)
            if (parent := self.parents.get(order.intent_id)) is not None:
                parent.add(order)
            self.hold(fill)
        return orders

    def open_positions(self, now_ns: int) -> None:
        """Publish every strategy's holdings on a new FILLS ring, at once: a reader sees all of them or none."""
        traded = [one for one in self.ledger.positions if one.strategy and one.fill_count]  # also the flat ones
        if traded:
            self._publish_fill(b"".join(codec.FILL.pack_row(one.opening(now_ns, self.account)) for one in traded))

    def apply_fill(self, order: Order, row: FillRow) -> None:
        """Apply a fill to its order and to the positions, live as in the replay."""
        order.filled += row.size
        order.venue_filled = max(order.venue_filled, order.filled)
        self.bind(order, bare(row.venue_order_id))
        self.hold(row)

    def hold(self, row: FillRow) -> None:
        """Apply a fill to the positions; an internal one leaves the account's as it is."""
        fee_value = row.fee_value if row.flags & FEE_VALUED else None
        account, *own = self.ledger.cells(row.strategy, row.instrument)
        for cell in own if row.flags & INTERNAL else (account, *own):
            position = self.ledger.positions[cell]
            position.apply(row.side, row.price, row.size, row.fee, row.fee_asset, fee_value, row.receive_ns)
            self.touched.add(cell)

    def credit(self, order: Order, fills: list[FillNews], now_ns: int) -> None:
        """Count known fills for an order that was adopted after it was forgotten, because it began without them."""
        known = self.fills[order.instrument]
        size = (
            sum({one.fill_id: one.size for one in fills if known.knows(one.fill_id, one.venue_ns)}.values())
            - order.disputed
        )
        if order.filled < size <= order.size:
            order.filled = size
            order.venue_filled = max(order.venue_filled, size)
            self.refresh(order)
            self.note(order, now_ns)

    def refresh(self, order: Order) -> None:
        """Update the exposure of an order, and of those that share it."""
        one: Order | None = order.predecessor or order if order.flags & PAIRED else order
        while one is not None:
            self._expose(one, exposure_of(one))
            one = one.successor

    def _expose(self, order: Order, size: int) -> None:
        """Set what an order may still add to the position."""
        if size != order.exposure:
            self.ledger.expose(order.strategy, order.instrument, order.side, size - order.exposure)
            order.exposure = size
            self.exposed.update(self.ledger.cells(order.strategy, order.instrument))

    def restore(self, order: Order, state: int) -> None:
        """Set the state from the journal, over any present state."""
        self._set_state(order, state)

    def know(self, instrument: int, fill_id: bytes, trade: Trade) -> None:
        """Remember a fill, so that a repetition is recognised."""
        known = self.fills[instrument]
        known.add(fill_id, trade, self.watermarks.get(instrument, NOWHERE))
        if known.overdue:
            self.overdue.add(instrument)

    def audited(self, instrument: int, cursor: bytes) -> None:
        """Set the watermark: the venue's listing was compared up to this cursor, and older fills may be forgotten."""
        self.watermarks[instrument] = cursor
        self.fills[instrument].forget(cursor)
        if not self.fills[instrument].overdue:
            self.overdue.discard(instrument)

    def watermark(self, instrument: int, cursor: bytes, now_ns: int) -> None:
        """Record that every fill of the account up to this cursor is known."""
        self.audited(instrument, cursor)
        row = WATERMARK.row(instrument=instrument, cursor=cursor)
        self.journal.add(now_ns, JournalKind.WATERMARK, codec.WATERMARK.pack_row(row))
        self.journal.commit(now_ns)

    def knows_fill(self, instrument: int, fill: FillNews) -> bool:
        """Whether a fill was applied."""
        return self.fills[instrument].knows(fill.fill_id, fill.venue_ns)

    def contradicts_fill(self, order: Order, fill: FillNews) -> bool:
        """Whether the id of an applied fill now comes with other contents."""
        return self.fills[order.instrument].contradicts(fill.fill_id, trade_of(order, fill))

    def owner(self, client: bytes) -> int:
        """The strategy of the intent in an id of ours."""
        return strategy_of(client_id.decode(client)[1])

    def forget_old(self) -> None:
        """Forget the oldest done orders, a few at a call; their fills stay known."""
        for _ in range(min(FORGOTTEN_MOST, len(self.done) - DONE_KEPT)):
            order = self.done.popleft()
            if order.live:  # the venue corrected its end: it is added again when it is done
                continue
            self.orders.pop(order.client_id, None)
            self.by_venue.pop((order.instrument, order.venue_order_id), None)
            if self.newest.get(order.intent_id) is order:
                del self.newest[order.intent_id]
            if order.successor is not None:
                order.successor.predecessor = None

    def _advance(self, order: Order) -> None:
        """Set the state that follows from the filled size, before the venue reports a state."""
        to = FILLED if order.filled >= order.size else PARTLY
        if order.state != to and may_move(order.state, to, order.flags) and (to == FILLED or not _settled(order)):
            self._set_state(order, to)
        else:
            self.refresh(order)

    def _set_state(self, order: Order, to: int) -> None:
        """Change the state, and the tables and exposure that depend on it."""
        if to not in DONE_STATES:
            order.flags &= ~OrderFlag.INFERRED
            self.live[order.client_id] = order
        elif self.live.pop(order.client_id, None) is not None:
            self.done.append(order)
        order.state = to
        self.refresh(order)


def exposure_of(order: Order) -> int:
    """What an order may still add to the position: a replacement only what exceeds its predecessor's rest."""
    rest, before = order.rest, order.predecessor
    if order.flags & PAIRED:
        return _shared(order, rest)
    if before is not None and before.live and order.live:
        return max(0, rest - before.rest)
    return rest


def _shared(order: Order, rest: int) -> int:
    """What an order of a pair may still add: together they fill one size, which counts for the first while it lives."""
    twin, before = order.twin, order.predecessor
    if not order.live or twin is None:
        return rest
    rest -= twin.venue_filled
    return max(0, rest - _shared(before, before.rest) if before is not None and before.live else rest)


def trade_of(order: Order, news: FillNews) -> Trade:
    """The contents of a fill of this order; a venue may leave out the side."""
    return Trade(news.venue_order_id, news.side or order.side, news.price, news.size, news.venue_ns)


def _settled(order: Order) -> bool:
    """Whether a partial fill does not change the state: a cancel is pending, or the order has ended."""
    return order.state in DONE_STATES or order.state == OrderState.CANCELLING

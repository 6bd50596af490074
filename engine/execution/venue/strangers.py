"""Orders and fills at the venue that the journal does not know: whose they are, and what is done with them.

Another program or a person may trade on the same account: execution publishes their orders and never touches them. An
order under our own id that the journal does not know (an orphan) is ours: execution adopts it and applies its fills. It
cancels the order if `orphans` is "cancel" (the default), or if trading is halted.

While the order of a fill is not known, the watermark of its instrument does not move: so a death loses no fill.
"""

import logging
from collections import OrderedDict

from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import Order
from engine.execution.venue import contradictions
from engine.execution.venue.alarm import Alarm
from engine.execution.venue.broker import Broker
from engine.execution.venue.movements import Movements
from engine.model import client_id
from engine.model.words import OrderFlag, OrderState, TimeInForce
from engine.venues.trading.fill_order import NOWHERE
from engine.venues.trading.news import FillNews, OrderNews

logger = logging.getLogger("engine.execution")

ASK_AGAIN_NS = 500_000_000
FOREIGN_KEPT = 65_536  # others' orders that are remembered; an older one is requested or published again
HELD_MOST = 16_384  # fills that wait for an owner, before no further page of fills is listed


class Strangers:
    """Fills that wait for an owner, others' orders, and adoption."""

    def __init__(
        self, blotter: Blotter, broker: Broker, alarm: Alarm, movements: Movements, ids: dict[str, int], *,
        cancel_orphans: bool,
    ) -> None:  # fmt: skip
        """Begin without orders of others."""
        self.foreign: OrderedDict[tuple[int, bytes], None] = OrderedDict()  # instrument, venue's id; the newest last
        self.scanned: dict[int, bytes] = {}  # instrument: the cursor after the listed fills
        self._blotter = blotter
        self._broker = broker
        self._alarm = alarm
        self._movements = movements
        self._ids = ids
        self._cancel_orphans = cancel_orphans
        self._held: dict[tuple[int, bytes], list[FillNews]] = {}
        self._held_count = 0  # of fills
        self._due: dict[tuple[int, bytes], int] = {}

    @property
    def waiting(self) -> bool:
        """Whether a fill still waits for its owner."""
        return bool(self._held)

    @property
    def full(self) -> bool:
        """Whether too many fills wait to list more of them; a fill that is not listed stays above the watermark."""
        return self._held_count >= HELD_MOST

    def assign_fill(self, instrument: int, fill: FillNews, now_ns: int) -> None:
        """Apply a fill of the account to its order, or hold the fill until its order is known."""
        key = (instrument, fill.venue_order_id)
        order = self._blotter.by_venue.get(key)
        if order is not None:
            self._broker.apply_fill(order, fill, now_ns)
        elif key not in self.foreign and not self._blotter.knows_fill(instrument, fill):
            self._held.setdefault(key, []).append(fill)
            self._held_count += 1
            self._due.setdefault(key, now_ns)

    def due(self, now_ns: int, room: int) -> list[tuple[int, bytes]]:
        """The orders to ask about now, at most `room`; each is not due again until `again` is called for it."""
        found = [key for key, due_ns in self._due.items() if due_ns <= now_ns][: max(0, room)]
        for key in found:
            del self._due[key]
        return found

    def again(self, instrument: int, number: bytes, now_ns: int) -> None:
        """Ask about this order again later, because the question was not answered."""
        self._due[instrument, number] = now_ns + ASK_AGAIN_NS

    def identify(self, instrument: int, number: bytes, news: OrderNews | None, now_ns: int) -> None:
        """Apply the venue's answer about the owner of an order."""
        key = (instrument, number)
        fills = self._held.pop(key, [])
        self._held_count -= len(fills)
        self._due.pop(key, None)
        if news is None or not self._broker.is_ours(news.client_id):
            self._remember(key)
            if fills:
                self._movements.on_others(instrument, now_ns)
            return
        order = self.known_or_adopted(news, now_ns)
        if order is None:
            return
        for fill in fills:
            self._broker.apply_fill(order, fill, now_ns)

    def close_watermarks(self, now_ns: int) -> None:
        """Move each instrument's watermark to the last listed fill, unless a fill of it waits."""
        done = []
        for instrument, scanned in self.scanned.items():
            waits = any(key[0] == instrument for key in self._held)
            if not waits:
                done.append(instrument)
                mark = self._blotter.watermarks.get(instrument, NOWHERE)
                if self._blotter.fill_order.later(mark, scanned) != mark:
                    self._blotter.watermark(instrument, scanned, now_ns)
        for instrument in done:
            del self.scanned[instrument]

    def known_or_adopted(self, news: OrderNews, now_ns: int) -> Order | None:
        """Our order of this id, with the venue's view applied; adopted if the journal does not have it, None if not."""
        order = self._blotter.orders.get(news.client_id)
        if order is None:
            instrument = self._ids.get(news.symbol, 0)
            why = self._why_not(instrument, news)
            if why:
                self._alarm.not_adopted(instrument, news, why, now_ns)
                return None
            order = self._adopt(news)
            self._blotter.enter(order)
        self._broker.apply_news(order, news, now_ns, answered=True)
        return order

    def report(self, news: OrderNews, now_ns: int) -> None:
        """Publish another's order, once."""
        instrument = self._ids.get(news.symbol, 0)
        if news.executed or not instrument:
            self._movements.on_others(instrument, now_ns)
        key = (instrument, news.venue_order_id)
        if not instrument or self._remember(key):
            return
        if news.unknown_status:
            what = {"order": key, "status": news.unknown_status}
            logger.warning("an order of another program or person has an unknown status", extra=what)
        order = Order(
            news.client_id[:16], 0, 0, instrument, news.side, news.order_type, TimeInForce.GTC, news.price, news.size
        )
        order.state, order.venue_order_id, order.filled = news.state, news.venue_order_id, news.executed
        order.flags, order.answer_ns = int(OrderFlag.FOREIGN), now_ns
        self._blotter.publish(order, now_ns)

    def _why_not(self, instrument: int, news: OrderNews) -> str:
        """Why an order of ours cannot be adopted; "" when it can."""
        if not instrument:
            return f"it is of {news.symbol}, which is not configured"
        return contradictions.of_adopted(news, self._blotter.ledger.account[instrument].instrument)

    def _remember(self, key: tuple[int, bytes]) -> bool:
        """Remember another's order; return whether it was known.

        Each listing repeats the orders that are open; of the others the oldest are forgotten.
        """
        known = key in self.foreign
        self.foreign[key] = None
        self.foreign.move_to_end(key)
        if len(self.foreign) > FOREIGN_KEPT:
            self.foreign.popitem(last=False)
        return known

    def _adopt(self, news: OrderNews) -> Order:
        """Make an order of ours from one that the journal does not know."""
        _, intent_id, request = client_id.decode(news.client_id)
        strategy = self._blotter.owner(news.client_id)
        order = Order(
            news.client_id, intent_id, strategy, self._ids[news.symbol], news.side, news.order_type, TimeInForce.GTC,
            news.price, news.size,
        )  # fmt: skip
        order.child = request
        order.state = OrderState.UNKNOWN
        order.flags = int(OrderFlag.ADOPTED)
        order.filled = self._blotter.fills[order.instrument].filled(
            news.venue_order_id
        )  # if it was known and forgotten
        if self._cancel_orphans or self._broker.halted(order):
            order.flags |= OrderFlag.CANCEL_WANTED
        return order

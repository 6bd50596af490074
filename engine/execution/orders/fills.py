"""The fills of one instrument that were applied: each is known by the venue's id and by its contents.

A fill arrives many times: in the answer, in the report, in every listing. Its id separates a repetition from a new
fill, if the venue uses each id once. The contents are kept too: an id that arrives again with another order, side,
price or size is a contradiction that only a person may settle.

Memory is bounded: beyond `FILLS_KEPT` the oldest fills are forgotten, but only fills up to the watermark, where they
were compared with the venue's own listing. A cursor (the floor) and the latest time of the forgotten fills are kept. A
fill that the floor covers is a repetition, unless its trade is later than all of them: then the venue uses its ids
again. While the venue answers no listing, no fill is forgotten: beyond `UNAUDITED_MOST` entries stop
(FILLS_UNAUDITED), so that only fills of exits and of open orders can still arrive.
"""

from typing import NamedTuple

from engine.venues.trading.fill_order import NOWHERE, FillOrder

FILLS_KEPT = (
    16_384  # of an instrument, about 5 MiB: far more than two audits, between which the watermark moves, can bring
)
UNAUDITED_MOST = 4 * FILLS_KEPT  # fills of an instrument, about 20 MiB, beyond which entries stop


class Trade(NamedTuple):
    """The contents of a fill."""

    venue_order_id: bytes
    side: int
    price: int
    size: int
    venue_ns: int


class KnownFills:
    """One instrument's fills."""

    __slots__ = ("_order", "floor", "floor_ns", "trades")

    def __init__(self, order: FillOrder) -> None:
        """Begin with none."""
        self._order = order
        self.trades: dict[bytes, Trade] = {}
        self.floor, self.floor_ns = NOWHERE, 0

    def knows(self, fill_id: bytes, venue_ns: int) -> bool:
        """Whether this fill was applied."""
        return fill_id in self.trades or self._order.covers(self.floor, fill_id, venue_ns)

    @property
    def overdue(self) -> bool:
        """Whether too many fills are kept, because the venue's listing has not passed them for a long time."""
        return len(self.trades) > UNAUDITED_MOST

    def add(self, fill_id: bytes, trade: Trade, watermark: bytes) -> None:
        """Add a fill, and forget fills that are too old."""
        self.trades[fill_id] = trade
        self.forget(watermark)

    def contradicts(self, fill_id: bytes, trade: Trade) -> bool:
        """Whether a known fill's id now has other contents."""
        known = self.trades.get(fill_id)
        if known is None:
            return trade.venue_ns > self.floor_ns
        return known[:4] != trade[:4]

    def filled(self, venue_order_id: bytes) -> int:
        """The sum of an order's fills that are still remembered."""
        return sum(trade.size for trade in self.trades.values() if trade.venue_order_id == venue_order_id)

    def forget(self, watermark: bytes) -> None:
        """Forget the oldest fills beyond the bound, if the watermark covers them."""
        while len(self.trades) > FILLS_KEPT:
            oldest, trade = next(iter(self.trades.items()))
            if not self._order.covers(watermark, oldest, trade.venue_ns):
                return
            del self.trades[oldest]
            self.floor = self._order.later(self.floor, self._order.cursor_of(oldest, trade.venue_ns))
            self.floor_ns = max(self.floor_ns, trade.venue_ns)

"""The fills of one instrument that were applied: each is known by the venue's id and by its contents.

A fill comes many times: in the answer, in the report, in every listing. The id alone separates a repetition from a new
fill, as long as the venue keeps its ids apart; so the contents are kept too, and an id that comes again with another
order, side, price or size is a contradiction that only a person may settle.

Memory is bounded: beyond `FILLS_KEPT` the oldest are forgotten, but only those that the watermark covers, up to which
the venue's own listing was compared. Of the forgotten a cursor (the floor) and the latest time are kept. A fill that
the floor covers is a repetition, unless its trade is later than all of them: then the venue counts anew. While the
venue answers no listing nothing is forgotten: beyond `UNAUDITED_MOST` entries stop (FILLS_UNAUDITED), so that only
exits and the fills of open orders can still come.
"""

from typing import NamedTuple

from engine.venues.trading.fill_order import NOWHERE, FillOrder

FILLS_KEPT = (
    16_384  # of an instrument, about 5 MiB: far more than two audits, between which the watermark moves, can bring
)
UNAUDITED_MOST = 4 * FILLS_KEPT  # fills of an instrument, about 20 MiB, beyond which entries stop


class Trade(NamedTuple):
    """What a fill said."""

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
        """Whether so many are kept that the venue's listing cannot have passed any of them for long."""
        return len(self.trades) > UNAUDITED_MOST

    def add(self, fill_id: bytes, trade: Trade, watermark: bytes) -> None:
        """Add one, and forget what is too old."""
        self.trades[fill_id] = trade
        self.forget(watermark)

    def contradicts(self, fill_id: bytes, trade: Trade) -> bool:
        """Whether a known fill's id now comes with other contents."""
        known = self.trades.get(fill_id)
        if known is None:
            return trade.venue_ns > self.floor_ns
        return known[:4] != trade[:4]

    def filled(self, venue_order_id: bytes) -> int:
        """How much of an order the fills still remembered make up."""
        return sum(trade.size for trade in self.trades.values() if trade.venue_order_id == venue_order_id)

    def forget(self, watermark: bytes) -> None:
        """Beyond the bound, forget the oldest that the watermark covers."""
        while len(self.trades) > FILLS_KEPT:
            oldest, trade = next(iter(self.trades.items()))
            if not self._order.covers(watermark, oldest, trade.venue_ns):
                return
            del self.trades[oldest]
            self.floor = self._order.later(self.floor, self._order.cursor_of(oldest, trade.venue_ns))
            self.floor_ns = max(self.floor_ns, trade.venue_ns)

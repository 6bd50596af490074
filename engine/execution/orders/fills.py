"""The fills of one instrument that were taken in: each is known by the venue's number, and by what it said.

A fill is told many times: by the answer, by the report, by every listing. The number alone tells a repetition from a
fill, as long as the venue keeps its numbers apart; so what it said is kept too, and a number that comes again with
another order, side, price or size is a contradiction that nobody here may settle.

Memory is bounded: beyond `FILLS_KEPT` the oldest are forgotten, but only those below the watermark, up to which the
venue's own listing was gone through. Of the forgotten the highest number and the latest time are kept (the floor). A
number at or below it is a repetition, unless its trade is later than all of them: then the venue counts anew. While
the venue answers no listing nothing is forgotten: beyond `UNAUDITED_MOST` entries stop (FILLS_UNAUDITED), so that what
still comes are exits and the fills of orders that are open.
"""

from typing import NamedTuple

FILLS_KEPT = (
    16_384  # of an instrument, about 5 MiB: far more than two audits, between which the watermark moves, can bring
)
UNAUDITED_MOST = 4 * FILLS_KEPT  # fills of an instrument, about 20 MiB, beyond which entries stop


class Trade(NamedTuple):
    """What a fill said."""

    venue_order_id: int
    side: int
    price: int
    size: int
    venue_ns: int


class KnownFills:
    """One instrument's fills."""

    __slots__ = ("floor_id", "floor_ns", "trades")

    def __init__(self) -> None:
        """Begin with none."""
        self.trades: dict[int, Trade] = {}
        self.floor_id = self.floor_ns = 0

    def __contains__(self, fill_id: int) -> bool:
        """Whether this number was taken in."""
        return fill_id in self.trades or fill_id <= self.floor_id

    @property
    def overdue(self) -> bool:
        """Whether so many are kept that the venue's listing must have gone past none of them for long."""
        return len(self.trades) > UNAUDITED_MOST

    def add(self, fill_id: int, trade: Trade, watermark: int) -> None:
        """Take one in, and forget what is too old."""
        self.trades[fill_id] = trade
        self.forget(watermark)

    def contradicts(self, fill_id: int, trade: Trade) -> bool:
        """Whether a number that was taken in now says something else."""
        known = self.trades.get(fill_id)
        if known is None:
            return trade.venue_ns > self.floor_ns
        return known[:4] != trade[:4]

    def filled(self, venue_order_id: int) -> int:
        """How much of an order the fills still remembered make up."""
        return sum(trade.size for trade in self.trades.values() if trade.venue_order_id == venue_order_id)

    def forget(self, watermark: int) -> None:
        """Beyond the bound, let go of the oldest that the venue's listing has gone past."""
        while len(self.trades) > FILLS_KEPT:
            oldest = next(iter(self.trades))
            if oldest > watermark:
                return
            self.floor_id = max(self.floor_id, oldest)
            self.floor_ns = max(self.floor_ns, self.trades.pop(oldest).venue_ns)

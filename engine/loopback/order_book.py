"""One market's resting orders in price-time priority, with the venue's update ids.

    side:  keys (sorted, best first) -> level (orders by id, in the order of their arrival) and its total

A key is the price for asks and the negated price for bids, so that the best is always the first. Every change of a
level's total gets the next update id and marks the level as changed.
"""

from bisect import bisect_left, insort

from engine.loopback.market import Market
from engine.loopback.orders import Order
from engine.model.words import BUY


class BookSide:
    """All resting orders of one side."""

    def __init__(self, side: int) -> None:
        """An empty side."""
        self.side = side
        self.keys: list[int] = []
        self.levels: dict[int, dict[int, Order]] = {}
        self.totals: dict[int, int] = {}

    def key(self, price: int) -> int:
        """A price's key in the order of this side."""
        return -price if self.side == BUY else price

    def add(self, order: Order) -> None:
        """Add an order at the end of its level."""
        key = self.key(order.price)
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = {}
            self.totals[key] = 0
            insort(self.keys, key)
        level[order.id] = order
        self.totals[key] += order.remaining

    def shrink(self, order: Order, size: int) -> None:
        """Subtract a size from an order's level; remove the order when nothing of it remains."""
        key = self.key(order.price)
        self.totals[key] -= size
        if order.open and order.remaining:
            return
        del self.levels[key][order.id]
        if not self.levels[key]:
            assert self.totals[key] == 0, (key, self.totals[key])
            del self.levels[key], self.totals[key], self.keys[bisect_left(self.keys, key)]

    def best(self) -> tuple[int, int]:
        """The best price and its total, zeros when the side is empty."""
        if not self.keys:
            return 0, 0
        return abs(self.keys[0]), self.totals[self.keys[0]]

    def depth(self, limit: int) -> list[tuple[int, int]]:
        """The best levels as (price, total)."""
        return [(abs(key), self.totals[key]) for key in self.keys[:limit]]

    def total(self, price: int) -> int:
        """The size resting at a price."""
        return self.totals.get(self.key(price), 0)


class Book:
    """Both sides of one market."""

    def __init__(self, market: Market, first_id: int = 0) -> None:
        """An empty book; the first order's and trade's id is `first_id` + 1."""
        self.market = market
        self.bids, self.asks = BookSide(BUY), BookSide(-BUY)
        self.update_id = 1
        self.changes: set[tuple[int, int]] = set()  # (side, price) since the reader last cleared it
        self.order_id = self.trade_id = first_id
        self.last_price = 0

    def side(self, side: int) -> BookSide:
        """Bids or asks."""
        return self.bids if side == BUY else self.asks

    def add(self, order: Order) -> None:
        """Add a resting order."""
        self.side(order.side).add(order)
        self._changed(order)

    def shrink(self, order: Order, size: int) -> None:
        """Subtract a size from a resting order's level."""
        self.side(order.side).shrink(order, size)
        self._changed(order)

    def _changed(self, order: Order) -> None:
        """Give a changed level the next update id and mark it."""
        self.update_id += 1
        self.changes.add((order.side, order.price))

    def check(self) -> None:
        """Check levels against their orders, and the two sides against each other."""
        for half in (self.bids, self.asks):
            assert half.keys == sorted(half.levels), half.keys
            for key, level in half.levels.items():
                assert all(order.open and order.remaining > 0 for order in level.values()), level
                assert half.totals[key] == sum(order.remaining for order in level.values()), (key, level)
        bid, ask = self.bids.best()[0], self.asks.best()[0]
        assert not (bid and ask) or bid < ask, (bid, ask)

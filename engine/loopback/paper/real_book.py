"""The real market's levels, less what our orders took from them.

    what we took stays away until the level is gone or smaller, also when the market's data repeats the level

The real market knows nothing of our orders, so its book still shows what they would have taken.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

from engine.model.words import BUY


class RealSide:
    """One side: the real size of each level, and what we took of it."""

    def __init__(self, side: int) -> None:
        """An empty side."""
        self.side = side
        self._keys: list[int] = []  # the best first: the price of asks, the negated price of bids
        self._sizes: dict[int, int] = {}  # what is left, by key
        self._taken: dict[int, int] = {}

    def size(self, price: int) -> int:
        """What is left at a price."""
        return self._sizes.get(-self.side * price, 0)

    def best(self) -> tuple[int, int] | None:
        """The best price with something left, and its size."""
        return next(self.levels(), None)

    def levels(self) -> Iterator[tuple[int, int]]:
        """The levels as (price, size left), the best first."""
        return ((-self.side * key, self._sizes[key]) for key in self._keys)

    def change(self, price: int, size: int) -> tuple[int, int]:
        """The market's level has this size now; what was left before, and what is left."""
        key = -self.side * price
        before = self._sizes.get(key, 0)
        taken = min(self._taken.pop(key, 0), size)
        if taken:
            self._taken[key] = taken
        self._put(key, size - taken)
        return before, size - taken

    def consume(self, price: int, size: int) -> None:
        """An order of ours takes a part of a level."""
        key = -self.side * price
        self._taken[key] = self._taken.get(key, 0) + size
        self._put(key, self._sizes[key] - size)

    def clear(self) -> None:
        """The market's book begins anew; what we took from its levels stays away."""
        self._keys.clear()
        self._sizes.clear()

    def _put(self, key: int, size: int) -> None:
        assert size >= 0, (self.side, key, size)
        known = key in self._sizes
        if size:
            self._sizes[key] = size
            if not known:
                insort(self._keys, key)
        elif known:
            del self._sizes[key], self._keys[bisect_left(self._keys, key)]


class RealBook:
    """Both sides of one symbol."""

    def __init__(self) -> None:
        """Empty, and not to be traded on."""
        self.bids, self.asks = RealSide(BUY), RealSide(-BUY)
        self.good = False  # the market's data is right now; without it no order is accepted and none is filled

    def side(self, side: int) -> RealSide:
        """Bids or asks."""
        return self.bids if side == BUY else self.asks

    def clear(self) -> None:
        """The market's book begins anew."""
        self.bids.clear()
        self.asks.clear()

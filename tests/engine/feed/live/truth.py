"""What is really so at a venue: a book and its trades, and every state that the book has had."""

import random
from dataclasses import dataclass, field

from engine.model.fixed import to_text

MIDDLE, REACH, LEAST = 1_000_000, 40, 15
Top = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]
DEPTH = 10


@dataclass
class Trade:
    """A trade between others; `side` is the aggressor's."""

    number: int
    price: int
    size: int
    side: int


@dataclass
class Truth:
    """One symbol's book, moved by a seed: prices and sizes are whole numbers of the smallest unit."""

    symbol: str
    random: random.Random
    price_decimals: int = 2
    size_decimals: int = 5
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    update: int = 1000
    previous: int = 1000
    trades: list[Trade] = field(default_factory=list)
    tops: set[Top] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin with a book of thirty levels a side."""
        for step in range(1, 31):
            self.bids[MIDDLE - step] = self.random.randint(1, 10**6)
            self.asks[MIDDLE + step] = self.random.randint(1, 10**6)
        self.tops.add(self.top())
        for _ in range(3):
            self.trade()

    def move(self, count: int = 3) -> list[tuple[int, int, int]]:
        """Change some levels; the changes as (side, price, size)."""
        changes = [self._change() for _ in range(count)]
        self.previous, self.update = self.update, self.update + self.random.randint(1, 5)
        self.tops.add(self.top())
        return changes

    def trade(self) -> Trade:
        """Let others trade."""
        side = self.random.choice((1, -1))
        made = Trade(len(self.trades) + 1, MIDDLE + side, self.random.randint(1, 10**6), side)
        self.trades.append(made)
        return made

    def top(self) -> Top:
        """The ten best of each side."""
        bids = sorted(self.bids.items(), reverse=True)[:DEPTH]
        return tuple(bids), tuple(sorted(self.asks.items())[:DEPTH])

    def price(self, number: int) -> str:
        """As a venue writes it."""
        return to_text(number, self.price_decimals)

    def size(self, number: int) -> str:
        """As a venue writes it."""
        return to_text(number, self.size_decimals)

    def deepen(self, levels: int) -> None:
        """Add far levels, so that a whole book is megabytes."""
        for step in range(1, levels):
            self.bids[MIDDLE - REACH - step] = self.asks[MIDDLE + REACH + step] = step
        self.tops.add(self.top())

    def _change(self) -> tuple[int, int, int]:
        side = self.random.choice((1, -1))
        levels = self.bids if side > 0 else self.asks
        price = MIDDLE - side * self.random.randint(1, REACH)
        size = 0 if self.random.random() < 0.3 and len(levels) > LEAST else self.random.randint(1, 10**6)
        if size:
            levels[price] = size
        else:
            levels.pop(price, None)
        return side, price, size

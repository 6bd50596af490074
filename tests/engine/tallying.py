"""A strategy that trades all the time, and keeps a tally of its fills as its state."""

from typing import Any

from engine.model.words import BUY, SELL
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, price_up, size_of


class Tallying(Strategy):
    """Buys and sells in turn, one order at a time."""

    def on_start(self) -> None:
        """Nothing yet."""
        self.tally = [0, 0]  # fills, and their signed size

    def on_book(self, book: Book) -> None:
        """The next order."""
        one = book.instrument
        if self.orders(one):
            return
        side = SELL if self.position(one) > 0 else BUY
        price = book.best(-side) * (1000 + side) // 1000
        self.enter(one, side, size_of(one, "0.01"), (price_up if side == BUY else price_down)(one, price))

    def on_fill(self, fill: Any) -> None:
        """Count it."""
        self.tally = [self.tally[0] + 1, self.tally[1] + fill.side * fill.size]

    def save(self) -> list[int]:
        """The tally."""
        return self.tally

    def load(self, state: list[int]) -> None:
        """The tally."""
        self.tally = state

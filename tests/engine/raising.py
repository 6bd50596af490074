"""A strategy with an error in `on_fill`."""

from typing import Any

from engine.model.words import BUY, SELL
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, price_up, size_of


class Raising(Strategy):
    """Rests an order; when it is open, buys once, and raises on the fill."""

    def on_book(self, book: Book) -> None:
        """The resting order, then the purchase."""
        one, size = book.instrument, size_of(book.instrument, "0.01")
        if not self.orders(one):
            self.place(one, BUY, size, price_down(one, book.best(BUY) * 995 // 1000))
        elif len(self.orders(one)) == 1 and self.orders(one)[0].open:
            self.enter(one, BUY, size, price_up(one, book.best(SELL) * 1001 // 1000))

    def on_fill(self, fill: Any) -> None:
        """As a strategy with an error does."""
        raise KeyError(fill.instrument)

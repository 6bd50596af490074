"""A strategy that places one order with a timeout, far from the best price, and does nothing more."""

from engine.model.words import BUY
from engine.strategy.book import Book
from engine.strategy.strategy import Strategy
from engine.strategy.units import price_down, size_of

TIMEOUT_NS = 4_000_000_000


class Resting(Strategy):
    """Leaves its order to execution."""

    asked = False

    def on_book(self, book: Book) -> None:
        """Place it once in a life."""
        if not self.asked:
            price = price_down(book.instrument, book.best(BUY) * 995 // 1000)
            size = size_of(book.instrument, "0.001")
            self.asked = self.place(book.instrument, BUY, size, price, timeout_ns=TIMEOUT_NS) is not None

"""A strategy that takes a position, rests orders around it, makes one smaller in place, and closes everything."""

from engine.model.words import BUY, SELL
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, size_of

PARTS = 20  # of the position


class Leaving(Strategy):
    """Does it once in its life."""

    def on_start(self) -> None:
        """Nothing was done."""
        self.stage = 0
        self.rested: int | None = None

    def on_book(self, book: Book) -> None:
        """One stage after the other."""
        one, size = book.instrument, size_of(book.instrument, "0.1")
        if self.stage == 0 and self.position(one) >= size // 2:
            self.rested = self.place(one, BUY, size, price_down(one, book.best(BUY) * 995 // 1000))
            self.place(one, SELL, size // PARTS, price_down(one, book.best(BUY) * 1005 // 1000))
            self.stage += self.rested is not None
        elif self.stage == 0 and not self.orders(one):
            self.enter(one, BUY, size, price_down(one, book.best(SELL) * 1001 // 1000))
        elif self.stage == 1 and self.rested is not None:
            order = next((order for order in self.orders(one) if order.intent_id == self.rested and order.open), None)
            if order is not None and self.replace(self.rested, order.price, size // 2) == self.rested:
                self.stage = 2
        elif self.stage == 2 and any(order.size == size // 2 for order in self.orders(one)):
            self.stage = 3
            self.close(one, parameters={"slice": size // PARTS})

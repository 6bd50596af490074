"""The strategy of a rehearsal (see `rehearsal.pyx`): its hooks run the code that hooks of most strategies run."""

from typing import TYPE_CHECKING

from engine.model.words import BUY
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy

if TYPE_CHECKING:
    from engine.strategy.api.rows import Print

FAR_BPS = 100


class Understudy(Strategy):
    """Submits one order at every book and at every print, as whole numbers and attributes of its own make it."""

    turn = 0

    def on_book(self, book: Book) -> None:
        """An order at a price computed from the book."""
        self.turn = (self.turn + 1) % 2
        if book.spread > 0:
            step = book.instrument.price_step
            price = book.best(BUY) * (10_000 - FAR_BPS) // 10_000 // step * step
            self.enter(book.instrument, BUY, 1 + self.turn, price, signal=book.imbalance)

    def on_print(self, print_: "Print") -> None:
        """An order at the price of the print."""
        self.turn = (self.turn + 1) % 2
        instrument = self.instruments[print_.instrument]
        if hasattr(self, "turn") and not self.position(instrument):
            self.enter(instrument, print_.side, 1 + self.turn, print_.price)

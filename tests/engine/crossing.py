"""Two strategies of one account that trade one instrument in opposite directions all the time."""

from abc import ABC, abstractmethod
from typing import ClassVar

from engine.model.words import BUY, SELL, OrderType
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import size_of

MS = 1_000_000
SCHEDULE = {"duration_ms": 2_000, "slices": 10}


class Crossing(Strategy, ABC):
    """Submits one order in each period, whatever became of the last one."""

    period_ns: ClassVar[int]
    next_ns = 0

    def on_book(self, book: Book) -> None:
        """Submit the order of this period."""
        if self.now_ns >= self.next_ns:
            self.next_ns = self.now_ns + self.period_ns
            self.submit(book)

    @abstractmethod
    def submit(self, book: Book) -> None:
        """Submit one order."""


class Buying(Crossing):
    """Buys 0.01 by a TWAP in two seconds."""

    period_ns = 2_000 * MS

    def submit(self, book: Book) -> None:
        """Submit the next schedule."""
        size = size_of(book.instrument, "0.01")
        self.place(book.instrument, BUY, size, 0, algorithm="twap", parameters=SCHEDULE)


class Selling(Crossing):
    """Sells 0.0004 at the market every 100 ms: in all less than the other one buys, because a spot account holds it."""

    period_ns = 100 * MS

    def submit(self, book: Book) -> None:
        """Submit the next market order."""
        self.place(book.instrument, SELL, size_of(book.instrument, "0.0004"), 0, order_type=OrderType.MARKET)

"""Strategies that leave their orders to execution: one far from the best price, and one chase after the other."""

import os
from typing import Any

from engine.model.words import BUY
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, size_of

TIMEOUT_NS = 4_000_000_000


class Resting(Strategy):
    """Leaves its order to execution."""

    asked = False
    timeout_ns = TIMEOUT_NS

    def on_book(self, book: Book) -> None:
        """Place it once in a life."""
        if not self.asked:
            price = price_down(book.instrument, book.best(BUY) * 995 // 1000)
            size = size_of(book.instrument, "0.001")
            self.asked = self.place(book.instrument, BUY, size, price, timeout_ns=self.timeout_ns) is not None

    def on_refusal(self, verdict: Any) -> None:
        """Once more: execution may still be comparing with the venue."""
        del verdict
        self.asked = False


class Lasting(Resting):
    """Leaves it until it is cancelled by another."""

    timeout_ns = 0


class Hanging(Lasting):
    """Never returns from a hook once the file that its test names exists."""

    def on_book(self, book: Book) -> None:
        """Place the order, then hang."""
        super().on_book(book)
        while os.path.exists(os.environ["HANG_FILE"]):
            pass


class Everywhere(Strategy):
    """Leaves one order at each of its instruments, in each life."""

    def on_start(self) -> None:
        """Nothing is placed yet."""
        self.asked: set[int] = set()

    def on_book(self, book: Book) -> None:
        """Place it where it is not placed yet."""
        one = book.instrument
        if one.id not in self.asked:
            price = price_down(one, book.best(BUY) * 995 // 1000)
            if self.place(one, BUY, size_of(one, "0.001"), price) is not None:
                self.asked.add(one.id)

    def on_refusal(self, verdict: Any) -> None:
        """Once more: execution may still be comparing with the venue."""
        self.asked.discard(verdict.instrument)


class Chasing(Strategy):
    """Places a chase whenever none of its orders is open."""

    def on_book(self, book: Book) -> None:
        """Place the next."""
        if not self.orders(book.instrument):
            cap = price_down(book.instrument, book.best(BUY) * 1005 // 1000)
            size = size_of(book.instrument, "0.001")
            self.place(book.instrument, BUY, size, cap, algorithm="chase", timeout_ns=TIMEOUT_NS)

"""Strategies that no replay can repeat: they ask chance, or the clock of the wall."""

import random
import time

from engine.strategy import BUY, Book, Strategy


class Moody(Strategy):
    """Buys a size that it draws."""

    def on_book(self, book: Book) -> None:
        """Place one order at a time, far below the market."""
        if not self.orders(book.instrument):
            self.place(book.instrument, BUY, self.draw() * 1_000, book.best_bid - 1_000)

    def draw(self) -> int:
        """A number that the next run does not draw."""
        return random.SystemRandom().randrange(1, 1 << 20)


class Late(Moody):
    """Buys a size that the time of day gives."""

    def draw(self) -> int:
        """A number that depends on when it is asked."""
        return time.time_ns() % (1 << 20) + 1

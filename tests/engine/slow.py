"""A strategy whose hook computes for a long time."""

import time

from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy

SECONDS = 1.5


class Slow(Strategy):
    """Computes at every book."""

    def on_book(self, book: Book) -> None:
        """As a regression over a year of data does."""
        del book
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            pass

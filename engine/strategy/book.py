"""What a strategy sees of a book: one object an instrument, kept for good, filled anew from each record.

The figures every decision starts from are plain attributes; the levels stay in the record until someone asks. A
strategy that wants to remember a figure keeps the figure, not the book.
"""

from typing import Any

from engine.model.instrument import Instrument
from engine.model.words import BUY, BookState


class Book:
    """The best levels of one instrument, exact in its decimals. Only a `good` book may be acted on."""

    __slots__ = ("best_ask", "best_bid", "good", "imbalance", "instrument", "row", "state")

    def __init__(self, instrument: Instrument) -> None:
        """Begin empty: nothing is known yet."""
        self.instrument = instrument
        self.state = int(BookState.EMPTY)
        self.good = False  # state is GOOD and both sides are there
        self.best_bid = self.best_ask = 0
        self.imbalance = 0.0  # (bid size - ask size) / both, over the levels held; 0 when a side is empty
        self.row: Any = None  # the BOOK_TOP record, whole

    def take(self, row: Any) -> None:
        """Become what a record says."""
        self.row = row
        self.state = row.state
        self.best_bid, self.best_ask = row.bid_price[0], row.ask_price[0]
        two_sided = row.bids > 0 and row.asks > 0
        self.good = two_sided and row.state == GOOD
        self.imbalance = row.imbalance if two_sided else 0.0

    @property
    def spread(self) -> int:
        """Best ask minus best bid."""
        return self.best_ask - self.best_bid

    @property
    def mid_twice(self) -> int:
        """Twice the middle price: the middle itself may lie between two fixed-point numbers."""
        return self.best_ask + self.best_bid

    def best(self, side: int) -> int:
        """The best price of a side: BUY is the bids."""
        return self.best_bid if side == BUY else self.best_ask

    def levels(self, side: int) -> tuple[tuple[int, int], ...]:
        """(price, size) from the best on: BUY is the bids."""
        row = self.row
        if side == BUY:
            return tuple(zip(row.bid_price[: row.bids], row.bid_size[: row.bids], strict=True))
        return tuple(zip(row.ask_price[: row.asks], row.ask_size[: row.asks], strict=True))


GOOD = int(BookState.GOOD)  # a plain number: comparing with the enumeration costs five times as much

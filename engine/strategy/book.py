"""What a strategy sees of a book: one object an instrument, kept for good, the newest record laid under it.

Reading a property costs one tuple access; nothing is copied and nothing is made when a book changes. A strategy that
wants to remember a figure keeps the figure, not the book.
"""

import math
from typing import Any

from engine.model.instrument import Instrument
from engine.model.words import BUY, BookState


class Book:
    """The best levels of one instrument, exact in its decimals. Only a GOOD book may be acted on."""

    __slots__ = ("instrument", "row")

    def __init__(self, instrument: Instrument) -> None:
        """Begin empty: nothing is known yet."""
        self.instrument = instrument
        self.row: Any = None  # the BOOK_TOP record, whole

    @property
    def state(self) -> int:
        """What may be believed of it: a `BookState`."""
        return BookState.EMPTY if self.row is None else int(self.row.state)

    @property
    def good(self) -> bool:
        """True when it may be traded on and both sides are there."""
        row = self.row
        return row is not None and row.state == BookState.GOOD and row.bids > 0 and row.asks > 0

    @property
    def best_bid(self) -> int:
        """The best bid's price."""
        return int(self.row.bid_price[0])

    @property
    def best_ask(self) -> int:
        """The best ask's price."""
        return int(self.row.ask_price[0])

    @property
    def spread(self) -> int:
        """Best ask minus best bid."""
        return self.best_ask - self.best_bid

    @property
    def mid_twice(self) -> int:
        """Twice the middle price: the middle itself may lie between two fixed-point numbers."""
        return self.best_ask + self.best_bid

    @property
    def imbalance(self) -> float:
        """(bid size - ask size) / both, over the levels held; 0 when a side is empty."""
        value = float(self.row.imbalance)
        return 0.0 if math.isnan(value) else value

    def best(self, side: int) -> int:
        """The best price of a side: BUY is the bids."""
        return self.best_bid if side == BUY else self.best_ask

    def levels(self, side: int) -> tuple[tuple[int, int], ...]:
        """(price, size) from the best on: BUY is the bids."""
        row = self.row
        if side == BUY:
            return tuple(zip(row.bid_price[: row.bids], row.bid_size[: row.bids], strict=True))
        return tuple(zip(row.ask_price[: row.asks], row.ask_size[: row.asks], strict=True))

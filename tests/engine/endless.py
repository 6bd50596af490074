"""A strategy for the tests whose hook does not return once a file exists, and that goes on submitting."""

import os
from pathlib import Path
from time import monotonic

from engine.model.words import BUY, TimeInForce
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, size_for

RESTING, FLOOD = 20, 3_000  # orders that are open; intents at once: a lane holds 4,096
TURN_S = 0.002  # between two intents in the endless loop
HANG, FLOODS = "hang", "flood"  # files in the run directory
RISK = """max_order_rate_per_min = 1000000
max_intent_age_ns = 3_600_000_000_000 # in a hook that does not return the time does not advance
max_book_age_ns = 3_600_000_000_000"""


class Endless(Strategy):
    """Orders that rest far from the market; in the endless loop one entry after the other, and a flood on request."""

    def on_start(self) -> None:
        """Where the files are."""
        place = Path(os.environ["STEELYARD_RUN_DIRECTORY"])
        self.hang, self.flood = place / HANG, place / FLOODS

    def on_book(self, book: Book) -> None:
        """Keep some orders open, or hang."""
        self.one = book.instrument
        self.price = price_down(self.one, book.best(BUY) * 98 // 100)
        for _ in range(RESTING - len(self.orders(self.one))):
            self.submit(TimeInForce.GTC)
        if self.hang.exists():
            self.never_return()

    def never_return(self) -> None:
        """Submit for ever."""
        next_s, flooded = monotonic(), False
        while True:
            if monotonic() > next_s:
                next_s = monotonic() + TURN_S
                self.submit(TimeInForce.IOC)
            if not flooded and self.flood.exists():
                flooded = True
                for _ in range(FLOOD):
                    self.submit(TimeInForce.IOC)

    def submit(self, time_in_force: TimeInForce) -> None:
        """One order that does not fill."""
        size = size_for(self.one, "50", self.price)
        self.place(self.one, BUY, size, self.price, time_in_force=time_in_force, ttl_ns=3_600_000_000_000)

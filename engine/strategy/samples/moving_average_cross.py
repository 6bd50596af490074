"""Holds one size while the fast mean of the closes is over the slow one: it shows bars, not a way to earn money.

    bars of `interval_ms` ─▶ fast and slow mean ─▶ fast over slow and flat: buy      fast not over slow and long: sell

The orders cross at the next good book, at most `slip_bps` beyond its best price. The engine updates both means,
restores them after a restart, and begins them again after a gap in the bars: until both are ready nothing is decided.
"""

from typing import Annotated

import msgspec

from engine.model.words import BUY, SELL
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, price_up, size_of
from engine.strategy.inputs import sma

Count = Annotated[int, msgspec.Meta(ge=1, le=10_000, extra={"unit": "bars"})]


class MovingAverageCross(Strategy):
    """Two means of the closes of each instrument."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`size` is decimal text in the base currency."""

        size: str
        interval_ms: Annotated[int, msgspec.Meta(ge=1, description="of the bars that are used", extra={"unit": "ms"})]
        fast: Count = 5
        slow: Count = 20
        slip_bps: Annotated[float, msgspec.Meta(ge=0.0, le=500.0, extra={"unit": "bp"})] = 5.0

        def __post_init__(self) -> None:
            """Refuse a fast mean that is not the faster one."""
            if self.fast >= self.slow:
                msg = f"fast must be below slow, was {self.fast} with slow {self.slow}"
                raise ValueError(msg)

    parameters: Parameters
    fast_mean = sma("fast", bars="interval_ms")
    slow_mean = sma("slow", bars="interval_ms")

    def on_start(self) -> None:
        """Read the size for each instrument."""
        self.sizes = {one.id: size_of(one, self.parameters.size) for one in self.instruments.values()}

    def on_book(self, book: Book) -> None:
        """Bring the position to what the means say, one order at a time."""
        one = book.instrument
        fast, slow = self.fast_mean[one], self.slow_mean[one]
        if not slow.ready or self.orders(one):
            return
        long = fast.value > slow.value
        slip = self.parameters.slip_bps / 10_000
        if long and self.position(one) <= 0:
            self.enter(one, BUY, self.sizes[one.id], price_up(one, round(book.best(SELL) * (1 + slip))))
        elif not long and self.position(one) > 0:
            self.exit(one, price_down(one, round(book.best(BUY) * (1 - slip))))

"""Holds one size while the fast mean of the closes is over the slow one: it shows bars, not a way to earn money.

    bars of `interval_ms` ─▶ fast and slow mean ─▶ fast over slow and flat: buy      fast not over slow and long: sell

The orders cross at the next good book, at most `slip_bps` beyond its best price. A gap in the bars begins both means
again: a mean over a gap is of another time.
"""

from typing import Annotated

import msgspec

from engine.indicators import Sma
from engine.model.words import BUY, SELL
from engine.strategy.api.book import Book
from engine.strategy.api.rows import Bar
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, price_up, size_of

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

    def on_start(self) -> None:
        """Begin both means of each instrument; no position is held before both are known."""
        self.sizes = {one.id: size_of(one, self.parameters.size) for one in self.instruments.values()}
        self.long: dict[int, bool] = {}
        self.on_bars_lost()

    def on_bars_lost(self) -> None:
        """Begin the means again."""
        one = self.parameters
        self.means = {number: (Sma(one.fast), Sma(one.slow)) for number in self.instruments}

    def on_bar(self, bar: Bar) -> None:
        """Add the close, and decide."""
        if bar.interval_ns != self.parameters.interval_ms * 1_000_000 or not bar.close:
            return
        fast, slow = (mean.update(float(bar.close)) for mean in self.means[bar.instrument])
        if slow == slow:  # not NaN: the slow mean has all its bars  # noqa: PLR0124
            self.long[bar.instrument] = fast > slow

    def on_book(self, book: Book) -> None:
        """Bring the position to what the means say, one order at a time."""
        one, long = book.instrument, self.long.get(book.instrument.id)
        if long is None or self.orders(one):
            return
        slip = self.parameters.slip_bps / 10_000
        if long and self.position(one) <= 0:
            self.enter(one, BUY, self.sizes[one.id], price_up(one, round(book.best(SELL) * (1 + slip))))
        elif not long and self.position(one) > 0:
            self.exit(one, price_down(one, round(book.best(BUY) * (1 - slip))))

"""Buys one size over the venues of a route and sells it again: it shows the router, not a way to earn money.

    every `interval_ms`, when no order works:    flat ─▶ buy `size`          long ─▶ sell what is held

Its instruments are those of one route of the table [router], and it names the first of them: the router splits the
order over all. A sale is reduce-only, so each account sells at most what it holds.
"""

from typing import Annotated

import msgspec

from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, price_up, size_down, size_of


class RoundTrip(Strategy):
    """One position over several accounts."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`size` is decimal text in the base currency."""

        size: str
        slip_bps: Annotated[float, msgspec.Meta(ge=0.0, le=500.0)] = 20.0  # how far beyond the best price it may trade
        interval_ms: Annotated[int, msgspec.Meta(ge=1)] = 500
        timeout_ms: Annotated[int, msgspec.Meta(ge=1)] = 5_000

    parameters: Parameters

    def on_start(self) -> None:
        """Ask for the timer."""
        self.timer_ns = self.parameters.interval_ms * 1_000_000

    def on_timer(self, now_ns: int) -> None:
        """Buy, or sell what is held, unless an order works."""
        del now_ns
        if any(self.orders(one) for one in self.instruments.values()):
            return
        held, least = self.held(), size_of(self.named, self.parameters.size)
        if held >= least // 2:
            self.submit(SELL, min(held, least))
        else:
            self.submit(BUY, least)

    @property
    def named(self) -> Instrument:
        """The instrument that names the route."""
        return next(iter(self.instruments.values()))

    def held(self) -> int:
        """What is held at all venues, in the named instrument's decimals and whole steps."""
        decimals = self.named.size_decimals
        sizes = [self.position(one) * 10**decimals // 10**one.size_decimals for one in self.instruments.values()]
        return size_down(self.named, sum(sizes))

    def submit(self, side: int, size: int) -> None:
        """Submit the order to the router, if the named venue shows a price."""
        book = self.books[self.named.id]
        if not book.good:
            return
        slip = 1 + side * self.parameters.slip_bps / 10_000
        price = (price_up if side == BUY else price_down)(self.named, round(book.best(-side) * slip))
        self.place(
            self.named, side, size, price, algorithm="route", timeout_ns=self.parameters.timeout_ms * 1_000_000,
            reduce_only=side == SELL,
        )  # fmt: skip

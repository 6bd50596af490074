"""Trades one asset pair at two venues when their prices differ: it shows two legs, not a way to earn money.

    gap = (best bid of the dearer venue - best ask of the cheaper one) / that ask, in basis points

    flat, gap ≥ `entry_bps`       sell at the dearer venue, buy at the cheaper one, both at once
    hedged, gap ≤ `exit_bps`      close both legs; the gap is that of the venues as they were at the entry
    one leg is not filled         what the other leg holds alone is closed, then nothing for `pause_ms`

Each leg is an immediate-or-cancel order, at most `slip_bps` beyond the best price. Nothing is decided while an order
works, or without a good book at each venue. The account at the dearer venue sells what the strategy does not hold: on
spot it must have the asset, or borrow it.
"""

from typing import Annotated

import msgspec

from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import orderable, price_down, price_up, size_of

Bps = Annotated[float, msgspec.Meta(ge=-10_000.0, le=10_000.0, extra={"unit": "bp"})]
SAME = ("base", "quote", "kind", "multiplier", "price_decimals", "size_decimals")
MS = 1_000_000


class VenueSpread(Strategy):
    """One hedged position over two venues."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`size` is decimal text in the base currency, of each leg."""

        size: str
        entry_bps: Bps = 10.0
        exit_bps: Bps = 0.0
        slip_bps: Annotated[float, msgspec.Meta(ge=0.0, le=500.0, extra={"unit": "bp"})] = 5.0
        pause_ms: Annotated[int, msgspec.Meta(ge=0)] = 1_000

        def __post_init__(self) -> None:
            """Refuse an exit that an entry fulfils: it would leave at once."""
            if self.exit_bps >= self.entry_bps:
                msg = f"exit_bps must be below entry_bps, was {self.exit_bps} with entry_bps {self.entry_bps}"
                raise ValueError(msg)

    parameters: Parameters

    def on_start(self) -> None:
        """Check the two venues."""
        legs = tuple(self.instruments.values())
        if len(legs) != 2 or legs[0].venue == legs[1].venue:  # noqa: PLR2004 - a pair
            found = ", ".join(f"{one.symbol} at {one.venue}" for one in legs)
            msg = f"VenueSpread: found {found}, expected one asset pair at two venues: list two instruments"
            raise ValueError(msg)
        for name in SAME:
            if getattr(legs[0], name) != getattr(legs[1], name):
                found = f"{name} {getattr(legs[0], name)!r} and {getattr(legs[1], name)!r}"
                raise ValueError(f"VenueSpread: found {found}, expected the same at both venues")
        self.legs, self.pause_until_ns = legs, 0
        self.sizes = {one.id: size_of(one, self.parameters.size) for one in legs}

    def on_book(self, book: Book) -> None:
        """Repair, exit or enter, one decision at a time."""
        del book
        one, other = self.legs
        if self.orders(one) or self.orders(other) or not (self.books[one.id].good and self.books[other.id].good):
            return
        if self.repair(one, other):
            return
        held = self.position(one)
        if self.is_worth(one, held):
            dear, cheap = (one, other) if held < 0 else (other, one)
            if self.gap_bps(dear, cheap) <= self.parameters.exit_bps:
                self.exit_both()
        elif self.now_ns >= self.pause_until_ns:
            self.enter_at(one, other) or self.enter_at(other, one)

    def gap_bps(self, dear: Instrument, cheap: Instrument) -> float:
        """What a sale at one venue brings over a purchase at the other."""
        ask = self.books[cheap.id].best(SELL)
        return (self.books[dear.id].best(BUY) - ask) / ask * 10_000

    def enter_at(self, dear: Instrument, cheap: Instrument) -> bool:
        """Submit both legs, if the gap is wide enough."""
        if self.gap_bps(dear, cheap) < self.parameters.entry_bps:
            return False
        self.enter(dear, SELL, self.sizes[dear.id], self.protective(dear, SELL))
        self.enter(cheap, BUY, self.sizes[cheap.id], self.protective(cheap, BUY))
        return True

    def exit_both(self) -> None:
        """Close both legs."""
        for one in self.legs:
            self.exit(one, self.protective(one, SELL if self.position(one) > 0 else BUY))

    def repair(self, one: Instrument, other: Instrument) -> bool:
        """Close what one leg holds and the other does not; False when both legs are of one size."""
        alone = self.position(one) + self.position(other)
        side = SELL if alone > 0 else BUY
        leg = one if self.position(one) * alone > self.position(other) * alone else other
        size = orderable(leg, abs(alone), self.protective(leg, side))
        if not size:
            return False
        self.pause_until_ns = self.now_ns + self.parameters.pause_ms * MS
        self.enter(leg, side, size, self.protective(leg, side))
        return True

    def is_worth(self, one: Instrument, held: int) -> bool:
        """Whether a position is more than the dust of a fee."""
        return bool(held and orderable(one, abs(held), self.protective(one, SELL if held > 0 else BUY)))

    def protective(self, one: Instrument, side: int) -> int:
        """The worst price of an order: `slip_bps` beyond the best of the other side."""
        price = round(self.books[one.id].best(-side) * (1 + side * self.parameters.slip_bps / 10_000))
        return price_up(one, price) if side == BUY else price_down(one, price)

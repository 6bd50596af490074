"""A strategy to begin with: it buys while the book leans up, and sells what it holds while the book leans down."""

from typing import Annotated

import msgspec

from engine.strategy import BUY, SELL, Book, Strategy, size_of

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Follow(Strategy):
    """Follows the imbalance of the book, with one order at a time."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """Sizes are decimal text in the base currency."""

        size: str
        position_max: str  # the position at which it stops buying
        imbalance: Share = 0.05  # how far the book must lean, from 0 to 1

    parameters: Parameters

    def on_start(self) -> None:
        """Read the exact sizes once for each instrument."""
        self.sizes = {one.id: size_of(one, self.parameters.size) for one in self.instruments.values()}
        self.most = {one.id: size_of(one, self.parameters.position_max) for one in self.instruments.values()}

    def on_book(self, book: Book) -> None:
        """Submit an intent at the other side's best price; risk turns it into an order or refuses it."""
        instrument = book.instrument
        if self.orders(instrument):
            return
        size, held = self.sizes[instrument.id], self.position(instrument)
        if book.imbalance > self.parameters.imbalance and held + size <= self.most[instrument.id]:
            self.enter(instrument, BUY, size, book.best(SELL))
        elif book.imbalance < -self.parameters.imbalance and held > 0:
            self.exit(instrument, book.best(BUY))

"""A strategy with one order that rests far below the market, for tests that cancel it or move it."""

import msgspec

from engine.strategy import BUY, Book, Strategy, price_of, size_for


class Resting(Strategy):
    """Keeps one order at its price."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`price` is decimal text."""

        price: str

    parameters: Parameters

    def on_parameters(self, changed: tuple[str, ...]) -> None:
        """Place again at the new price."""
        del changed
        for instrument in self.instruments.values():
            self.cancel_all(instrument)

    def on_book(self, book: Book) -> None:
        """Keep one order."""
        if not self.orders(book.instrument):
            price = price_of(book.instrument, self.parameters.price)
            self.place(book.instrument, BUY, size_for(book.instrument, "20", price), price)

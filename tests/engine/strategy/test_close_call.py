"""`close` of a strategy: one intent that execution works, and until it ends an order that covers the position."""

from engine.model import algorithms
from engine.model.words import BUY, SELL
from engine.strategy import Book, Strategy
from engine.strategy.harness import BITCOIN, Harness


class Leaver(Strategy):
    """Buys once, then closes and exits at every book."""

    def on_book(self, book: Book) -> None:
        """Buy first."""
        if not self.position(book.instrument):
            self.enter(book.instrument, BUY, 100, 1_010)
            return
        self.close(book.instrument, 900, parameters={"slice": 40})
        self.exit(book.instrument, 900)


EVEN = {"bids": [("10.00", "1")], "asks": [("10.10", "1")]}


def test_close_submits_one_intent_and_exit_leaves_it_the_position() -> None:
    """A position that is sold twice is a short."""
    harness = Harness(Leaver, {})
    [bought] = harness.book(**EVEN)
    harness.fill(bought)
    [closing] = harness.book(**EVEN)
    assert (algorithms.name_of(closing.algorithm), closing.side, closing.size, closing.price) == ("close", SELL, 0, 900)
    assert tuple(closing.parameters)[:2] == (0, 40)
    [order] = harness.strategy.orders(BITCOIN)
    assert (order.intent_id, order.size, order.side) == (closing.intent_id, 100, SELL)

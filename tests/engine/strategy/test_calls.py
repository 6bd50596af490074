"""`close` and `replace` of a strategy: which intents they submit, and what the strategy believes meanwhile."""

import pytest

from engine.model import algorithms
from engine.model.words import BUY, SELL, IntentKind
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


class Smaller(Strategy):
    """Rests an order, then replaces it by the parameters of the test."""

    at = (0, 0)
    answer = None

    def on_book(self, book: Book) -> None:
        """Rest first."""
        orders = self.orders(book.instrument)
        if not orders:
            self.place(book.instrument, BUY, 100, 990)
        else:
            self.answer = self.replace(orders[0].intent_id, *self.at)


@pytest.mark.parametrize(("price", "size", "kind"), [
    (990, 60, IntentKind.AMEND), (990, 120, IntentKind.REPLACE), (991, 60, IntentKind.REPLACE),
    (990, 100, IntentKind.REPLACE),
])  # fmt: skip
def test_replace_by_a_smaller_size_alone_keeps_the_order(price: int, size: int, kind: IntentKind) -> None:
    """A new order would be at the end of the queue."""
    harness = Harness(Smaller, {})
    [placed] = harness.book(**EVEN)
    harness.rest(placed)
    harness.strategy.at = (price, size)
    [intent] = harness.book(**EVEN)
    assert (intent.kind, intent.target_id, intent.size) == (kind, placed.intent_id, size)
    assert harness.strategy.answer == (placed.intent_id if kind == IntentKind.AMEND else intent.intent_id)

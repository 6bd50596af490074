"""What Follow submits, without a venue: python -m unittest runs it."""

import unittest

from follow import Follow

from engine.strategy import BUY, SELL, size_of
from engine.strategy.harness import BITCOIN, Harness

LEANS_UP = {"bids": [("60000.00", "9")], "asks": [("60000.01", "1")]}
LEANS_DOWN = {"bids": [("60000.00", "1")], "asks": [("60000.01", "9")]}
PARAMETERS = {"size": "0.001", "position_max": "0.002"}


class TestFollow(unittest.TestCase):
    """One instrument, BTCUSDT."""

    def setUp(self) -> None:
        """Start the strategy."""
        self.harness = Harness(Follow, PARAMETERS)

    def test_it_buys_at_the_best_ask_while_the_book_leans_up(self) -> None:
        """An even book is no reason to trade."""
        assert self.harness.book([("60000.00", "5")], [("60000.01", "5")]) == []
        [intent] = self.harness.book(**LEANS_UP)
        assert (intent.side, intent.price, intent.size) == (BUY, 6_000_001, size_of(BITCOIN, "0.001"))

    def test_it_has_one_order_at_a_time(self) -> None:
        """A second order before the answer to the first would double the risk."""
        [intent] = self.harness.book(**LEANS_UP)
        self.harness.rest(intent)
        assert self.harness.book(**LEANS_UP) == []

    def test_it_stops_at_its_largest_position(self) -> None:
        """The risk gate has a cap of its own; a strategy that relies on it fills the log with refusals."""
        for _ in range(2):
            [intent] = self.harness.book(**LEANS_UP)
            self.harness.fill(intent)
        assert self.harness.book(**LEANS_UP) == []

    def test_it_sells_what_it_holds_while_the_book_leans_down(self) -> None:
        """It never sells more than it holds."""
        assert self.harness.book(**LEANS_DOWN) == []
        [bought] = self.harness.book(**LEANS_UP)
        self.harness.fill(bought)
        [sold] = self.harness.book(**LEANS_DOWN)
        assert (sold.side, sold.size) == (SELL, bought.size)


if __name__ == "__main__":
    unittest.main()

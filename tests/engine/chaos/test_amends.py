"""The world's taker makes its resting orders smaller in place: every invariant holds through every mishap."""

import pytest

import shm
from engine.chaos.world import World
from engine.model.words import BUY
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import price_down, size_of
from tests.engine.chaos.runs import opened

SECONDS, PAUSE_NS, MOST_ORDERS = 3.0, 5_000_000, 2


class Smaller(Strategy):
    """Rests orders below the market, and takes a quarter off one of them again and again."""

    asked_ns = 0

    def on_book(self, book: Book) -> None:
        """Make the oldest smaller, or rest another."""
        one = book.instrument
        if self.now_ns < self.asked_ns + PAUSE_NS:
            return
        self.asked_ns = self.now_ns
        orders = self.orders(one)
        if len(orders) < MOST_ORDERS:
            self.place(one, BUY, size_of(one, "0.04"), price_down(one, book.best(BUY) * 9995 // 10000))
            return
        oldest = orders[0]
        size = oldest.size * 3 // 4
        if self.replace(oldest.intent_id, oldest.price, size - size % one.size_step) is None:
            self.cancel(oldest.intent_id)


class Amends(World):
    """A world whose taker amends."""

    def make_strategy(self, name: str) -> Strategy:
        """The taker amends, the maker is as ever."""
        if name != "taker":
            return super().make_strategy(name)
        return Smaller(tuple(one for one in self.instruments if one.symbol == "ETHUSDT"), None)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 100))])
def test_the_invariants_hold_with_amends_at_work(seed: int) -> None:
    """A size that only one side believes is an exposure that risk counts wrongly."""
    with opened(Amends, seed) as made:
        orders = made.lanes.reader("orders")
        made.run(SECONDS)
        made.settle()
        made.check_end()
        sizes: dict[bytes, list[int]] = {}
        for row in orders.rows():
            if not isinstance(row, shm.Lapped):
                sizes.setdefault(row.client_id, []).append(row.size)
        assert all(found == sorted(found, reverse=True) for found in sizes.values()), "an amend only lowers a size"
        assert seed != 1 or any(len(set(found)) > 1 for found in sizes.values())

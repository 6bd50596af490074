"""The book of orders against lists in Python: each order's place in its queue, and the levels."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.book import OrderBook

NUMBERS = st.sampled_from([*range(1, 12), 1 << 64, (1 << 64) + 1, (1 << 128) - 1])
PRICES = st.integers(98, 103)
SIZES = st.integers(1, 9)
SIDES = st.sampled_from([1, -1])
STAMPS = st.integers(0, 3)
CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))


class Queues(RuleBasedStateMachine):
    """Whatever comes in whatever order, queues, places and levels are those of plain lists."""

    def __init__(self) -> None:
        """Both empty."""
        super().__init__()
        self.book = OrderBook(order_limit=10)
        self.queues: dict[tuple[int, int], list[list[int]]] = {}

    def found(self, number: int) -> tuple[tuple[int, int], list[int]] | None:
        """Where the oracle has an order."""
        for place, queue in self.queues.items():
            for order in queue:
                if order[0] == number:
                    return place, order
        return None

    def drop(self, place: tuple[int, int], order: list[int]) -> None:
        """The oracle forgets an order."""
        self.queues[place].remove(order)
        if not self.queues[place]:
            del self.queues[place]

    def join(self, place: tuple[int, int], order: list[int]) -> None:
        """The oracle's order comes after all others except those with later stamps."""
        queue = self.queues.setdefault(place, [])
        at = len(queue)
        while at and queue[at - 1][2] > order[2]:
            at -= 1
        queue.insert(at, order)

    @rule(number=NUMBERS, side=SIDES, price=PRICES, size=SIZES, stamp=STAMPS)
    def add(self, number: int, side: int, price: int, size: int, stamp: int) -> None:
        """An order joins after those that are not later; a known order, or one too many, does not join."""
        full = sum(len(queue) for queue in self.queues.values()) == 10
        expected = self.found(number) is None and not full
        if expected:
            self.join((side, price), [number, size, stamp])
        assert self.book.add(number, side, price, size, stamp) == expected

    @rule(number=NUMBERS, size=SIZES)
    def take(self, number: int, size: int) -> None:
        """Never more than there is."""
        found = self.found(number)
        expected = found is not None and size <= found[1][1]
        if found is not None and expected:
            found[1][1] -= size
            if not found[1][1]:
                self.drop(*found)
        assert self.book.match(number, size) == expected

    @rule(number=NUMBERS, price=PRICES, size=st.integers(0, 9), stamp=STAMPS)
    def change(self, number: int, price: int, size: int, stamp: int) -> None:
        """Smaller keeps the place, larger or elsewhere loses it, nothing left leaves."""
        found = self.found(number)
        if found is not None:
            (side, old_price), order = found
            if size and price == old_price and size <= order[1]:
                order[1] = size
            else:
                self.drop(*found)
                if size:
                    self.join((side, price), [number, size, stamp])
        assert self.book.change(number, price, size, stamp) == (found is not None)

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        """Only what is there leaves."""
        found = self.found(number)
        if found is not None:
            self.drop(*found)
        assert self.book.remove(number) == (found is not None)

    @rule(depth=st.integers(0, 4))
    def truncate(self, depth: int) -> None:
        """Every level beyond a depth goes with all its orders."""
        for side in (1, -1):
            prices = sorted((price for s, price in self.queues if s == side), reverse=side > 0)
            for price in prices[depth:]:
                del self.queues[side, price]
        self.book.truncate(depth)

    @rule()
    def clear(self) -> None:
        """A snapshot begins with nothing."""
        self.queues.clear()
        self.book.clear()

    @invariant()
    def same(self) -> None:
        """Orders, places and levels."""
        assert self.book.count() == sum(len(queue) for queue in self.queues.values())
        for side in (1, -1):
            for price in range(97, 105):
                expected = self.queues.get((side, price), [])
                assert self.book.queue(side, price) == [(number, size) for number, size, _ in expected]
                for place, (number, size, _) in enumerate(expected):
                    assert self.book.order(number) == (side, price, size)
                    assert self.book.ahead(number) == (place, sum(order[1] for order in expected[:place]))
            levels = {price: sum(o[1] for o in queue) for (s, price), queue in self.queues.items() if s == side}
            assert self.book.levels.top(side, 100) == sorted(levels.items(), reverse=side > 0)


TestQueues = Queues.TestCase
TestQueues.settings = settings(max_examples=150, stateful_step_count=60, deadline=None, print_blob=True)


def test_a_hundred_thousand_orders_come_and_go_and_every_queue_holds() -> None:
    """The tables grow while they are full of holes: no order may be lost in that, and none be found twice."""
    import random

    print("seed", 11)  # noqa: T201
    draw, book, alive = random.Random(11), OrderBook(), {}
    for _ in range(150_000):
        if alive and draw.random() < 0.4:
            number = draw.choice(list(alive)[:50]) if draw.random() < 0.01 else next(iter(alive))
            assert book.remove(number)
            del alive[number]
        number = draw.getrandbits(128)
        side, price, size = draw.choice((1, -1)), draw.randrange(1, 5000), draw.randrange(1, 10**12)
        assert book.add(number, side, price, size)
        alive[number] = side, price, size
    assert book.count() == len(alive)
    queues: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for number, (side, price, size) in alive.items():
        queues.setdefault((side, price), []).append((number, size))
    for (side, price), queue in queues.items():
        assert book.queue(side, price) == queue
    for side in (1, -1):
        levels = {price: sum(size for _, size in queue) for (s, price), queue in queues.items() if s == side}
        assert dict(book.levels.top(side, 10**6)) == levels


def test_a_level_whose_sum_would_not_fit_refuses_the_order_and_keeps_what_it_has() -> None:
    """A sum that wraps would be a level that the venue does not have."""
    book = OrderBook()
    assert book.add(1, 1, 100, 2**62)
    assert book.add(2, 1, 101, 2**62)
    assert not book.add(3, 1, 100, 2**62)
    assert not book.change(2, 100, 2**62)
    assert not book.change(1, 100, 2**63 - 1) or book.order(1) == (1, 100, 2**63 - 1)
    assert book.levels.top(1, 5)[0] == (101, 2**62)
    assert book.ahead(2) == (0, 0)


def test_at_the_limit_an_order_may_still_move() -> None:
    """The limit bounds memory; a change needs none."""
    book = OrderBook(order_limit=2)
    assert book.add(1, 1, 100, 5)
    assert book.add(2, 1, 100, 5)
    assert not book.add(3, 1, 100, 5)
    assert book.change(1, 99, 7)
    assert book.levels.top(1, 5) == [(100, 5), (99, 7)]


@pytest.mark.parametrize("number", [-1, 1 << 128])
def test_an_id_beyond_128_bits_is_refused_by_value(number: int) -> None:
    """Cut short it would be another order's."""
    with pytest.raises(ValueError, match="128 bits"):
        OrderBook().add(number, 1, 1, 1)


@pytest.mark.parametrize(("limit", "side"), [(0, 1), (1, 0), (1, 2)])
def test_nonsense_is_refused_by_value(limit: int, side: int) -> None:
    """A caller's mistake must not become an order."""
    with pytest.raises(ValueError, match="must be"):
        OrderBook(limit).add(1, side, 1, 1)


def test_a_book_that_is_cut_without_end_keeps_its_memory() -> None:
    """A window onto a market forgets as many orders as come: what is forgotten must be given back."""
    book = OrderBook(order_limit=6)
    for first in range(0, 60_000, 6):
        for number in range(first, first + 6):
            assert book.add(number, 1, 100 + (number * 7) % 3, 1, -number)
        assert book.truncate(2) is None
        assert book.count() == 4
        book.truncate(0)
        assert (book.count(), book.levels.count(1)) == (0, 0)


def test_a_negative_depth_is_refused_by_value() -> None:
    """A caller's mistake must not empty a book."""
    with pytest.raises(ValueError, match="was -1"):
        OrderBook().truncate(-1)

"""The window of ticks inside a book: its position, its resolution, and that it never changes a result."""

import random
from collections.abc import Callable
from itertools import accumulate

import numpy as np
import pytest

from engine.book import Book

WINDOW = 1 << 16
HIGHEST = 2**63 - 1
STEPS = (1, 7, 10**6, 2**20, 96, 10**14, 3 * 10**14)


class Oracle:
    """A dictionary a side."""

    def __init__(self, limit: int = 1 << 40) -> None:
        """Bounded like a book."""
        self.limit = limit
        self.clear()

    def clear(self) -> None:
        """Nothing, and nothing cut."""
        self.levels: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.horizon = {1: -(1 << 64), -1: -(1 << 64)}  # the best key cut

    def set(self, side: int, price: int, size: int) -> int:
        """Return the size before; with too many levels the worst goes, and no level at or beyond it comes back."""
        levels = self.levels[side]
        before = levels.pop(price, 0)
        if size and side * price > self.horizon[side]:
            levels[price] = size
        if len(levels) > self.limit:
            worst = self.top(side)[-1][0]
            self.horizon[side] = side * worst
            del levels[worst]
        return before

    def top(self, side: int) -> list[tuple[int, int]]:
        """Best first."""
        return sorted(self.levels[side].items(), reverse=side > 0)

    def truncate(self, depth: int) -> None:
        """Keep the best."""
        self.levels = {side: dict(self.top(side)[:depth]) for side in (1, -1)}

    def walk(self, side: int, size: int) -> tuple[int, int | None, int]:
        """One by one."""
        left, notional, last = size, 0, None
        for price, there in self.top(side):
            if left == 0:
                break
            take, last = min(left, there), price
            left, notional = left - take, notional + take * price
        return size - left, last, notional


def agree(book: Book, oracle: Oracle, depth: int) -> None:
    """Everything a book answers, against the dictionary."""
    for side in (1, -1):
        top = oracle.top(side)
        assert book.top(side, depth) == top[:depth]
        assert book.count(side) == len(top)
        assert book.best(side) == (top[0] if top else None)
        assert book.depth(side, depth) == sum(size for _, size in top[:depth])
        target = sum(size for _, size in top[: depth // 2]) + 1
        assert book.walk(side, target) == oracle.walk(side, target)


def near(draw: random.Random, center: int, step: int) -> int:
    """Mostly a few ticks away, sometimes a window, sometimes a hundred, as far as 64 bits reach."""
    reach = min(draw.choice((30, 30, 3000, WINDOW, 100 * WINDOW)), (HIGHEST - abs(center)) // step)
    return center + step * draw.randrange(-reach, reach + 1)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("limit", [1 << 17, 150])
def test_wherever_the_price_goes_the_book_is_the_dictionarys(step: int, limit: int) -> None:
    """The window moves up, down and across gaps with levels in it, and forgets, drops and invents none."""
    seed = step + limit
    print("seed", seed)  # noqa: T201
    draw = random.Random(seed)
    book, oracle, center = Book(limit), Oracle(limit), 5 * 10**17
    for turn in range(6000):
        if draw.random() < 0.02:
            center += step * draw.choice((100, WINDOW // 3, WINDOW, -WINDOW // 2, -5 * WINDOW))
            center = center if abs(center) < HIGHEST else 0
        side = draw.choice((1, -1))
        price = near(draw, center, step)
        if draw.random() < 0.35 and oracle.levels[side]:
            price = oracle.top(side)[0][0] if draw.random() < 0.5 else draw.choice(list(oracle.levels[side]))
        size = draw.choice((0, draw.randrange(1, 2**40)))
        assert book.set(side, price, size) == oracle.set(side, price, size)
        if draw.random() < 0.005:
            depth = draw.randrange(200)
            book.truncate(depth)
            oracle.truncate(depth)
        if draw.random() < 0.0005:
            book.clear()
            oracle.clear()
        if turn % 20 == 0:
            agree(book, oracle, draw.randrange(1, 60))
    agree(book, oracle, 10**6)


@pytest.mark.parametrize("side", [1, -1])
def test_a_finer_price_changes_nothing_that_is_there(side: int) -> None:
    """A venue's step is found out, not known: a price between ticks is a level like any other."""
    book, oracle = Book(), Oracle()
    prices = [100_000_000 + i * 1_000_000 for i in range(50)]
    for price in (*prices, 103_500_000, 103_500_001, 10**18, -7, 0, 1):
        assert book.set(side, price, price % 97 + 1) == oracle.set(side, price, price % 97 + 1)
        agree(book, oracle, 100)
    for price in prices:
        assert book.set(side, price, 0) == oracle.set(side, price, 0)
        agree(book, oracle, 100)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("key", [lambda n: HIGHEST - n, lambda n: n - HIGHEST, lambda n: n * (1 << 57), lambda n: -n])
def test_prices_at_the_ends_of_64_bits_are_levels(side: int, key: Callable[[int], int]) -> None:
    """A window never wraps around: the largest and the smallest price are beside each other nowhere."""
    book, oracle = Book(), Oracle()
    for number in [*range(40), *range(0, 40, 3)]:
        for price in (key(number), HIGHEST, -HIGHEST):
            size = number % 4
            assert book.set(side, price, size) == oracle.set(side, price, size)
        agree(book, oracle, 50)


@pytest.mark.parametrize("side", [1, -1])
def test_a_wrong_best_far_away_comes_and_goes(side: int) -> None:
    """One absurd price moves the window; when that price goes, the window is where it was before."""
    book, oracle = Book(), Oracle()
    for number in range(3000):
        oracle.set(side, 10**12 - side * number * 100, number + 1)
        book.set(side, 10**12 - side * number * 100, number + 1)
    for size in (5, 0, 9, 0):
        book.set(side, 10**12 + side * 10**11, size)
        oracle.set(side, 10**12 + side * 10**11, size)
        agree(book, oracle, 4000)


@pytest.mark.parametrize("order", [1, -1])
def test_a_snapshot_may_come_from_either_end(order: int) -> None:
    """Best first or worst first, from the cheapest price to the dearest, it is the same book."""
    steps = accumulate(random.Random(3).choice((1, 1, 1, 2, 50, 90_000)) for _ in range(4000))
    rows = np.array([(1, 10**6 + 100 * step, step) for step in steps], dtype=np.int64)
    book = Book()
    book.set_levels(np.ascontiguousarray(rows[::order]))
    assert book.top(1, 10**6) == [(price, size) for _, price, size in rows.tolist()[::-1]]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_smallest_books_keep_the_best(limit: int) -> None:
    """At its limit a book lets the worst go and refuses what is worse, on every path of the window."""
    draw = random.Random(limit)
    book, oracle = Book(limit), Oracle(limit)
    for _ in range(3000):
        side, price = draw.choice((1, -1)), draw.choice((1, 10, 10**7)) * draw.randrange(-20, 20)
        size = draw.choice((0, 1, 2))
        assert book.set(side, price, size) == oracle.set(side, price, size)
        agree(book, oracle, 5)


def runs(number: int) -> dict[str, list[int]]:
    """Orders in which a venue may send many prices, the worst that we know among them."""
    draw = random.Random(number)
    scattered = draw.sample(range(1, 10**9), number)
    near_and_far = [price for i in range(number // 4) for price in (i + 1, 10**8 + i, 10**8 + i, i + 1)]
    return {
        "ever better": list(range(1, number + 1)),
        "ever worse": list(range(number, 0, -1)),
        "scattered": scattered,
        "ever better and far apart": [price * 70_001 for price in range(1, number + 1)],
        "a best that jumps over the window and back": near_and_far,
    }


@pytest.mark.parametrize("order", list(runs(8)))
def test_a_long_message_in_any_order_is_the_dictionarys(order: str) -> None:
    """What is outside the window lies on shelves of blocks, which are split, filled, merged and emptied."""
    prices, draw = runs(6000)[order], random.Random(7)
    book, oracle = Book(2500), Oracle(2500)
    for turn, price in enumerate(prices):
        size = draw.choice((0, 3, 5))
        assert book.set(1, price, size) == oracle.set(1, price, size)
        if turn % 50 == 0:
            gone = draw.choice(prices[: turn + 1])
            assert book.set(1, gone, 0) == oracle.set(1, gone, 0)
            assert book.top(1, 40) == oracle.top(1)[:40]
    assert book.top(1, 1 << 20) == oracle.top(1)
    for price in prices:
        book.set(1, price, 0)
    assert (book.top(1, 9), book.count(1)) == ([], 0)


@pytest.mark.parametrize("side", [1, -1])
def test_a_book_that_was_cut_accepts_no_level_beyond_the_cut(side: int) -> None:
    """A level beyond the lost ones would have holes before it that look like empty prices."""
    book = Book(10)
    for place in range(12):
        book.set(side, -side * place, 5)
    assert (book.is_cut(), book.refused, book.count(side)) == (True, 2, 10)
    book.set(side, 0, 0)
    book.set(side, -side * 10, 7)
    assert (book.count(side), book.refused) == (9, 3)
    book.set(side, side * 5, 7)
    assert book.best(side) == (side * 5, 7)
    book.clear()
    assert not book.is_cut()

"""The book against a dictionary."""

import random

import pytest

from engine.book import Book


def sorted_levels(levels: dict[int, int], side: int) -> list[tuple[int, int]]:
    """The oracle's levels, best first."""
    return sorted(levels.items(), reverse=side > 0)


@pytest.mark.parametrize("seed", range(6))
def test_book_equals_a_dictionary_after_any_changes(seed: int) -> None:
    """Whatever is set, removed, truncated and cleared, the levels are those a dictionary would hold."""
    print("seed", seed)  # noqa: T201
    draw = random.Random(seed)
    book, oracle = Book(), {1: {}, -1: {}}
    for _ in range(6000):
        side = draw.choice((1, -1))
        price = draw.randrange(1, 3000) if draw.random() < 0.9 else draw.randrange(-(10**15), 10**15)
        size = draw.choice((0, draw.randrange(1, 1000)))
        before = oracle[side].pop(price, 0)
        if size:
            oracle[side][price] = size
        assert book.set(side, price, size) == before
        if draw.random() < 0.01:
            depth = draw.randrange(1, 400)
            book.truncate(depth)
            oracle = {s: dict(sorted_levels(levels, s)[:depth]) for s, levels in oracle.items()}
        if draw.random() < 0.001:
            book.clear()
            oracle = {1: {}, -1: {}}
        depth = draw.randrange(1, 30)
        assert book.top(side, depth) == sorted_levels(oracle[side], side)[:depth]
    for side in (1, -1):
        assert book.top(side, 10**6) == sorted_levels(oracle[side], side)
        assert book.count(side) == len(oracle[side])


@pytest.mark.parametrize("side", [1, -1])
def test_walk_meets_what_taking_the_levels_one_by_one_meets(side: int) -> None:
    """A taker's cost is exact, beyond 64 bits as well."""
    book = Book()
    for price, size in ((2**61, 2**61), (2**61 + side * -1, 5), (2**61 - 2 * side, 7)):
        book.set(side, price, size)
    assert book.walk(side, 2**61 + 6) == (2**61 + 6, 2**61 - 2 * side, 2**122 + 5 * (2**61 - side) + 2**61 - 2 * side)
    assert book.walk(side, 2**62) == (2**61 + 12, 2**61 - 2 * side, book.walk(side, 2**61 + 12)[2])
    assert Book().walk(side, 5) == (0, None, 0)


def test_depth_is_the_sum_of_the_best_levels() -> None:
    """Sums do not wrap at 64 bits."""
    book = Book()
    for price in range(1, 6):
        book.set(1, price, 2**62)
    assert book.depth(1, 3) == 3 * 2**62
    assert book.depth(1, 100) == 5 * 2**62
    assert book.depth(-1, 3) == 0


def test_memory_is_bounded_and_the_worst_level_goes() -> None:
    """A venue that sends levels for ever cannot take the machine's memory, and the best levels stay right."""
    book = Book(level_limit=100)
    for price in range(1000):
        book.set(1, price, 1)
        book.set(-1, price, 1)
    assert book.count(1) == book.count(-1) == 100
    assert book.top(1, 2) == [(999, 1), (998, 1)]
    assert book.top(-1, 2) == [(0, 1), (1, 1)]
    assert book.refused == 1800


def test_a_crossed_book_shows_it() -> None:
    """Equal best prices are crossed too: no strategy may trade on them."""
    book = Book()
    assert not book.is_crossed()
    book.set(1, 100, 1)
    book.set(-1, 101, 1)
    assert not book.is_crossed()
    book.set(1, 101, 1)
    assert book.is_crossed()


@pytest.mark.parametrize(("side", "size"), [(0, 1), (2, 1), (1, -1)])
def test_nonsense_is_refused_by_value(side: int, size: int) -> None:
    """A caller's mistake must not become a level."""
    with pytest.raises(ValueError, match="must"):
        Book().set(side, 100, size)

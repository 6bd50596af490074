"""The book at every scale of 64 bits against a dictionary: a few levels each, and very many books."""

import random

import numpy as np
import pytest

from engine.book import Book
from tests.engine.venues.mutations import MUTATIONS

HIGHEST = 2**63 - 1
SMALL_LIMIT = 5
THREE_ASKS = (4_990_000_000_000_000_000, 4_500_000_000_000_000_000, 4_479_890_000_000_000_000)


def a_price(draw: random.Random, anchor: int, step: int) -> int:
    """Mostly a few steps from the anchor, else anywhere: at an end of 64 bits, near 0, or off the grid."""
    kind = draw.randrange(10)
    if kind < 6:
        price = anchor + step * draw.randint(-4, 4)
    elif kind == 6:
        price = anchor + step * draw.randint(-70_000, 70_000) + draw.randint(0, 1)
    elif kind == 7:
        price = draw.choice((HIGHEST, -HIGHEST)) - draw.choice((0, 1, -1))
    elif kind == 8:
        price = draw.randint(-3, 3)
    else:
        price = draw.randint(-(1 << draw.randrange(64)), 1 << draw.randrange(64))
    return max(-HIGHEST, min(HIGHEST, price))


def a_step(draw: random.Random) -> int:
    """A venue's step of any size, up to a tenth of the whole range."""
    kind = draw.randrange(3)
    if kind == 0:
        return 10 ** draw.randrange(19)
    return 1 << draw.randrange(60) if kind == 1 else draw.randint(1, 1 << draw.randint(1, 60))


def kept(levels: dict[int, int], side: int) -> list[tuple[int, int]]:
    """The dictionary's levels, best first."""
    return sorted(levels.items(), reverse=side > 0)


def change(book: Book, levels: dict[int, int], side: int, price: int, size: int) -> None:
    """The same change to both; the size before is the same."""
    before = levels.pop(price, 0)
    if size:
        levels[price] = size
    assert book.set(side, price, size) == before


def agree(book: Book, levels: dict[int, int], side: int) -> None:
    """Order, count, best and sums are the dictionary's."""
    expected = kept(levels, side)
    assert book.top(side, 1 << 20) == expected
    assert book.count(side) == len(expected)
    assert book.best(side) == (expected[0] if expected else None)
    assert book.depth(side, 3) == sum(size for _, size in expected[:3])


@pytest.mark.timeout(3600)
def test_a_book_is_the_dictionarys_at_every_scale_of_prices(seed: int) -> None:
    """An unexpected price step must not put a level in the wrong place, and never outside the memory."""
    draw, book = random.Random(seed), Book()
    for turn in range(MUTATIONS):
        anchor, step, side = draw.randint(-HIGHEST, HIGHEST), a_step(draw), draw.choice((1, -1))
        levels: dict[int, int] = {}
        for _ in range(draw.randint(2, 12)):
            price = draw.choice(list(levels)) if levels and draw.random() < 0.2 else a_price(draw, anchor, step)
            change(book, levels, side, price, draw.choice((0, 1, 7, HIGHEST)))
        try:
            agree(book, levels, side)
        except AssertionError as error:
            raise AssertionError((turn, side, levels)) from error
        book.clear()


@pytest.mark.parametrize("side", [1, -1])
def test_levels_farther_apart_than_the_widest_step_are_in_order(side: int) -> None:
    """Three prices with 18 decimals, as a venue with a tick of 1e-18 sends them, once wrote outside the window."""
    book, levels = Book(), {}
    for price in (*THREE_ASKS, *reversed(THREE_ASKS)):
        change(book, levels, side, price, 1)
        agree(book, levels, side)
    for price in THREE_ASKS:
        change(book, levels, side, price, 0)
        agree(book, levels, side)


@pytest.mark.parametrize("row", [(1, -(2**63), 1), (-1, -(2**63), 1), (1, 5, -1)])
def test_rows_that_no_book_can_hold_are_refused_by_value(row: tuple[int, int, int]) -> None:
    """A negated least price wraps onto itself, and a negative size would be a level."""
    book = Book()
    with pytest.raises(ValueError, match=r"row 1 was"):
        book.set_levels(np.array([(1, 4, 1), row], dtype=np.int64))
    assert book.top(1, 9) == [(4, 1)]

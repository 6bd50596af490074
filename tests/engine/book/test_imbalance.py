"""The imbalance of a book lies in [-1, 1], whatever the book: strategies and chases compare it with thresholds."""

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as some

from engine.book import Book, imbalance

LARGEST = 2**63 - 1
SIZES = some.one_of(some.integers(1, 10), some.integers(1, LARGEST), some.sampled_from((1, LARGEST - 1, LARGEST)))
LEVELS = some.dictionaries(some.integers(1, 2**40), SIZES, max_size=40)
DEPTH = 10  # levels a side in a BOOK_TOP


@given(bids=LEVELS, asks=LEVELS)
def test_the_imbalance_of_any_book_lies_between_minus_one_and_one(bids: dict[int, int], asks: dict[int, int]) -> None:
    """One side a million times the other, sizes at the limit of 64 bits, one level or forty: exact and in bounds."""
    book = Book()
    for side, levels in ((1, bids), (-1, asks)):
        for price, size in levels.items():
            book.set(side, price, size)
    bought, sold = ([size for _, size in book.top(side, DEPTH)] for side in (1, -1))
    found = imbalance(bought, sold)
    if not bought or not sold:
        assert math.isnan(found)
        return
    exact = Fraction(sum(bought) - sum(sold), sum(bought) + sum(sold))
    assert -1.0 <= found <= 1.0
    assert math.isclose(found, exact, rel_tol=1e-9, abs_tol=1e-14)
    assert imbalance(sold, bought) == -found
    assert (found > 0) == (exact > 0) or abs(exact) < Fraction(1, 10**14)

"""A book from a record's bytes against the same book from its row."""

import math
import random

import pytest

from engine.model import records
from engine.model.codec import Codec
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, BookState
from engine.strategy import Book

BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 5 * 10**7)
CODEC = Codec(records.BOOK_TOP)
FIGURES = ("state", "good", "best_bid", "best_ask", "imbalance", "tick_sequence", "receive_ns", "spread", "mid_twice")
SPARE = (0,) * 7


def test_a_books_bytes_equal_its_row() -> None:
    """Live it is filled from bytes, in a replay from rows: one decision for both."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    random_ = random.Random(seed)
    live, replayed = Book(BTC), Book(BTC)
    for _ in range(500):
        numbers = [random_.getrandbits(62) for _ in range(5)]
        sides = [tuple(random_.getrandbits(63) for _ in range(10)) for _ in range(4)]
        head = (
            *numbers,
            random_.choice((math.nan, 0.25)),
            random_.choice((math.nan, 1.5)),
            1,
            random_.choice(tuple(BookState)),
            *random_.choices((0, 1, 10), k=2),
        )
        row = records.BOOK_TOP.row(*head, 0, 7, *sides, SPARE)
        live.apply(CODEC.pack_row(row), CODEC.unpack)
        replayed.apply(row)
        ours, theirs = ([getattr(one, name) for name in FIGURES] for one in (live, replayed))
        assert ours == theirs or (math.isnan(live.imbalance) and math.isnan(replayed.imbalance))
        assert [live.levels(side) for side in (BUY, SELL)] == [replayed.levels(side) for side in (BUY, SELL)]
        assert str(live.spread_bps) == str(replayed.spread_bps)
        assert (live.best(BUY), live.best(SELL)) == (sides[0][0], sides[2][0])


def test_a_record_of_another_size_is_our_own_mistake() -> None:
    """Figures from the wrong places would be decided on."""
    with pytest.raises(AssertionError):
        Book(BTC).apply(bytes(records.BOOK_TOP.size - 8))


def test_a_book_begins_with_nothing_to_act_on() -> None:
    """Before the first record nothing is known."""
    book = Book(BTC)
    assert (book.good, book.state, book.row) == (False, BookState.EMPTY, None)
    assert math.isnan(book.spread_bps)

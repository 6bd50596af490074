"""What a feed keeps of its messages: no Python object for a message, and the last values beyond its own life."""

import gc
import sys
from collections.abc import Iterator

import pytest

from engine.lanes import LOOKERS, open_lanes
from engine.model.words import BookState
from tests.engine.feed.feed_fakes import Bench, diff, ticker, trade

ROUNDS = 500
FIRST = 111  # the update after the book became good
EACH = 20
SLACK = 64  # blocks: free lists and caches of the interpreter; one object a message would be twenty thousand


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A feed of one symbol whose book is good."""
    made = Bench()
    made.good()
    yield made
    made.close()


def busy(number: int) -> list[bytes]:
    """Twenty messages of every hot kind: levels that come and go, best prices, prints."""
    size, price = f"{number % 90 + 1}.5", f"{90 + number % 9}.00"
    diffs = [diff(number + at, number + at, [[price, size], ["98.00", "0"]], [["101.00", size]]) for at in range(8)]
    tickers = [ticker(number + 8, "100.00", size, "101.00", size)] * 6
    return [*diffs, *tickers, *(trade(number + at, "100.00", size, maker=True) for at in range(6))]


def test_no_object_is_kept_for_a_message(bench: Bench) -> None:
    """One object kept a message is a gigabyte before noon."""
    rounds = [busy(FIRST + 8 * at) for at in range(2 * ROUNDS)]
    for frames in rounds[:ROUNDS]:
        bench.step(0.001, *frames)
    gc.collect()
    before = sys.getallocatedblocks()
    for frames in rounds[ROUNDS:]:
        bench.step(0.001, *frames)
    gc.collect()
    grown = sys.getallocatedblocks() - before
    assert bench.state() == BookState.GOOD
    assert bench.feed.pipeline.messages >= 2 * ROUNDS * EACH
    assert grown < SLACK


def test_the_last_values_outlive_the_feed(bench: Bench) -> None:
    """A looker needs no feed to read the last market state, and the feed's successor marks it as past at once."""
    before = bench.top()
    for lane in bench.lanes.values():
        lane.close()
    late = open_lanes(bench.system, LOOKERS).cell_reader("book_tops")
    assert late.read(0) == before
    bench.begin()
    bench.step()
    assert late.read(0).state == BookState.EMPTY

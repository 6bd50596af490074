"""Books at the ends of what a venue may send: the finest ticks, the largest numbers, more levels than are kept."""

import copy
from collections.abc import Iterator

import pytest

from engine.model.words import BookState
from tests.engine.feed.feed_fakes import EXCHANGE_INFO, Bench, diff

FINEST = "0.000000000000000001"
HIGHEST = "9.223372036854775807"  # the largest 64-bit number in 18 decimals
TOO_HIGH = "9.223372036854775808"
LIMIT = 1 << 17  # levels a side that a book keeps
MORE = LIMIT + 9_000


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A feed of one symbol."""
    made = Bench()
    yield made
    made.close()


def fine(bench: Bench, notional_min: str = "0") -> None:
    """Let the venue list the symbol with the finest tick."""
    info = copy.deepcopy(EXCHANGE_INFO)
    tick, _, notional = info["symbols"][0]["filters"]
    tick["tickSize"], notional["minNotional"] = FINEST, notional_min
    bench.ports.rest.answers["/api/v3/exchangeInfo"] = info


def begin(bench: Bench, bids: list[list[str]], asks: list[list[str]]) -> None:
    """A snapshot, and the first change after it."""
    bench.snapshot(100, bids, asks)
    for _ in range(4):
        bench.step()
    bench.step(0.02, diff(101, 110))


def many(first: int, count: int, size: str) -> list[list[str]]:
    """Asks from 102.00 upwards, a tick apart."""
    return [[f"{(10_200 + first + place) / 100:.2f}", size] for place in range(count)]


def test_a_tick_of_18_decimals_is_a_book_in_order(bench: Bench) -> None:
    """Three asks far apart in the finest ticks once wrote outside the book, and the feed died at every start."""
    fine(bench)
    begin(bench, [[FINEST, "1"]], [["4.99", "1"], ["4.5", "2"], ["4.47989", "3"], [HIGHEST, "4"]])
    top = bench.top()
    assert (top.state, top.bids, top.asks) == (BookState.GOOD, 1, 4)
    asks = [447989 * 10**13, 45 * 10**17, 499 * 10**16, 2**63 - 1]
    assert list(top.ask_price[:4]) == asks
    assert (list(top.ask_size[:4]), top.bid_price[0]) == ([300_000, 200_000, 100_000, 400_000], 1)
    bench.step(0.02, diff(111, 112, [[FINEST, "0"]], [["4.5", "0"], [HIGHEST, "0"], ["4.99", "5"]]))
    assert list(bench.top().ask_price[:2]) == [asks[0], asks[2]]
    assert (bench.top().bids, bench.top().asks) == (0, 2)


@pytest.mark.parametrize("price", [TOO_HIGH, "1" + "0" * 30, "-" + HIGHEST])
def test_a_price_that_no_record_holds_is_no_level_and_the_book_comes_back(bench: Bench, price: str) -> None:
    """It is refused as a value: the feed lives, the book is not believed without it, and asks for another."""
    fine(bench)
    begin(bench, [["1", "1"]], [["4.5", "2"]])
    bench.step(0.02, diff(111, 112, [], [[price, "1"]]))
    assert bench.state() != BookState.GOOD
    bench.snapshot(112, [["1", "1"]], [["4.6", "2"]])
    for turn in range(40):
        bench.step(0.5, diff(113 + turn, 113 + turn))
    assert (bench.state(), bench.top().ask_price[0]) == (BookState.GOOD, 46 * 10**17)


def test_a_price_finer_than_the_finest_tick_is_a_misfit(bench: Bench) -> None:
    """One number of 31 decimals is no reason to die: the symbol's metadata is asked for anew, and its book waits."""
    fine(bench)
    begin(bench, [["1", "1"]], [["4.5", "2"]])
    bench.step(0.02, diff(111, 112, [], [["0." + "0" * 30 + "1", "1"]]))
    assert bench.state() == BookState.MISFIT


def test_a_symbol_whose_least_value_does_not_fit_is_refused_and_the_feed_lives(bench: Bench) -> None:
    """5 USDT in 23 decimals is no 64-bit number: the symbol is not followed, by name."""
    fine(bench, "5")
    for _ in range(10):
        bench.step(0.5)
    assert bench.state() in (BookState.REFUSED, BookState.MISFIT, BookState.EMPTY)


def test_a_book_of_too_many_levels_is_cut_and_asked_for_again_before_they_are_needed(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """What was cut is missing once better levels go: then the book is suspect, not quietly short."""
    bench.good()
    begun = len(bench.ports.rest.asked)
    bench.step(0.02, diff(111, 112, [], many(1, MORE, "1")))
    for _ in range(200):
        bench.step()
    track = bench.feed.pipeline.tracks[0]
    assert (bench.state(), track.book.count(-1), track.book.is_cut()) == (BookState.GOOD, LIMIT, True)
    assert [record.getMessage() for record in caplog.records if "cut" in record.msg] == [
        f"feed: BTCUSDT has more than {LIMIT} levels a side: the worst are cut"
    ]
    bench.snapshot(113, [["100.00", "1"]], [["900.00", "3"]])
    bench.step(0.02, diff(113, 113, [], many(1, LIMIT // 2 + 1, "0")))
    assert bench.state() in (BookState.SUSPECT, BookState.RESYNCING)
    assert track.hollows == 1
    for turn in range(40):
        bench.step(0.1, diff(114 + turn, 114 + turn))
    assert len(bench.ports.rest.asked) > begun
    assert (bench.state(), track.book.is_cut(), bench.top().ask_price[0]) == (BookState.GOOD, False, 90_000)

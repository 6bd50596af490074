"""The spread of a book: one number from the feed to risk, and none where the book may not be believed."""

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from engine.book import spread_bps
from engine.config import ConfigError, load
from engine.execution.intents.intake import apply_book
from engine.feed.build import feed_config
from engine.model.instrument import Instrument
from engine.model.words import BookState
from engine.risk.market import Top
from engine.strategy import Book
from tests.engine.feed.feed_fakes import Bench, diff

BTC = Instrument(7, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 5 * 10**7)

SYSTEM = """
[system]
name = "wide"
[[venues]]
name = "binance"
kind = "binance"
[[instruments]]
id = 7
venue = "binance"
symbol = "BTCUSDT"
alarm_spread_bps = 12.5
[[instruments]]
id = 8
venue = "binance"
symbol = "ETHUSDT"
"""


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A feed of one symbol."""
    made = Bench()
    yield made
    made.close()


def everywhere(bench: Bench) -> set[str]:
    """The spread as the cell, the ring, risk and a strategy have it."""
    bench.books.cursor = bench.books.end - 1
    record, risk, book = bench.books.read_bytes(), Top(), Book(BTC)
    apply_book(record, {7: risk})
    bench.books.cursor = bench.books.end - 1
    row = bench.books.read()
    book.apply(row)
    return {str(one) for one in (bench.top().spread_bps, row.spread_bps, risk.spread_bps, book.spread_bps)}


def test_risk_strategies_and_lookers_on_have_one_number(bench: Bench) -> None:
    """The alarm and the gate must use the same spread, or operators will ignore the alarm."""
    bench.good()
    assert everywhere(bench) == {str(spread_bps(10000, 10100))}
    bench.step(0.02, diff(111, 112, [["100.50", "1"]], [["100.90", "1"]]))
    assert everywhere(bench) == {str(spread_bps(10050, 10090))}


@pytest.mark.parametrize(
    ("bids", "asks", "state"),
    [
        ([["101.50", "1"]], [], BookState.CROSSED),
        ([["101.00", "1"]], [], BookState.CROSSED),
        ([["100.00", "0"], ["99.00", "0"]], [], BookState.GOOD),
        ([], [["101.00", "0"], ["102.00", "0"]], BookState.GOOD),
        ([["100.00", "0"], ["99.00", "0"]], [["101.00", "0"], ["102.00", "0"]], BookState.GOOD),
    ],
    ids=["crossed", "locked", "no bids", "no asks", "nothing"],
)
def test_a_book_without_two_sides_in_order_has_no_spread(
    bench: Bench, bids: list[list[str]], asks: list[list[str]], state: BookState
) -> None:
    """A spread below zero, or of a missing side, would pass every `spread <= limit`."""
    bench.good()
    bench.step(0.02, diff(111, 112, bids, asks))
    assert bench.state() == state
    assert everywhere(bench) == {"nan"}


def test_a_book_that_may_be_wrong_has_no_spread_and_has_it_again_when_it_is_good(bench: Bench) -> None:
    """The prices still stand in the cell; what is computed from them must not be acted on."""
    bench.good()
    bench.snapshot(125, [["100", "8"]], [["101", "8"]])
    bench.step(0.02, diff(113, 120, [["100.50", "1"]]))
    assert bench.state() != BookState.GOOD
    assert everywhere(bench) == {"nan"}
    for turn in range(3):
        bench.step(1.0, diff(121 + 5 * turn, 125 + 5 * turn))
    assert bench.state() == BookState.GOOD
    assert everywhere(bench) == {str(spread_bps(10000, 10100))}


def test_a_spread_is_right_to_the_last_bits_of_any_price() -> None:
    """Risk's bound is tested on this number, so a price of many digits must not blur it."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    random_ = random.Random(seed)
    for _ in range(2000):
        bid = random_.randrange(1, 1 << random_.randrange(1, 62))
        ask = bid + random_.randrange(1 << random_.randrange(1, 62))
        exact = Fraction(20_000 * (ask - bid), ask + bid)
        assert abs(Fraction(spread_bps(bid, ask)) - exact) <= exact / (1 << 51)
    assert all(math.isnan(spread_bps(*pair)) for pair in ((0, 5), (5, 0), (0, 0), (-1, 5)))
    assert spread_bps(101, 99) == -200


def test_the_alarm_of_an_instrument_is_the_configurations(tmp_path: Path) -> None:
    """A key that loads and reaches no feed is an alarm that never rings."""
    path = tmp_path / "system.toml"
    path.write_text(SYSTEM)
    config = load(path)
    assert feed_config(config, "feed.binance", config.venues[0]).alarm_spreads == {"BTCUSDT": 12.5, "ETHUSDT": 0.0}
    path.write_text(SYSTEM.replace("12.5", "-1"))
    with pytest.raises(ConfigError, match="alarm_spread_bps"):
        load(path)


def test_a_wide_spread_is_logged_once_and_once_more_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """A spread that swings around its alarm must not fill the log, and the number is the one that risk goes by."""
    bench, shown = Bench(alarm_spreads={"BTCUSDT": 60.0}), []
    bench.feed._listed._publish = lambda *values: shown.append(values[4])
    try:
        bench.good()
        assert shown[-1] == 60
        bench.step(0.02, diff(111, 112, [["100.50", "1"]], [["100.90", "1"]]))
        assert shown[-1] == 0
        wide, middle, narrow = (spread_bps(10000, 10100), spread_bps(10050, 10100), spread_bps(10050, 10090))
        assert wide > 60 > middle > 60 * 0.8 > narrow
        assert [record.args[1:3] for record in caplog.records if "spread" in record.msg] == [
            ("BTCUSDT", wide), ("BTCUSDT", narrow)
        ]  # fmt: skip
        caplog.clear()
        bench.step(0.02, diff(113, 114, [], [["100.90", "0"]]))
        assert bench.top().spread_bps == middle
        assert [record for record in caplog.records if "spread" in record.msg] == []
    finally:
        bench.close()

"""What the feed follows: symbols that come late, leave, or change their numbers while others live by the old ones."""

import copy
from collections.abc import Iterator

import pytest

from engine.feed.instruments.instruments import save_instruments
from engine.model.words import BookState
from engine.venues.port import PortState
from tests.engine.feed.feed_fakes import EXCHANGE_INFO, Bench, diff

BOTH = {"BTCUSDT": 7, "ETHUSDT": 8}


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Two symbols."""
    made = Bench(symbols=BOTH)
    yield made
    made.close()


def finer_info(symbol: str = "BTCUSDT") -> dict[str, object]:
    """Metadata in which a symbol's price has one more decimal."""
    info = copy.deepcopy(EXCHANGE_INFO)
    entry = next(one for one in info["symbols"] if one["symbol"] == symbol)
    entry["filters"][0]["tickSize"] = "0.00100000"
    return info


def seed_both(bench: Bench) -> None:
    """Bring both books to GOOD."""
    for symbol in BOTH:
        bench.snapshot(100, [["100.00", "1"]], [["101.00", "3"]], symbol)
    bench.connect()
    for _ in range(80):
        bench.step(0.05)
    assert [bench.state(number) for number in BOTH.values()] == [BookState.GOOD, BookState.GOOD]


def test_decimals_that_others_live_by_do_not_change_under_them(bench: Bench) -> None:
    """A strategy that reads prices at two decimals would read a tenth of them: the feed drops the book and logs it."""
    seed_both(bench)
    bench.ports.rest.answers["/api/v3/exchangeInfo"] = finer_info()
    bench.step(0.02, diff(101, 110, [["100.001", "1"]]))
    assert bench.state(7) == BookState.MISFIT
    for _ in range(200):
        bench.step(0.5, diff(101, 110, [["100.001", "1"]]), b'{"result":null,"id":99}')
    assert bench.state(7) == BookState.MISFIT
    assert bench.state(8) == BookState.STALE  # its own silence, nothing else
    asked = [target for target in bench.ports.rest.asked if "depth?symbol=BTCUSDT" in target]
    assert len(asked) == 1
    assert len([target for target in bench.ports.rest.asked if "exchangeInfo" in target]) < 12


def test_a_life_that_begins_with_other_decimals_than_are_shown_gives_the_book_up() -> None:
    """The feed died and the venue changed meanwhile: the roles that lived on have not."""
    bench = Bench(symbols=BOTH, pinned={"BTCUSDT": (1, 5)})
    bench.snapshot(100, [["100.00", "1"]], [["101.00", "3"]], "ETHUSDT")
    bench.connect()
    for _ in range(80):
        bench.step(0.05)
    assert (bench.state(7), bench.state(8)) == (BookState.MISFIT, BookState.GOOD)
    bench.close()


def test_a_single_frame_of_nonsense_costs_one_resync(bench: Bench) -> None:
    """The metadata is confirmed, and the book comes back."""
    seed_both(bench)
    bench.step(0.02, diff(101, 110, [["100.001", "1"]]))
    assert bench.state(7) == BookState.MISFIT
    for _ in range(100):
        bench.step(0.05)
    assert bench.state(7) == BookState.GOOD


def test_a_symbol_that_the_copy_on_disk_lacks_comes_when_the_venue_answers(tmp_path: object) -> None:
    """A configuration with a new symbol starts with the old ones while REST is down."""
    path = f"{tmp_path}/kept.json"
    first = Bench()
    first.connect()
    save_instruments(path, first.feed.instruments, first.now)
    first.close()
    bench = Bench(symbols=BOTH, instruments_path=path)
    bench.ports.rest.status = 503
    bench.connect()
    bench.step()
    assert [one.symbol for one in bench.feed.instruments] == ["BTCUSDT"]
    assert bench.feed.instruments_old
    bench.ports.rest.status = 200
    for symbol in BOTH:
        bench.snapshot(100, [["100.00", "1"]], [["101.00", "3"]], symbol)
    for _ in range(100):
        bench.step(0.05)
    assert not bench.feed.instruments_old
    assert [bench.state(number) for number in BOTH.values()] == [BookState.GOOD, BookState.GOOD]
    assert bench.ports.streams[0].state == PortState.OPEN
    bench.close()


def test_a_symbol_delisted_while_its_book_flows_may_be_traded_no_more(bench: Bench) -> None:
    """The stream decides over the book, the metadata over trading."""
    shown = {}
    bench.feed._listed._publish = lambda one, *_: shown.update({one.symbol: one})
    seed_both(bench)
    info = copy.deepcopy(EXCHANGE_INFO)
    info["symbols"] = [one for one in info["symbols"] if one["symbol"] != "ETHUSDT"]
    bench.ports.rest.answers["/api/v3/exchangeInfo"] = info
    for number in range(101, 226):
        bench.step(5.0, *(diff(number, number, symbol=symbol) for symbol in BOTH))
    assert (shown["BTCUSDT"].trading, shown["ETHUSDT"].trading) == (True, False)
    assert (bench.state(7), bench.state(8)) == (BookState.GOOD, BookState.SHUT)

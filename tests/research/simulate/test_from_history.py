"""The history as events and bars: what was imported runs through a simulation as what was recorded does."""

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, BookState, Flag, TimeInForce
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import Manifest
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from research import bars
from research.simulate import Constant, Fees, Models, from_history, missing_in, simulate
from research.simulate.data.recorded import LEVEL, PRINT, STATE
from tests.engine.imports.conftest import START_MS, Imports

MS = 10**6
START_NS = START_MS * MS
BTC = Instrument(id=3, venue="binance", symbol="BTCUSDT", base="BTC", quote="USDT", kind="spot", price_decimals=2,
                 size_decimals=3, price_step=1, size_step=1, size_min=1, size_max=10**9, notional_min=0)  # fmt: skip
MODELS = Models(Constant(MS), Constant(MS), Fees.flat("0.0002", "0.0005"))


class Buyer(Strategy):
    """Buys once at the ask."""

    def on_start(self) -> None:
        """Begin without an order."""
        self.sent = False

    def on_book(self, book: Book) -> None:
        """Buy at the first book with two sides."""
        if not self.sent and book.levels(SELL):
            self.sent = True
            self.place(book.instrument, BUY, 1, book.best(SELL), time_in_force=TimeInForce.IOC)


@pytest.fixture
def imports(tmp_path: Path) -> Imports:
    """Imports into a directory of their own."""
    return Imports(tmp_path)


def market(imports: Imports) -> None:
    """A book of two sides that moves, and trades."""
    rows = ["time,side,price,size,snapshot", f"{START_MS},bid,100.00,1,true", f"{START_MS},ask,101.00,1,true"]
    rows += [f"{START_MS + 10 + n},bid,100.{n:02},{n % 3},false" for n in range(50)]
    imports.csv("levels", *rows, name="levels.csv")
    prints = [f"{START_MS + 5 + 10 * n},101.00,0.5,buy,{n + 1}" for n in range(5)]
    imports.csv("trades", "time,price,size,side,id", *prints, name="trades.csv")


def test_imported_levels_and_trades_are_events(imports: Imports) -> None:
    """A reset, two levels, then changes and prints in the order of their times, with the run's own ids."""
    market(imports)
    events = from_history([BTC], directory=imports.directory)
    first = [(int(row["kind"]), int(row["side"]), int(row["price"]), int(row["size"])) for row in events[:3]]
    assert first == [(STATE, 0, 0, BookState.GOOD), (LEVEL, BUY, 10_000, 1_000), (LEVEL, SELL, 10_100, 1_000)]
    assert [int(one) for one in events[:3]["flags"]] == [Flag.RESET | Flag.SNAPSHOT, Flag.SNAPSHOT, Flag.SNAPSHOT | 1]
    assert (len(events), int((events["kind"] == PRINT).sum())) == (58, 5)
    assert set(events["instrument"].tolist()) == {3}
    assert (np.diff(events["receive_ns"]) >= 0).all()


def test_a_strategy_runs_over_an_import(imports: Imports) -> None:
    """From a file of others to a fill in three calls."""
    market(imports)
    events = from_history([BTC], directory=imports.directory)
    result = simulate(events, Buyer, instruments=[BTC], models=MODELS)
    assert result.fills["price"].tolist() == [10_100]


def test_best_prices_are_a_book_of_one_level(imports: Imports) -> None:
    """Archives of quotes have no book: another best price removes the one before."""
    head = "time,bid_price,bid_size,ask_price,ask_size"
    quotes = [f"{START_MS},99.00,1,101.00,1", f"{START_MS + 1},99.50,2,101.00,3", f"{START_MS + 2},99.50,2,,"]
    imports.csv("quotes", head, *quotes)
    events = from_history([BTC], directory=imports.directory, books="best")
    rows = [(int(row["side"]), int(row["price"]), int(row["size"])) for row in events if row["kind"] == LEVEL]
    assert rows == [
        (BUY, 9_900, 1_000), (SELL, 10_100, 1_000), (BUY, 9_900, 0), (BUY, 9_950, 2_000), (SELL, 10_100, 3_000),
        (BUY, 9_950, 2_000), (SELL, 10_100, 0),
    ]  # fmt: skip


def test_decimals_are_those_of_the_instrument(imports: Imports) -> None:
    """A venue changes its steps; a run has one scale, and no digit is lost on the way."""
    market(imports)
    fine = dataclasses.replace(BTC, price_decimals=4)
    assert from_history([fine], directory=imports.directory)["price"].max() == 1_010_000
    with pytest.raises(ValueError, match="price: a value has 2 decimals more than the instrument"):
        from_history([dataclasses.replace(BTC, price_decimals=0)], directory=imports.directory)


def test_what_the_history_does_not_have_is_named(imports: Imports) -> None:
    """An empty run would look like a strategy that never trades."""
    market(imports)
    with pytest.raises(ValueError, match="symbol 'XYZ': nothing is recorded of it"):
        from_history([dataclasses.replace(BTC, symbol="XYZ")], directory=imports.directory)
    with pytest.raises(ValueError, match="books: found 'all', expected one of levels, best, none"):
        from_history([BTC], directory=imports.directory, books="all")


def test_imported_bars_are_bars_of_research(imports: Imports) -> None:
    """The cross of two means over an archive of klines."""
    head = "time,open,high,low,close,volume"
    minute, start = 60_000, START_MS // 60_000 * 60_000
    rows = [f"{start + n * minute},{100 + n}.00,{101 + n}.00,{99 + n}.00,{100 + n}.50,{n % 4}" for n in range(40)]
    imports.csv("bars", head, *rows)
    found = bars.from_history(BTC, "1m", directory=imports.directory)
    assert len(found) == 30  # without the bars in which nothing was traded
    bars.check(found, BTC, 60 * 10**9)
    assert found[0].tolist() == ((start + minute) * MS, 10_100, 10_200, 10_000, 10_150, 1_000)
    fees = Fees.flat("0", "0.001")
    result = bars.cross(found, BTC, "1m", fast=[2], slow=[5], size="0.010", fees=fees, half_spread_steps=1)
    assert result is not None
    assert len(bars.from_history(BTC, "5m", directory=imports.directory)) == 0


def test_a_range_with_lost_records_is_refused_unless_they_are_named(imports: Imports) -> None:
    """After a lost change every later fill would be at a book that never was."""
    market(imports)
    kind = imports.directory / "store" / "levels"
    manifest = Manifest.load(kind)
    [path] = manifest.files
    manifest.files[path] = msgspec.structs.replace(manifest.files[path], gaps=2, lost=31, lost_ns=1_500_000_000)
    manifest.save(Disk())
    with pytest.raises(ValueError, match=r"levels: 2 gaps, 31 records and 1.5 s lost, in .*: choose another range"):
        from_history([BTC], directory=imports.directory)
    assert len(from_history([BTC], directory=imports.directory, gaps="keep")) == 58
    assert len(missing_in([BTC], directory=imports.directory)) == 1
    assert missing_in([BTC], directory=imports.directory, books="best") == ()
    with pytest.raises(ValueError, match="gaps: found 'yes', expected one of refuse, keep"):
        from_history([BTC], directory=imports.directory, gaps="yes")

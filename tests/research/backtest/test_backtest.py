"""`backtest_strategy`: equal for every kind of table, and every mistake is refused with its row or its key."""

import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from engine.model.instrument import Instrument
from engine.strategy import BUY, Book, Strategy
from engine.strategy.samples import MovingAverageCross
from research import backtest_strategy
from research.backtest.columns import Frame
from research.backtest.market import of_books
from research.bars import BAR, cross
from research.simulate import EVENT, Fees
from tests.research.simulate.tapes import tape

CONFIG: dict[str, Any] = {
    "instrument": {"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "price_step": "0.01", "size_step": "0.001"},
    "latency": {"order_ms": 2.0, "answer_ms": 2.0, "feed_ms": 1.0},
    "fees": {"maker": "0.0002", "taker": "0.0005"},
}
OF_BARS = CONFIG | {
    "bars": ["1m"],
    "half_spread_steps": 2,
    "parameters": {"size": "0.01", "interval_ms": 60_000, "fast": 3, "slow": 9},
}
OF_TICKS = CONFIG | {"half_spread_steps": 1}
BTC = Instrument(1, "venue", "BTCUSDT", "BTC", "USDT", 2, 3, 1, 1, 0, 0, 0)
ROOT = Path(__file__).parents[3]


class Idle(Strategy):
    """Does nothing."""


class Counts(Strategy):
    """Buys once, and counts what it is shown."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """Where the counts are kept."""

        seen: Any

    def on_book(self, book: Book) -> None:
        """Keep the best prices, and buy at the first ones."""
        if not self.position(book.instrument) and not self.orders(book.instrument):
            self.enter(book.instrument, BUY, 10, book.best_ask)
        self.parameters.seen.append((book.best_bid, book.best_ask))

    def on_print(self, print_: Any) -> None:
        """Keep the trade."""
        self.parameters.seen.append((print_.price, print_.size, print_.side))


def bars(count: int = 300) -> pd.DataFrame:
    """A walk in bars of one minute."""
    draw = np.random.default_rng(5)
    close = 100 + np.cumsum(draw.integers(-9, 10, count)) / 100
    open_ = np.append(100.0, close[:-1])
    table = {
        "open": open_, "high": np.maximum(open_, close) + 0.05, "low": np.minimum(open_, close) - 0.05,
        "close": close, "volume": draw.integers(0, 9, count) / 1_000,
    }  # fmt: skip
    return pd.DataFrame(table, index=pd.date_range("2024-01-01", periods=count, freq="min", tz="UTC")).round(3)


def ticks() -> dict[str, Any]:
    """Four trades."""
    times = np.array(["2024-01-01T00:00:00", "2024-01-01T00:00:01", "2024-01-01T00:00:01", "2024-01-01T00:00:03"])
    return {
        "time": times.astype("M8[ns]"), "price": np.array([100.0, 100.01, 100.02, 99.99]),
        "size": np.array([0.5, 0.001, 1.0, 2.0]), "side": np.array(["buy", "Sell", "BUY", "sell"]),
    }  # fmt: skip


def books() -> dict[str, Any]:
    """Three books of two levels."""
    return {
        "time": ticks()["time"][[0, 1, 3]],
        "bid_price_1": [99.99, 100.00, 99.99], "bid_size_1": [1.0, 2.0, 3.0],
        "bid_price_2": [99.98, 99.99, 99.97], "bid_size_2": [1.0, 1.0, 0.0],
        "ask_price_1": [100.01, 100.01, 100.02], "ask_size_1": [1.0, 1.0, 1.0],
        "ask_price_2": [100.02, 100.03, 100.03], "ask_size_2": [1.0, 1.0, 1.0],
    }  # fmt: skip


def test_every_kind_of_table_has_the_same_result_and_equals_the_array_path() -> None:
    """The number may not depend on the library that holds the data."""
    table = bars()
    named = table.reset_index(names="time")
    tables = (
        table, named, pl.from_pandas(named), pa.Table.from_pandas(named),
        {name: named[name].to_numpy("M8[ns]" if name == "time" else None) for name in named},
    )  # fmt: skip
    fast = OF_BARS | {"latency": {"order_ms": 0.0, "answer_ms": 0.0, "feed_ms": 0.0}}
    results = [backtest_strategy(one, MovingAverageCross, fast) for one in tables]
    assert len(results[0].fills) > 10
    for result in results[1:]:
        assert result.fills.tobytes() == results[0].fills.tobytes()
    exact = np.zeros(len(table), BAR)
    exact["start_ns"] = table.index.as_unit("ns").asi8
    for name in ("open", "high", "low", "close", "volume"):
        exact[name] = np.rint(table[name] * (1_000 if name == "volume" else 100))
    fees = Fees.flat("0.0002", "0.0005")
    [found] = cross(exact, BTC, "1m", fast=[3], slow=[9], size="0.01", fees=fees, half_spread_steps=2).table
    assert (found["fills"], found["fees"]) == (len(results[0].fills), results[0].fills["fee"].sum())
    assert found["equity"] == pytest.approx(results[0].equity(1)[-1]["equity"], abs=1e-9)
    ends = named.assign(time=named["time"] + pd.Timedelta("1min"))
    same = backtest_strategy(ends, MovingAverageCross, fast | {"bar_time": "end"})
    assert same.fills.tobytes() == results[0].fills.tobytes()


def test_a_file_and_a_dictionary_are_the_same_configuration(tmp_path: Path) -> None:
    """The strategy's own file and a system's parameters are used as they are."""
    file = tmp_path / "config.toml"
    file.write_text("""
        bars = ["1m"]
        half_spread_steps = 2
        [instrument]
        symbol = "BTCUSDT"
        base = "BTC"
        quote = "USDT"
        price_step = "0.01"
        size_step = "0.001"
        [latency]
        order_ms = 2
        answer_ms = 2
        feed_ms = 1
        [fees]
        maker = "0.0002"
        taker = "0.0005"
        [parameters]
        size = "0.01"
        fast = 3
        slow = 9
    """)
    strategy = str(ROOT / "configs/strategies/moving_average_cross.toml")
    found = backtest_strategy(bars(), strategy, file)
    assert found.fills.tobytes() == backtest_strategy(bars(), MovingAverageCross, OF_BARS).fills.tobytes()
    names = [one.name for one in found.assumptions]
    assert names[:4] == ["book_depth_unlimited", "book_around_price", "path_inside_bars", "no_empty_bars"]
    file.write_text("bars = [")
    with pytest.raises(ValueError, match=r"config\.toml: .*"):
        backtest_strategy(bars(), strategy, file)


def test_ticks_are_prints_with_a_book_around_each_price() -> None:
    """A strategy reads trades, and its orders pay half a spread that was named."""
    seen: list[Any] = []
    result = backtest_strategy(ticks(), Counts, OF_TICKS | {"parameters": {"seen": seen}})
    assert seen[:4] == [(10_000, 500, 1), (9_999, 10_001), (10_001, 1, -1), (10_000, 10_002)]
    assert [(fill["price"], fill["size"]) for fill in result.fills] == [(10_001, 10)]
    names = {one.name for one in result.assumptions if one.favours}
    assert "book_depth_unlimited" in names


def test_books_become_the_changes_between_rows() -> None:
    """A level that a row lacks is gone; one that stays the same is no event."""
    table = books()
    events, book, row = of_books(Frame(table), BTC), {}, 0
    assert len(events) == 4 + 4 + 4
    for event in events:
        book[int(event["side"]), int(event["price"])] = int(event["size"])
        if event["flags"] & 1:
            assert {key: size for key, size in book.items() if size} == {
                (side, round(100 * table[f"{name}_price_{level}"][row])): 1_000 * table[f"{name}_size_{level}"][row]
                for side, name in ((1, "bid"), (-1, "ask")) for level in (1, 2) if table[f"{name}_size_{level}"][row]
            }  # fmt: skip
            row += 1
    assert row == 3
    seen: list[Any] = []
    result = backtest_strategy(table, Counts, CONFIG | {"parameters": {"seen": seen}})
    assert seen == [(9_999, 10_001), (10_000, 10_001), (9_999, 10_002)]
    assert result.fills["price"].tolist() == [10_001]
    assert "no_prints" in {one.name for one in result.assumptions}


def test_a_class_with_on_bar_has_bars_of_the_ticks() -> None:
    """Bars are closed by the clock, as in the engine."""
    config = OF_TICKS | {"parameters": OF_BARS["parameters"]}
    with pytest.raises(ValueError, match="config: no `bars`, expected some: MovingAverageCross reads bars"):
        backtest_strategy(ticks(), MovingAverageCross, config)
    assert backtest_strategy(ticks(), MovingAverageCross, config | {"bars": ["1m"]}).events == 12


def test_an_account_without_money_fills_nothing_and_bars_without_a_reader_are_refused() -> None:
    """Both keys were accepted without an effect before."""
    free = backtest_strategy(ticks(), Counts, OF_TICKS | {"parameters": {"seen": []}})
    poor = backtest_strategy(ticks(), Counts, OF_TICKS | {"parameters": {"seen": []}, "capital": {"USDT": "0.01"}})
    assert len(free.fills) > 0
    assert (len(poor.fills), poor.balances["USDT"].free) == (0, Decimal("0.01"))
    with pytest.raises(ValueError, match="config: `bars`: the strategy has no on_bar"):
        backtest_strategy(ticks(), Idle, OF_TICKS | {"bars": ["1m"]})


def test_events_are_accepted_as_they_are() -> None:
    """A recording of our own needs no table."""
    config = copy.deepcopy(CONFIG)
    del config["latency"]["feed_ms"]
    events = tape(3, 500, (BTC,))
    assert events.dtype == EVENT
    latency = {"order_ms": 1e-6, "answer_ms": 1e-6}
    assert backtest_strategy(events, Idle, config | {"latency": latency}).events == len(events)


def changed(table: dict[str, Any], name: str, row: int, value: Any) -> dict[str, Any]:
    """The table with another value."""
    column = np.array(table[name])
    column[row] = value
    return {**table, name: column}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (changed(ticks(), "price", 2, np.nan), "row 2 has price nan, expected a number"),
        (changed(ticks(), "price", 2, np.inf), "row 2 has price inf, expected a number"),
        (changed(ticks(), "price", 2, 100.005), "row 2 has price 100.005, expected a multiple of 0.01"),
        (changed(ticks(), "price", 2, -1), "row 2 has price -1.0, expected at least 0.02"),
        (changed(ticks(), "size", 0, 0), "row 0 has size 0.0, expected at least 0.001"),
        (changed(ticks(), "size", 0, 1e30), r"row 0 has size 1e\+30, expected a number below"),
        (changed(ticks(), "side", 3, "long"), 'row 3 has side long, expected "buy" or "sell"'),
        (changed(ticks(), "time", 1, np.datetime64("2023-01-01")), "row 1 has time .*, expected rows in the order"),
        (changed(ticks(), "time", 1, np.datetime64("NaT")), "row 1 has time NaT, expected a time"),
        (ticks() | {"time": [1, 2, 3, 4]}, "row 0 has time 1, expected nanoseconds since 1970"),
        (
            ticks() | {"price": np.ma.masked_equal([100.0, 101.0, 102.0, 103.0], 102.0)},
            "row 2 has no price: it is masked",
        ),
        (ticks() | {"trade_id": [7, 8, 7, 9]}, "row 2 has trade_id 7, expected each once"),
        (ticks() | {"sise": [1, 2, 3, 4]}, "unknown column 'sise', did you mean s"),
        ({k: v for k, v in ticks().items() if k != "side"}, "no column 'side'; ticks need time, price, size, side"),
        (changed(books(), "bid_price_1", 1, 100.01), "row 1 has bid 10001 and ask 10001, expected the bid below"),
        (changed(books(), "bid_price_2", 1, 100.00), "row 1 has one bid price twice"),
        (changed(books(), "time", 1, books()["time"][0]), "row 1 has time .*, expected one row for each time"),
        ({k: v for k, v in books().items() if k != "ask_size_2"}, "no column 'ask_size_2'"),
        ({}, "found no column"),
        (ticks() | {"price": [1.0]}, "columns of different length"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(table: dict[str, Any], text: str) -> None:
    """A number that is made up for a bad row is in the result for ever."""
    config = OF_TICKS if "price" in table else CONFIG
    with pytest.raises(ValueError, match=text):
        backtest_strategy(table, Idle, config)


@pytest.mark.parametrize("name", ["time", "high"])
def test_a_wrong_bar_is_refused_with_its_row(name: str) -> None:
    """Rows that are twice in a file are the commonest mistake of stored candles."""
    named = bars().reset_index(names="time")
    named.loc[7, name] = named.loc[6, "time"] if name == "time" else 1.0
    expected = {"time": "row 7 has time .*, expected one row for each time", "high": "row 7, .*expected a high"}
    with pytest.raises(ValueError, match=expected[name]):
        backtest_strategy(named, MovingAverageCross, OF_BARS)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"fee": {}}, "config: fee: unknown key; did you mean fees"),
        ({"fees": {"taker": "0.1"}}, "config: .fees. .*missing required field `maker`"),
        ({"fees": {"maker": "0", "takr": "0"}}, "config: .fees. takr: unknown key; did you mean taker"),
        ({"fees": None}, "config: fees is None, expected a table"),
        ({"latency": {"order_ms": 1.0, "answer_ms": 1.0}}, "no feed_ms: the data has no receive_time"),
        ({"latency": {"order_ms": -1.0, "answer_ms": 1.0}}, "config: .latency. Expected `float` >= 0.0"),
        ({"half_spread_steps": None}, "config: no `half_spread_steps`, expected one for ticks"),
        ({"bar_path": "low_first"}, "config: `bar_path` has no effect on ticks: remove it"),
        ({"parameters": {"x": 1}}, "unknown parameter `x`"),
        ({"caps": {"max_order": 1}}, "caps: unknown key `max_order`"),
        ({"mark": "1x"}, "found '1x', expected a length"),
        ({"instrument": CONFIG["instrument"] | {"price_step": "0"}}, "price_step is 0, expected a number over 0"),
    ],
)
def test_a_wrong_key_is_refused_by_name(change: dict[str, Any], text: str) -> None:
    """An option that is ignored gives the result of another question."""
    with pytest.raises(ValueError, match=text):
        backtest_strategy(ticks(), Idle, OF_TICKS | change)


@pytest.mark.parametrize("name", ["instrument", "latency", "fees"])
def test_what_changes_a_result_much_has_no_default(name: str) -> None:
    """A default of the fees would be someone else's."""
    with pytest.raises(ValueError, match=rf"config: no \[{name}\], expected one: it has no default"):
        backtest_strategy(ticks(), Idle, {key: value for key, value in OF_TICKS.items() if key != name})


def test_a_strategy_that_does_not_exist_is_named() -> None:
    """A misspelt file is no class."""
    with pytest.raises(ValueError, match=r"strategy: found 'mine\.tml', expected a class"):
        backtest_strategy(ticks(), "mine.tml", OF_TICKS)

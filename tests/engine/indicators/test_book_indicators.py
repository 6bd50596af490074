"""Indicators of a book agree with what the engine publishes; a table gives an indicator its columns by name."""

from random import Random

import numpy as np
import pytest

from engine.book import imbalance, spread_bps
from engine.indicators import (
    Imbalance,
    Microprice,
    OrderFlowImbalance,
    Rsi,
    Sma,
    SpreadBps,
    TradeFlow,
    VolumeRatio,
    Vwap,
)
from engine.indicators.columns import over
from engine.model.aggregates import BAR
from engine.model.records import BOOK_DEPTH, BOOK_TOP, TICK
from engine.model.words import BookState, TickKind

NAN = float("nan")


def books(count: int) -> np.ndarray:
    """BOOK_TOP records of a random market with large and missing levels, as a feed fills them."""
    random, records = Random(4), np.zeros(count, BOOK_TOP.dtype)
    for record in records:
        bids, asks = random.choice((0, 1, 7, 10, 10)), random.choice((0, 1, 7, 10, 10))
        best = random.randrange(10**12, 10**13)
        for side, levels in (("bid", bids), ("ask", asks)):
            record[f"{side}s"] = levels
            for i in range(levels):
                record[f"{side}_price"][i] = best - i if side == "bid" else best + 3 + i
                record[f"{side}_size"][i] = random.randrange(1, 10**17)
        record["state"], record["instrument"] = BookState.GOOD, 3
        record["imbalance"] = imbalance(record["bid_size"][:bids].tolist(), record["ask_size"][:asks].tolist())
        record["spread_bps"] = spread_bps(int(record["bid_price"][0]), int(record["ask_price"][0]))
    return records


def test_imbalance_and_spread_are_what_book_top_publishes() -> None:
    """A strategy that compares its indicator with the published number must not see two definitions."""
    records = books(400)
    np.testing.assert_array_equal(over(Imbalance(), records), records["imbalance"])
    np.testing.assert_array_equal(over(SpreadBps(), records), records["spread_bps"])
    assert np.isnan(records["imbalance"]).any()
    assert np.isfinite(records["imbalance"]).any()


def test_a_book_that_is_not_good_is_missing() -> None:
    """A number of a book that may be wrong looks like any other number."""
    records = books(50)
    records["state"][10:] = BookState.SUSPECT
    assert np.isnan(over(Imbalance(), records)[10:]).all()
    assert np.isnan(over(Sma(1), records)[10:]).all()


def test_order_flow_follows_the_paper() -> None:
    """Size that joins a bid or leaves an ask is demand; a better price counts whole."""
    bid, bid_size = [100, 100, 101, 100], [5, 8, 2, 9]
    ask, ask_size = [102, 102, 102, 103], [4, 1, 1, 6]
    # +3 bids join, +3 asks leave; a new bid of 2; the bid of 2 leaves, the ask of 1 is gone
    np.testing.assert_array_equal(OrderFlowImbalance(1).over(bid, bid_size, ask, ask_size), [NAN, 6, 2, -2 + 1])
    np.testing.assert_array_equal(OrderFlowImbalance(3).over(bid, bid_size, ask, ask_size), [NAN, NAN, NAN, 7])


def test_the_microprice_moves_towards_the_thin_side() -> None:
    """The next trade is more likely there."""
    np.testing.assert_array_equal(Microprice().over([100, 100], [1, 3], [104, 104], [1, 1]), [102, 103])


def ticks(*rows: tuple[int, int, int, int]) -> np.ndarray:
    """TICK records: kind, price, size, side."""
    records = np.zeros(len(rows), TICK.dtype)
    for record, (kind, price, size, side) in zip(records, rows, strict=True):
        record["kind"], record["price"], record["size"], record["side"] = kind, price, size, side
    return records


def test_prints_of_a_lane_are_rows() -> None:
    """Times, sizes and sides are found under the names of the record."""
    records = ticks((TickKind.PRINT, 10, 4, 1), (TickKind.PRINT, 30, 4, -1))
    np.testing.assert_array_equal(over(TradeFlow(2), records), [NAN, 0])
    np.testing.assert_array_equal(over(Vwap(), records), [10, 20])


def test_changes_of_a_book_among_prints_are_refused() -> None:
    """Every level would count as a trade."""
    with pytest.raises(ValueError, match="1 ticks that are no prints; select the rows whose kind is print"):
        over(TradeFlow(1), ticks((TickKind.PRINT, 10, 4, 1), (TickKind.LEVEL, 10, 4, 1)))


def test_two_instruments_in_one_table_are_refused() -> None:
    """An average over two prices is a price of neither."""
    records = books(2)
    records["instrument"][1] = 9
    with pytest.raises(ValueError, match="2 values of instrument"):
        over(Sma(1), records)


def test_bars_and_tables_have_their_columns() -> None:
    """Records, DataFrames and dicts are read alike; a volume of more than 64 bits is whole."""
    bars = np.zeros(3, BAR.dtype)
    bars["close"], bars["volume_high"], bars["volume_low"] = [1, 2, 3], [1, 0, 0], [0, 2**63, 2**63]
    np.testing.assert_array_equal(over(VolumeRatio(2), bars), [NAN, 2**63 / (0.75 * 2**64), 1])
    np.testing.assert_array_equal(over(Sma(2), bars), [NAN, 1.5, 2.5])
    np.testing.assert_array_equal(over(Sma(2), {"close": [1, 2, 3]}), [NAN, 1.5, 2.5])
    middle = {"bid_price_1": [1.0, 2.0, NAN], "ask_price_1": [3.0, 4.0, 5.0], "state": ["good", "good", "good"]}
    np.testing.assert_array_equal(over(Sma(1), middle), [2, 3, NAN])
    times = np.array(["2026-01-01T00:00", "2026-01-02T00:00"], "M8[ns]")
    np.testing.assert_array_equal(over(Vwap(), {"price": [1, 2], "size": [1, 1], "publish_ns": times}), [1, 2])


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"open": [1]}, "the table has no column 'bid_price_1'; it has open"),
        ({"bid_price_1": [1]}, "no column 'ask_price_1'"),
        (np.zeros(3), "no named columns"),
        (np.zeros(1, [("bid_price", "i8", 0), ("ask_price", "i8", 10)]), "levels of shape"),
    ],
)
def test_a_table_without_the_columns_is_refused_by_name(table: object, text: str) -> None:
    """A wrong table is found at the first call."""
    with pytest.raises((ValueError, TypeError), match=text):
        over(Rsi(), table)


def test_a_book_has_as_many_levels_as_it_publishes() -> None:
    """More would be columns that no record has."""
    assert len(Imbalance().inputs) == 2 * BOOK_DEPTH
    with pytest.raises(ValueError, match="levels is 11; expected a whole number from 1 to 10"):
        Imbalance(11)

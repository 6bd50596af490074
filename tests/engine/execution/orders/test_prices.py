"""Fees in a third asset: their value in quote when the fill came, the same in every life."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution.orders.prices import Prices
from engine.model.instrument import Instrument
from engine.model.words import BookState, FillFlag, PositionFlag
from engine.risk.limits import RiskLimits
from engine.risk.market import Top
from tests.engine.execution.memory import BTC, MS, House

BNB = Instrument(2, "binance", "BNBUSDT", "BNB", "USDT", 2, 3, 1, 1, 1, 10**12, 0)
CROSS = Instrument(3, "binance", "ETHBTC", "ETH", "BTC", 5, 4, 1, 1, 1, 10**12, 0)


def prices_of(*instruments: Instrument, **middles: int) -> tuple[Prices, dict[int, Top]]:
    """Prices over good books with these middles, by symbol; the others have none."""
    tops = {one.id: Top() for one in instruments}
    for one in instruments:
        if one.symbol in middles:
            tops[one.id].update(BookState.GOOD, middles[one.symbol] - 1, middles[one.symbol] + 1, 1)
    return Prices(instruments, RiskLimits(), tops), tops


def test_a_fee_is_valued_by_the_book_of_its_asset() -> None:
    """0.0001 BNB at 600 is 0.06 USDT."""
    prices, _ = prices_of(BTC, BNB, BNBUSDT=60_000)
    assert prices.fee_value(BTC.id, 10_000, b"BNB\0\0") == 6_000_000


def test_a_fee_is_valued_through_dollars_where_no_book_has_both() -> None:
    """ETHBTC trades against BTC: BNB is worth its dollars over BTC's."""
    prices, _ = prices_of(BTC, BNB, CROSS, BNBUSDT=60_000, BTCUSDT=6_000_000)
    assert prices.fee_value(CROSS.id, 10_000, b"BNB") == 100


def test_the_fees_own_quote_as_a_base_counts_too() -> None:
    """A fee in USDT on ETHBTC is worth its part of a bitcoin."""
    prices, _ = prices_of(BTC, CROSS, BTCUSDT=6_000_000)
    assert prices.fee_value(CROSS.id, 6_000_000, b"USDT") == 100


def test_without_a_good_price_there_is_no_value() -> None:
    """A guess would be booked for ever."""
    prices, tops = prices_of(BTC, BNB)
    tops[BNB.id].update(BookState.SUSPECT, 59_999, 60_001, 1)
    assert prices.fee_value(BTC.id, 10_000, b"BNB") is None
    assert prices.fee_value(BTC.id, 10_000, b"KCS") is None


def test_a_book_that_is_suspect_for_a_moment_has_its_last_good_price() -> None:
    """A resync lasts a second; the fee of that second is as real as any."""
    prices, tops = prices_of(BTC, BNB, BNBUSDT=60_000)
    prices.middle2(BNB.id)
    tops[BNB.id].update(BookState.SUSPECT, 0, 0, 2)
    assert prices.fee_value(BTC.id, 10_000, b"BNB") == 6_000_000


def test_base_and_quote_need_no_value() -> None:
    """They are counted as what they are."""
    prices, _ = prices_of(BTC, BNB, BNBUSDT=60_000)
    assert prices.fee_value(BTC.id, 10, b"BTC") is None
    assert prices.fee_value(BTC.id, 10, b"USDT") is None


def cells(house: House) -> dict[int, Any]:
    """The account's cells by instrument."""
    return {row.instrument: row for row in house.rows("positions") if not row.strategy}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that also follows BNBUSDT, with the fees in BNB."""
    house = House(tmp_path, segment_size=1 << 12)
    house.kill()
    house.config = msgspec.structs.replace(house.config, instruments=(BTC, BNB))
    house.role = house.live()
    house.venue.fee_asset, house.venue.fee = "BNB", "0.0001"
    house.ready()
    return house


def test_a_restart_counts_a_fee_as_it_was_valued_and_not_anew(house: House) -> None:
    """A price that moved since would change the profit of the past at every start."""
    house.book(59_999, 60_001, instrument=BNB.id)
    house.venue.fill(house.place(size=100).client_id.hex(), 100)
    house.run(3)
    (fill,) = [row for row in house.rings["fills"].rows if not row.flags & FillFlag.OPENING]
    assert (fill.flags, fill.fee_value) == (FillFlag.FEE_VALUED, 6_000_000)
    assert cells(house)[BTC.id].fees == 0.06
    for middle in (90_000, 30_000):
        house.restart()
        house.book(middle - 1, middle + 1, instrument=BNB.id)
        house.ready()
        house.settle(1)
        assert (cells(house)[BTC.id].fees, cells(house)[BTC.id].flags) == (0.06, 0)


def test_a_fee_that_had_no_price_stays_marked(house: House) -> None:
    """Through a restart, with the amount and the asset."""
    house.venue.fill(house.place(size=100).client_id.hex(), 100)
    house.run(3)
    house.restart()
    house.ready()
    house.settle(1)
    row = cells(house)[BTC.id]
    assert row.flags == PositionFlag.FEES_UNVALUED
    assert (row.fee_unvalued, row.fee_unvalued_asset.rstrip(b"\0"), row.fees) == (10_000, b"BNB", 0)


def test_the_days_net_outlives_a_restart(house: House) -> None:
    """A day's loss that a restart forgets is lost twice."""
    house.venue.fee = "0"
    house.venue.fill(house.place(size=100, price=5_999_000).client_id.hex(), 100)
    house.run(200, MS)
    before = cells(house)[BTC.id]
    day = 86_400 * 1_000_000_000
    house.now_ns += day - house.now_ns % day
    house.book(5_899_900, 5_900_100)
    house.run(200, MS)
    house.book(5_799_900, 5_800_100)
    house.run(200, MS)
    for _ in range(2):
        row = cells(house)[BTC.id]
        assert row.day_ns == before.day_ns + day
        assert (row.net, row.net_day) == (pytest.approx(-1.99), pytest.approx(-1.0))
        house.restart()
        house.ready()
        house.book(5_799_900, 5_800_100)
        house.run(200, MS)

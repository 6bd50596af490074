"""`MarketTick` and back: not a digit lost, or refused."""

from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.fixed import INT64_MAX, to_text
from engine.model.instrument import Instrument
from engine.model.market_tick import MarketTick, TickFields, from_market_tick, to_market_tick

BTC = Instrument(7, "north", "BTCUSDT", "BTC", "USDT", 2, 8, 1, 1, 1, 10**12, 0)
NUMBER = st.integers(-INT64_MAX, INT64_MAX)
SMALL = st.integers(0, 10**15)  # fifteen digits: every float carries them


@given(SMALL, SMALL, st.integers(0, INT64_MAX // 1000), st.integers(0, 12), st.integers(0, 12))
def test_what_a_float_carries_comes_back_exactly(price: int, size: int, time_us: int, coarse: int, fine: int) -> None:
    """Somebody prices an order by what comes back."""
    instrument = replace(BTC, price_decimals=coarse, size_decimals=fine)
    fields = TickFields(time_us * 1000, price, size, instrument.id)
    assert from_market_tick(to_market_tick(fields, instrument), instrument) == fields


@given(NUMBER, NUMBER, st.integers(0, 12))
def test_any_number_comes_back_exactly_or_is_refused(price: int, size: int, decimals: int) -> None:
    """A rounded size is a wrong number that looks right."""
    instrument = replace(BTC, price_decimals=decimals, size_decimals=decimals)
    fields = TickFields(0, price, size, instrument.id)
    exact = all(
        Decimal(repr(float(text))) == Decimal(text) for text in (to_text(price, decimals), to_text(size, decimals))
    )
    with nullcontext() if exact else pytest.raises(ValueError, match="more digits than a float carries"):
        assert from_market_tick(to_market_tick(fields, instrument), instrument) == fields


def test_the_names_are_the_schemas() -> None:
    """Those who read it look for these five."""
    reported = to_market_tick(TickFields(1_700_000_000_123_456_789, 6_100_050, 25_000_000, 7), BTC)
    assert reported._asdict() == {
        "symbol": "BTCUSDT",
        "price": 61000.5,
        "volume": 0.25,
        "timestamp_us": 1_700_000_000_123_456,
        "exchange": "north",
    }


def test_a_number_no_float_carries_is_refused_with_its_digits() -> None:
    """2^53 + 1 is the first whole number that a float misses."""
    with pytest.raises(ValueError, match=r"90071992547409\.93 has more digits"):
        to_market_tick(TickFields(0, 2**53 + 1, 1, 7), BTC)


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        (MarketTick("ETHUSDT", 1.0, 1.0, 0, "north"), "expected a tick of 'BTCUSDT' at 'north', was of 'ETHUSDT'"),
        (MarketTick("BTCUSDT", 1.0, 1.0, 0, "south"), "at 'south'"),
        (MarketTick("BTCUSDT", 1.001, 1.0, 0, "north"), "more than 2 decimals"),
    ],
)
def test_a_tick_that_is_not_the_instruments_is_refused(tick: MarketTick, expected: str) -> None:
    """Another symbol's price in this one's decimals would be believed."""
    with pytest.raises(ValueError, match=expected):
        from_market_tick(tick, BTC)

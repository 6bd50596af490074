"""Sizes for strategies: each formula, and its limits."""

import math
from collections.abc import Callable
from decimal import Decimal

import pytest

from engine.model.instrument import Instrument
from engine.strategy import BUY, SELL, fixed_fraction, kelly, value_at_risk_capped, volatility_scaled

BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 10, 100, 10**9, 0)
PRICE = 5_000_000  # 50,000.00
WHOLE = 100_000  # one BTC
TRADES = [2.0] * 24 + [-1.0] * 16  # p = 0.6, b = 2: the edge is 0.4
RETURNS = [0.01, -0.01] * 50
DEVIATION = 0.01 * math.sqrt(100 / 99)


def fixed(capital: object = "100000", price: int = PRICE) -> int:
    """A tenth of the capital."""
    return fixed_fraction(BTC, capital, "0.1", price)  # type: ignore[arg-type]


def half_kelly(capital: object = "100000", price: int = PRICE, data: list[float] = TRADES) -> int:
    """Half of it, a quarter of the capital at most."""
    return kelly(BTC, capital, data, price, "0.5", "0.25")  # type: ignore[arg-type]


def scaled(capital: object = "100000", price: int = PRICE, data: list[float] = RETURNS) -> int:
    """A deviation of 0.1 % of the capital."""
    return volatility_scaled(BTC, capital, data, price, "0.001", "0.5")  # type: ignore[arg-type]


def capped(capital: object = "100000", price: int = PRICE, data: list[float] = RETURNS) -> int:
    """Ten BTC, unless they lose over 1 % of the capital."""
    return value_at_risk_capped(BTC, 10 * WHOLE, BUY, capital, data, price, "0.01")  # type: ignore[arg-type]


ALL: tuple[Callable[..., int], ...] = (fixed, half_kelly, scaled, capped)
FROM_DATA = ALL[1:]


def test_each_size_is_its_formula() -> None:
    """A user sizes a real order by it."""
    assert fixed() == 20_000, "10,000 dollars at 50,000"
    assert half_kelly() == 40_000, "0.5 * 0.4 = 20 % of 100,000 dollars"
    assert scaled() == math.floor(0.001 / DEVIATION * 200_000) // 10 * 10, "on size steps"
    assert capped() == 2 * WHOLE, "100,000 dollars lose 1 %, which 5 % of the returns do not exceed"


@pytest.mark.parametrize("size", ALL)
@pytest.mark.parametrize("capital", ["0", "-5", Decimal("nan"), "Infinity"])
def test_without_capital_there_is_no_size(size: Callable[..., int], capital: object) -> None:
    """A lost account must not order by what it had."""
    assert size(capital) == 0


@pytest.mark.parametrize("size", ALL)
@pytest.mark.parametrize("price", [0, -1])
def test_without_a_price_there_is_no_size(size: Callable[..., int], price: int) -> None:
    """A book that is empty has the price 0."""
    assert size(price=price) == 0


@pytest.mark.parametrize("size", FROM_DATA)
@pytest.mark.parametrize("data", [[], [0.01], [0.01, -0.01] * 9, [*TRADES, math.nan], [*TRADES, -math.inf]])
def test_without_enough_sound_data_there_is_no_size(size: Callable[..., int], data: list[float]) -> None:
    """A guess from a few numbers is no size for real money."""
    assert size(data=data) == 0


@pytest.mark.parametrize("size", ALL)
def test_a_float_of_money_is_refused(size: Callable[..., int]) -> None:
    """Its digits differ from the written ones."""
    with pytest.raises(TypeError, match="expected decimal text"):
        size(100_000.0)


@pytest.mark.parametrize("share", ["0", "-0.1", "1.01", "nan", "much"])
def test_a_share_out_of_its_bounds_is_refused(share: str) -> None:
    """It is a mistake of the file, found at the first call."""
    with pytest.raises(ValueError, match="expected"):
        fixed_fraction(BTC, "100000", share, PRICE)
    with pytest.raises(ValueError, match="expected"):
        kelly(BTC, "100000", TRADES, PRICE, share, "1")
    with pytest.raises(ValueError, match="expected"):
        volatility_scaled(BTC, "100000", RETURNS, PRICE, "0.01", share)
    with pytest.raises(ValueError, match="expected"):
        value_at_risk_capped(BTC, WHOLE, BUY, "100000", RETURNS, PRICE, share)


def test_kelly_has_no_size_without_an_edge_and_is_capped_with_a_large_one() -> None:
    """The fraction that grows fastest is ruinous where the statistics are too good."""
    assert half_kelly(data=[1.0] * 20 + [-1.0] * 20) == 0
    assert half_kelly(data=[1.0] * 10 + [-1.0] * 30) == 0
    assert half_kelly(data=[-1.0] * 40) == half_kelly(data=[0.0] * 40) == 0
    assert half_kelly(data=[1.0] * 40) == 50_000, "no loss: half of the capital, but a quarter at most"


def test_a_quiet_market_does_not_make_a_size_without_bound() -> None:
    """A deviation near 0 divides to anything."""
    assert scaled(data=[0.0] * 40) == scaled(data=[1e-12, 0.0] * 20) == WHOLE


def test_the_cap_by_value_at_risk_knows_the_side_and_never_raises_a_size() -> None:
    """A short position loses where prices rise."""
    rising = [0.05] * 40
    assert value_at_risk_capped(BTC, WHOLE, BUY, "100000", rising, PRICE, "0.01") == WHOLE
    assert value_at_risk_capped(BTC, WHOLE, SELL, "100000", rising, PRICE, "0.01") == 40_000
    assert value_at_risk_capped(BTC, 500, SELL, "100000", rising, PRICE, "0.01") == 500
    assert value_at_risk_capped(BTC, 0, SELL, "100000", rising, PRICE, "0.01") == 0


def test_a_size_below_the_venues_least_is_0_and_above_its_most_is_its_most() -> None:
    """The venue would reject either."""
    assert fixed("0.4") == 0
    assert fixed("1e12") == BTC.size_max

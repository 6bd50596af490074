"""A symbol's filters and native order types, from the loopback venue's own exchangeInfo and from gaps in it."""

from typing import Any

import pytest

from engine.loopback.binance.render import symbol_view
from engine.loopback.market import Market, fixed
from engine.model.instrument import Instrument
from engine.model.words import NATIVE_TYPES, OrderType
from engine.venues.binance.instruments import read_symbol


def listed(**changes: Any) -> dict[str, Any]:
    """One symbol of exchangeInfo."""
    return symbol_view(Market("BTCUSDT", "BTC", "USDT")) | changes


def read(entry: dict[str, Any]) -> Instrument:
    """The instrument of it."""
    return read_symbol("binance", "BTCUSDT", entry, 1)


def test_a_spot_symbol_has_the_venue_s_native_orders_and_limits() -> None:
    """What is not known here is learned by a rejection, one for each order."""
    one, market = read(listed()), Market("BTCUSDT", "BTC", "USDT")
    assert all(map(one.has_native, NATIVE_TYPES))
    assert one.has_pairs
    assert not one.has_native(OrderType.LIMIT)
    assert (one.orders_max, one.algo_orders_max) == (market.open_orders_max, market.contingent_orders_max)
    assert (one.trailing_min, one.trailing_max) == (market.trailing_min, market.trailing_max)
    assert (one.price_min, one.price_max) == (1, 100_000_000)
    assert one.notional_max == market.notional_max // fixed("1") * 10**7
    assert one.market_size_max == one.size_max
    assert (one.bid_up, one.bid_down, one.ask_up, one.ask_down) == (5_000_000, 200_000, 5_000_000, 200_000)


@pytest.mark.parametrize(("changes", "found"), [
    ({"allowTrailingStop": False}, {"trailing_max": 0}),
    ({"orderTypes": ["LIMIT", "STOP_LOSS_LIMIT"]}, {"natives": 1 << OrderType.STOP_LIMIT}),
    ({"ocoAllowed": False}, {"has_pairs": False}),
    ({"isSpotTradingAllowed": False}, {"has_pairs": False, "natives": 0, "orders_max": 0}),
    ({"filters": [{"filterType": "PERCENT_PRICE", "multiplierUp": "1.3", "multiplierDown": "0.7", "avgPriceMins": 5}]},
     {"bid_up": 1_300_000, "ask_down": 700_000, "orders_max": 0, "notional_max": 0}),
    ({"filters": [{"filterType": "MAX_POSITION", "maxPosition": "10.5"}]}, {"position_max": 1_050_000}),
])  # fmt: skip
def test_what_a_symbol_lacks_is_no_limit(changes: dict[str, Any], found: dict[str, int]) -> None:
    """A limit of 0 read as a limit refuses every order of the symbol."""
    steps = [one for one in listed()["filters"] if one["filterType"] in ("PRICE_FILTER", "LOT_SIZE")]
    if "filters" in changes:
        changes = {"filters": [*steps, *changes["filters"]]}
    one = read(listed(**changes))
    assert {name: getattr(one, name) for name in found} == found

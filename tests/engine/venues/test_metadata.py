"""Each venue's metadata at its edges: steps, minimums, status words and contracts, exact or refused by name."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest

from engine.model.fixed import to_fixed_up
from engine.model.instrument import Instrument
from engine.venues.catalogue import dialect_of
from tests.engine.feed.feed_fakes import EXCHANGE_INFO
from tests.engine.feed.loopback_venues import COINBASE_PRODUCTS, KRAKEN_PAIRS

EXCHANGE_PRODUCT = {
    "id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD", "quote_increment": "0.01",
    "base_increment": "1e-08", "min_market_funds": "1", "status": "online", "trading_disabled": False,
    "cancel_only": False, "post_only": False, "limit_only": False, "auction_mode": False,
}  # fmt: skip
FUTURE = {
    "product_type": "FUTURE", "base_currency_id": "", "base_increment": "1", "base_min_size": "1", "status": "",
    "price_increment": "5", "quote_min_size": "0", "fcm_trading_session_details": {"is_session_open": True},
    "future_product_details": {
        "contract_size": "100", "contract_root_unit": "BTC", "contract_expiry_type": "EXPIRING",
    },
}  # fmt: skip


def read(venue: str, body: Any, symbol: str) -> Instrument | str:
    """One instrument, or why it is refused."""
    listing = dialect_of(venue).instruments(json.dumps(body).encode(), {symbol: 1})
    return listing.instruments[0] if listing.instruments else listing.refused[symbol]


def binance(filters: dict[str, dict[str, str]] | None = None, **words: object) -> Instrument | str:
    """BTCUSDT with something else in it."""
    info = copy.deepcopy(EXCHANGE_INFO)
    info["symbols"][0].update(words)
    for one in info["symbols"][0]["filters"]:
        one.update((filters or {}).get(one["filterType"], {}))
    return read("binance", info, "BTCUSDT")


def coinbase(**words: object) -> Instrument | str:
    """BTC-USD at Coinbase Advanced."""
    return read("coinbase", {"products": [COINBASE_PRODUCTS["products"][0] | words]}, "BTC-USD")


def exchange(**words: object) -> Instrument | str:
    """BTC-USD at Coinbase Exchange."""
    return read("coinbase-exchange", [EXCHANGE_PRODUCT | words], "BTC-USD")


def kraken(**words: object) -> Instrument | str:
    """BTC/USD in AssetPairs."""
    return read("kraken", {"result": {"XBTUSD": KRAKEN_PAIRS["result"]["XBTUSD"] | words}}, "BTC/USD")


@pytest.mark.parametrize(("tick_size", "decimals", "step"), [
    ("0.05000000", 2, 5), ("0.25", 2, 25), ("5", 0, 5), ("10", 0, 10), ("1e-08", 8, 1), ("0.00000250", 7, 25),
])  # fmt: skip
def test_a_step_that_is_no_power_of_ten_is_held_exactly(tick_size: str, decimals: int, step: int) -> None:
    """A price between two steps is rejected by the venue; one whose step was read as 1 is sent."""
    for one in (binance({"PRICE_FILTER": {"tickSize": tick_size}}), coinbase(price_increment=tick_size),
                exchange(quote_increment=tick_size)):  # fmt: skip
        assert isinstance(one, Instrument)
        assert (one.price_decimals, one.price_step) == (decimals, step)


def test_a_kraken_step_is_held_at_the_decimals_of_the_checksum() -> None:
    """Its decimals do not follow from its step."""
    one = kraken(tick_size="0.5", pair_decimals=2)
    assert isinstance(one, Instrument)
    assert (one.price_decimals, one.price_step) == (2, 50)


@pytest.mark.parametrize("step", ["0.00000000", "-0.01", "NaN", "Infinity", "", "1e-30"])
def test_a_step_that_is_invalid_refuses_the_symbol_by_name(step: str) -> None:
    """A step of nothing divides by nothing; one of thirty decimals fits no number here."""
    for found in (binance({"PRICE_FILTER": {"tickSize": step}, "NOTIONAL": {"minNotional": "0"}}),
                  exchange(quote_increment=step, min_market_funds="0")):  # fmt: skip
        assert isinstance(found, str)
        assert "cannot be read" in found


@pytest.mark.parametrize("name", [None, 7, "A" * 17, "é" * 9])
def test_a_name_that_cannot_be_shown_refuses_its_symbol_by_name(name: object) -> None:
    """The cells that everybody reads hold sixteen bytes: found out there, it would end the feed of every venue."""
    refusal = binance(baseAsset=name)
    assert isinstance(refusal, str)
    assert "base must be a text of at most 16 bytes" in refusal


@pytest.mark.parametrize("word", ["BREAK", "HALT", "END_OF_DAY", "PRE_TRADING", "PENDING_TRADING", "SETTLING", None])
def test_at_binance_only_trading_is_trading(word: str | None) -> None:
    """An unknown word is no permission to trade."""
    one = binance(status=word)
    assert isinstance(one, Instrument)
    assert not one.trading


@pytest.mark.parametrize("word", [
    "trading_disabled", "cancel_only", "post_only", "limit_only", "auction_mode", "view_only", "is_disabled",
])  # fmt: skip
def test_at_coinbase_a_product_that_is_online_may_still_refuse_orders(word: str) -> None:
    """`status` stays online in an auction and in cancel-only; the flag beside it shows the difference."""
    for make in (coinbase, exchange):
        open_one, shut = make(), make(**{word: True})
        assert isinstance(open_one, Instrument)
        assert isinstance(shut, Instrument)
        assert (open_one.trading, shut.trading) == (True, False)


def test_a_contract_is_no_spot_product() -> None:
    """Read as spot it would join one global book with it, at a hundredth or hundredfold of its size."""
    one = coinbase(**FUTURE)
    assert isinstance(one, Instrument)
    assert (one.kind, one.multiplier, one.base, one.price_step, one.trading) == ("future", 100, "BTC", 5, True)
    shut = coinbase(**FUTURE | {"fcm_trading_session_details": {"is_session_open": False}})
    assert isinstance(shut, Instrument)
    assert not shut.trading


def test_a_contract_of_a_part_of_its_base_is_refused_by_name() -> None:
    """A multiplier of 0.01 that became a whole number would be none, or one."""
    part = FUTURE | {"future_product_details": FUTURE["future_product_details"] | {"contract_size": "0.01"}}
    found, coin = coinbase(**part), binance(contractSize=0.1)
    assert isinstance(found, str)
    assert "'0.01' has more than 0 decimals" in found
    assert isinstance(coin, str)


def test_a_minimum_finer_than_its_step_is_the_next_that_can_be_sent() -> None:
    """Rounded down, an order of that size is rejected by the venue."""
    one = binance({"LOT_SIZE": {"stepSize": "1", "minQty": "0.5"}, "NOTIONAL": {"minNotional": "0.0015"},
                   "PRICE_FILTER": {"tickSize": "0.01"}})  # fmt: skip
    assert isinstance(one, Instrument)
    assert (one.size_min, one.notional_min) == (1, 1)
    two = exchange(min_market_funds="0.00000000015")
    assert isinstance(two, Instrument)
    assert two.notional_min == 2


@pytest.mark.parametrize(("text", "decimals", "number"), [
    ("0.5", 0, 1), (str(Decimal(1).scaleb(-20)), 8, 1),
    ("5e-05", 8, 5000), ("0.015", 2, 2), ("1", 3, 1000), ("0", 4, 0),
])  # fmt: skip
def test_a_bound_is_rounded_up_and_never_down(text: str, decimals: int, number: int) -> None:
    """It is the least that is allowed."""
    assert to_fixed_up(text, decimals) == number

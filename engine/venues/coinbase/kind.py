"""Coinbase: Advanced Trade, and the products of Coinbase Exchange (see `engine/venues/coinbase_exchange`).

[[venues]]
kind = "coinbase"
options = { product = "spot" | "exchange" | "exchange-level2" }

`exchange` needs a key.
"""

from typing import Literal

from engine.venues.coinbase.market import CoinbaseDialect
from engine.venues.coinbase_exchange.kind import EXCHANGE_MARKETS
from engine.venues.kind import Kind, MarketInterface, VenueOptions


class CoinbaseOptions(VenueOptions, frozen=True, kw_only=True):
    """The keys of `[[venues]] options` for Coinbase."""

    product: Literal["spot", "exchange", "exchange-level2"] = "spot"


COINBASE = Kind(
    name="coinbase",
    options=CoinbaseOptions,
    markets={"spot": MarketInterface("coinbase", CoinbaseDialect), **EXCHANGE_MARKETS},
)

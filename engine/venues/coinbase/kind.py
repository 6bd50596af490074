"""Coinbase: Advanced Trade, and the products of Coinbase Exchange (see `engine/venues/coinbase_exchange`).

[[venues]]
kind = "coinbase"
options = { product = "spot" | "exchange" | "exchange-level2" }

`exchange` needs a key.
"""

from typing import Literal

import msgspec

from engine.venues.coinbase.market import CoinbaseDialect
from engine.venues.coinbase_exchange.kind import EXCHANGE_CLOCKS, EXCHANGE_MARKETS, make_history
from engine.venues.kind import Kind, MarketInterface, VenueClock, VenueOptions

MILLISECOND_NS = 1_000_000


class CoinbaseOptions(VenueOptions, frozen=True, kw_only=True):
    """The keys of `[[venues]] options` for Coinbase."""

    product: Literal["spot", "exchange", "exchange-level2"] = "spot"


class TimeAnswer(msgspec.Struct):
    """The answer to a request for the time."""

    time_ms: int = msgspec.field(name="epochMillis")


def read_time(body: bytes) -> int:
    """The time in an answer; the venue writes the number as a text."""
    try:
        return msgspec.json.decode(body, type=TimeAnswer, strict=False).time_ms * MILLISECOND_NS
    except msgspec.DecodeError as error:
        raise ValueError(f"no time in the answer: {error}") from error


COINBASE = Kind(
    name="coinbase",
    options=CoinbaseOptions,
    clocks={"spot": VenueClock("/api/v3/brokerage/time", read_time), **EXCHANGE_CLOCKS},
    markets={"spot": MarketInterface("coinbase", CoinbaseDialect, history=make_history), **EXCHANGE_MARKETS},
)

"""Which venues there are: a further one is its folder and a line here."""

from collections.abc import Callable

from engine.venues.binance.market import BinanceDialect
from engine.venues.binance.sbe_market import BinanceSbeDialect
from engine.venues.coinbase.market import CoinbaseDialect
from engine.venues.coinbase_exchange.market import ExchangeDialect
from engine.venues.coinbase_exchange.signing import ExchangeSigner
from engine.venues.dialect import Dialect
from engine.venues.kraken.market import KrakenDialect

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "binance": lambda: BinanceDialect("binance"),
    "binance-sbe": lambda: BinanceSbeDialect("binance"),
    "binance-usdm": lambda: BinanceDialect("binance-usdm"),
    "binance-coinm": lambda: BinanceDialect("binance-coinm"),
    "coinbase": CoinbaseDialect,
    "coinbase-exchange": ExchangeDialect,
    "coinbase-exchange-level2": lambda: ExchangeDialect("coinbase-exchange-level2", by_order=False),
    "kraken": KrakenDialect,
}

# Whose stream opens to a key's owner alone: an API key, its secret, its passphrase and the time in seconds.
SIGNED: dict[str, Callable[[str, str, str, Callable[[], int]], Dialect]] = {
    "coinbase-exchange": lambda *key: ExchangeDialect(signer=ExchangeSigner(*key)),
}


def dialect_of(venue: str) -> Dialect:
    """The dialect of a venue, or a refusal that names those there are."""
    if venue not in DIALECTS:
        msg = f"venue must be one of {', '.join(sorted(DIALECTS))}, was {venue!r}"
        raise ValueError(msg)
    return DIALECTS[venue]()

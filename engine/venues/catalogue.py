"""Which venues there are: a further one is its folder and a line here."""

from collections.abc import Callable, Sequence

from engine.venues.binance.market import BinanceDialect
from engine.venues.binance.sbe_market import BinanceSbeDialect
from engine.venues.coinbase.market import CoinbaseDialect
from engine.venues.coinbase_exchange.market import ExchangeDialect
from engine.venues.coinbase_exchange.signing import ExchangeSeal, ExchangeSigner
from engine.venues.dialect import Dialect
from engine.venues.kraken.market import KrakenDialect
from engine.venues.kraken.order_market import KrakenOrderDialect
from engine.venues.kraken.signing import KrakenSigner, TokenSeal
from engine.venues.port import RequestPort
from engine.venues.sealed import Seal

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "binance": lambda: BinanceDialect("binance"),
    "binance-sbe": lambda: BinanceSbeDialect("binance"),
    "binance-usdm": lambda: BinanceDialect("binance-usdm"),
    "binance-coinm": lambda: BinanceDialect("binance-coinm"),
    "coinbase": CoinbaseDialect,
    "coinbase-exchange": ExchangeDialect,
    "coinbase-exchange-level2": lambda: ExchangeDialect("coinbase-exchange-level2", by_order=False),
    "kraken": KrakenDialect,
    "kraken-level3": KrakenOrderDialect,
}

NAME, KEY = ("api_key",), ("api_key", "private_key")
STREAM_KEYS: dict[str, tuple[str, ...]] = {  # which parts of a key open a stream, where one is needed
    "binance-sbe": NAME,
    "coinbase-exchange": (*KEY, "passphrase"),
    "kraken-level3": KEY,
}


def seals_of(
    venue: str, key: Sequence[str], clock_ns: Callable[[], int]
) -> Callable[[Callable[[], RequestPort]], Seal] | None:
    """What makes a seal for each stream of a dialect, from a way to REST that no record sees; None where none is."""
    if venue == "coinbase-exchange":
        name, secret, passphrase = key
        signer = ExchangeSigner(name, secret, passphrase, lambda: clock_ns() // 1_000_000_000)
        return lambda _: ExchangeSeal(signer)
    if venue == "kraken-level3":
        name, secret = key
        asker = KrakenSigner(name, secret, lambda: clock_ns() // 1000)
        return lambda requests: TokenSeal(requests(), asker)
    return None


def dialect_of(venue: str) -> Dialect:
    """The dialect of a venue, or a refusal that names those there are."""
    if venue not in DIALECTS:
        msg = f"venue must be one of {', '.join(sorted(DIALECTS))}, was {venue!r}"
        raise ValueError(msg)
    return DIALECTS[venue]()

"""Coinbase Exchange: another API of the venue Coinbase, so its products belong to the kind `coinbase`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from engine.venues.coinbase_exchange.market import ExchangeDialect
from engine.venues.coinbase_exchange.signing import ExchangeMessageSigner, ExchangeSigner
from engine.venues.kind import KEY, Clock, MarketInterface, VenueClock
from engine.venues.signed_stream import MakeSigner

if TYPE_CHECKING:
    from engine.venues.history import VenueHistory

SECOND_NS = 1_000_000_000


def subscription_signer(key: Sequence[str], clock_ns: Clock) -> MakeSigner:
    """What signs each subscription to books of orders."""
    api_key, secret, passphrase = key
    signer = ExchangeSigner(api_key, secret, passphrase, lambda: clock_ns() // SECOND_NS)
    return lambda _: ExchangeMessageSigner(signer)


def level2() -> ExchangeDialect:
    """The dialect of levels, which needs no key."""
    return ExchangeDialect("coinbase-exchange-level2", by_order=False)


def make_history() -> "VenueHistory":
    """The past of Coinbase, of both APIs."""
    from engine.venues.coinbase_exchange.history import CoinbaseHistory  # noqa: PLC0415 - a feed starts without it

    return CoinbaseHistory()


EXCHANGE_MARKETS = {
    "exchange": MarketInterface(
        "coinbase-exchange", ExchangeDialect, (*KEY, "passphrase"), signer=subscription_signer, history=make_history
    ),
    "exchange-level2": MarketInterface("coinbase-exchange-level2", level2, history=make_history),
}  # fmt: skip


class TimeAnswer(msgspec.Struct):
    """The answer to a request for the time, in seconds."""

    epoch: Decimal


def read_time(body: bytes) -> int:
    """The time in an answer."""
    try:
        return int(msgspec.json.decode(body, type=TimeAnswer).epoch * SECOND_NS)
    except msgspec.DecodeError as error:
        raise ValueError(f"no time in the answer: {error}") from error


EXCHANGE_CLOCKS = dict.fromkeys(EXCHANGE_MARKETS, VenueClock("/time", read_time))

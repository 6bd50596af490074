"""Kraken: spot, as levels without a key or as single orders with a key.

[[venues]]
kind = "kraken"
options = { product = "spot" | "level3" }

`level3` needs a key.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.venues.kind import KEY, Clock, Kind, MarketInterface, VenueClock, VenueOptions
from engine.venues.kraken.market import KrakenDialect
from engine.venues.kraken.order_market import KrakenOrderDialect
from engine.venues.kraken.signing import KrakenSigner, TokenSigner
from engine.venues.signed_stream import MakeSigner

if TYPE_CHECKING:
    from engine.venues.history import VenueHistory

MICROSECOND_NS, SECOND_NS = 1_000, 1_000_000_000


class KrakenOptions(VenueOptions, frozen=True, kw_only=True):
    """The keys of `[[venues]] options` for Kraken."""

    product: Literal["spot", "level3"] = "spot"


def token_signer(key: Sequence[str], clock_ns: Clock) -> MakeSigner:
    """What gives each stream of orders a token of its own. All share one key, and so one row of nonces."""
    api_key, secret = key
    signer = KrakenSigner(api_key, secret, lambda: clock_ns() // MICROSECOND_NS)
    return lambda requests: TokenSigner(requests(), signer)


def make_history() -> "VenueHistory":
    """The past of spot."""
    from engine.venues.kraken.history import KrakenHistory  # noqa: PLC0415 - a feed starts without it

    return KrakenHistory()


class Time(msgspec.Struct):
    """The time in an answer."""

    unixtime: int


class TimeAnswer(msgspec.Struct):
    """The answer to a request for the time, in whole seconds."""

    result: Time


def read_time(body: bytes) -> int:
    """The time in an answer."""
    try:
        return msgspec.json.decode(body, type=TimeAnswer).result.unixtime * SECOND_NS
    except msgspec.DecodeError as error:
        raise ValueError(f"no time in the answer: {error}") from error


CLOCK = VenueClock("/0/public/Time", read_time, SECOND_NS)

KRAKEN = Kind(
    name="kraken",
    options=KrakenOptions,
    clocks={"spot": CLOCK, "level3": CLOCK},
    markets={
        "spot": MarketInterface("kraken", KrakenDialect, history=make_history),
        "level3": MarketInterface("kraken-level3", KrakenOrderDialect, KEY, signer=token_signer, history=make_history),
    },
)

"""A venue's past over REST: trades and candles, as `engine-ctl data backfill` requests them.

    fetch(target, weight) ──▶ body of an answer ──▶ pages of trades or candles, the oldest first

A venue's folder has one class with these methods in its `history.py`; its market-data interfaces name it. The class
knows targets, paging and the venue's JSON. `fetch` keeps to the venue's limits, repeats, and knows no venue.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from engine.model.instrument import Instrument
from engine.venues.dialect import Dialect

Fetch = Callable[[str, int], bytes]  # of a path with its query, and the request's weight
MS, SECOND_NS = 1_000_000, 1_000_000_000
TRADES, CANDLES = "trades", "candles"


class HistoryError(ValueError):
    """A past that the venue does not give; the text names the venue, what was found and what to do."""


class Trade(NamedTuple):
    """A trade between others. Numbers are the venue's text: a float would lose digits."""

    trade_id: int
    venue_ns: int
    price: str
    size: str
    side: int  # the aggressor's


class Mark(NamedTuple):
    """How far a backfill is: the last trade that it has."""

    trade_id: int
    venue_ns: int


class Candle(NamedTuple):
    """A candle that is complete. An empty text: the venue does not give it."""

    start_ns: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    trades: int = 0
    notional: str = ""
    bought: str = ""


class VenueHistory(Protocol):
    """One interface of a venue's past."""

    pace_ns: int  # at least this between two requests
    intervals: Sequence[int]  # of candles, in seconds
    keyed: Sequence[str]  # what needs the name of a key: TRADES, CANDLES

    @property
    def dialect(self) -> Dialect:
        """The dialect of its metadata and weights."""

    def url_of(self, request_url: str) -> str:
        """The address of requests: the configured one where it has the past, else the venue's public one."""

    def headers(self, api_key: str) -> Mapping[str, str]:
        """The headers of each request; `api_key` may be empty."""

    def instrument(self, fetch: Fetch, symbol: str) -> Instrument:
        """The symbol's metadata; HistoryError where the venue does not list it."""

    def trades(
        self, fetch: Fetch, symbol: str, after: Mark | None, start_ns: int, end_ns: int
    ) -> Iterator[Sequence[Trade]]:
        """The trades with times in [start, end), after this one; None: from the first one on."""

    def candles(
        self, fetch: Fetch, symbol: str, interval_s: int, start_ns: int, end_ns: int
    ) -> Iterator[Sequence[Candle]]:
        """The candles that begin in [start, end); an interval without a trade may have none."""


def listed_instrument(dialect: Dialect, body: bytes, symbol: str) -> Instrument:
    """A symbol's metadata in the answer to a dialect's request for it."""
    listing = dialect.instruments(body, {symbol: 0})
    if not listing.instruments:
        raise HistoryError(f"{dialect.name} {symbol}: {listing.refused.get(symbol, 'the venue does not list it')}")
    return listing.instruments[0]


def decoded(body: bytes) -> Any:
    """A body of JSON, each number as its text; ValueError for another one."""
    return json.loads(body, parse_float=str, parse_int=str)


def nanoseconds(seconds: str) -> int:
    """A time in seconds, as its text, in nanoseconds."""
    return int(Decimal(seconds) * SECOND_NS)

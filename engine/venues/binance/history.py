"""Binance's past: klines by time, trades by number.

    GET aggTrades?startTime&endTime&limit=1 ──▶ f: the number of the first trade in an hour
    GET historicalTrades?fromId=f ──▶ 1000 trades (futures 500) from that number on ──▶ fromId = the last one + 1 …

A span of aggTrades is at most an hour, so an hour without a trade leads to the next one. `historicalTrades` of futures
needs the header with the name of a key, and goes back about a month.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.model.instrument import Instrument
from engine.venues.binance.market import PATHS, BinanceDialect
from engine.venues.history import MS, TRADES, Candle, Fetch, Mark, Trade, decoded, listed_instrument

HOUR_NS = 3_600_000_000_000
KLINES = 1000
INTERVALS = {60: "1m", 300: "5m", 900: "15m", 3600: "1h", 14_400: "4h", 86_400: "1d"}
METADATA_WEIGHT = 20


class Product(NamedTuple):
    """What differs between the products."""

    url: str
    trades_most: int  # in a page
    first_weight: int  # of aggTrades,
    page_weight: int  # historicalTrades
    klines_weight: int
    keyed: tuple[str, ...]


PRODUCTS = {
    "binance": Product("https://api.binance.com", 1000, 4, 25, 2, ()),
    "binance-usdm": Product("https://fapi.binance.com", 500, 20, 20, 5, (TRADES,)),
}


class BinanceHistory:
    """The past of one product."""

    pace_ns = 50 * MS
    keyed: Sequence[str]
    intervals: Sequence[int] = tuple(INTERVALS)

    def __init__(self, name: str) -> None:
        """By the dialect's name."""
        self.dialect = BinanceDialect(name)
        self._product, self._path = PRODUCTS[name], PATHS[name]
        self.keyed = self._product.keyed

    def url_of(self, request_url: str) -> str:
        """The configured one."""
        return request_url or self._product.url

    def headers(self, api_key: str) -> Mapping[str, str]:
        """The name of a key; no secret."""
        return {"X-MBX-APIKEY": api_key} if api_key else {}

    def instrument(self, fetch: Fetch, symbol: str) -> Instrument:
        """From exchangeInfo."""
        body = fetch(self.dialect.instruments_target([symbol]), METADATA_WEIGHT)
        return listed_instrument(self.dialect, body, symbol)

    def trades(
        self, fetch: Fetch, symbol: str, after: Mark | None, start_ns: int, end_ns: int
    ) -> Iterator[Sequence[Trade]]:
        """By numbers from the first one in the range, or the one after `after`."""
        first = after.trade_id + 1 if after is not None else self._first(fetch, symbol, start_ns, end_ns)
        most = self._product.trades_most
        while first >= 0:
            target = f"{self._path}/historicalTrades?symbol={symbol}&fromId={first}&limit={most}"
            found = [_trade(one) for one in decoded(fetch(target, self._product.page_weight))]
            page = [one for one in found if start_ns <= one.venue_ns < end_ns]
            if page:
                yield page
            ended = len(found) < most or found[-1].venue_ns >= end_ns
            first = -1 if ended else found[-1].trade_id + 1

    def candles(
        self, fetch: Fetch, symbol: str, interval_s: int, start_ns: int, end_ns: int
    ) -> Iterator[Sequence[Candle]]:
        """By times; the venue gives a kline without a trade too."""
        while start_ns < end_ns:
            times = f"startTime={start_ns // MS}&endTime={end_ns // MS - 1}&limit={KLINES}"
            target = f"{self._path}/klines?symbol={symbol}&interval={INTERVALS[interval_s]}&{times}"
            page = [_candle(one) for one in decoded(fetch(target, self._product.klines_weight))]
            if page:
                yield page
            if len(page) < KLINES:
                return
            start_ns = page[-1].start_ns + interval_s * 1_000 * MS

    def _first(self, fetch: Fetch, symbol: str, start_ns: int, end_ns: int) -> int:
        """The number of the first trade in a range; -1 without one."""
        for begin in range(start_ns, end_ns, HOUR_NS):
            until = min(begin + HOUR_NS, end_ns) // MS - 1
            target = f"{self._path}/aggTrades?symbol={symbol}&startTime={begin // MS}&endTime={until}&limit=1"
            if found := decoded(fetch(target, self._product.first_weight)):
                return int(found[0]["f"])
        return -1


def _trade(entry: Mapping[str, Any]) -> Trade:
    """When the buyer was the maker, the aggressor sold."""
    side = -1 if entry["isBuyerMaker"] else 1
    return Trade(int(entry["id"]), int(entry["time"]) * MS, entry["price"], entry["qty"], side)


def _candle(entry: Sequence[Any]) -> Candle:
    start, first, high, low, close, volume, _, notional, count, bought, *_ = entry
    return Candle(int(start) * MS, first, high, low, close, volume, int(count), notional, bought)

"""Coinbase's past, of both of its APIs: they trade on one book with the same products and numbers of trades.

    GET products/BTC-USD/trades?limit=1 ──▶ the newest number
    GET products/BTC-USD/trades?after=N&limit=1000 ──▶ the trades below N, newest first; the header CB-AFTER is the last

The venue has no way from a time to a number, so the first one of a range is found by halving: some 30 requests.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.model.instrument import Instrument
from engine.venues.coinbase_exchange.market import ExchangeDialect
from engine.venues.history import MS, SECOND_NS, Candle, Fetch, Mark, Trade, decoded, listed_instrument
from engine.venues.wire.dial import Place

URL, ADVANCED = "https://api.exchange.coinbase.com", "api.coinbase.com"
TRADES_MOST, CANDLES_MOST = 1000, 300
INTERVALS = (60, 300, 900, 3600, 21_600, 86_400)
FRACTION = 9  # digits of a nanosecond


class CoinbaseHistory:
    """The past of spot."""

    pace_ns = 200 * MS  # the venue allows ten public requests a second
    intervals: Sequence[int] = INTERVALS
    keyed: Sequence[str] = ()

    def __init__(self) -> None:
        """Products are read by the dialect of levels, which needs no key."""
        self.dialect = ExchangeDialect("coinbase-exchange-level2", by_order=False)

    def url_of(self, request_url: str) -> str:
        """The configured one, unless it is that of Advanced, which does not have the past."""
        return request_url if request_url and Place.of(request_url).host != ADVANCED else URL

    def headers(self, api_key: str) -> Mapping[str, str]:
        """The venue refuses a request without a name of the program."""
        del api_key
        return {"User-Agent": "steelyard"}

    def instrument(self, fetch: Fetch, symbol: str) -> Instrument:
        """From the list of products."""
        return listed_instrument(self.dialect, fetch(self.dialect.instruments_target([symbol]), 1), symbol)

    def trades(
        self, fetch: Fetch, symbol: str, after: Mark | None, start_ns: int, end_ns: int
    ) -> Iterator[Sequence[Trade]]:
        """By numbers from the first one in the range, or the one after `after`."""
        newest = _page(fetch, symbol, "limit=1")
        if not newest:
            return
        end_id = newest[-1].trade_id + 1
        first = after.trade_id + 1 if after is not None else self._first(fetch, symbol, start_ns, end_id)
        while first < end_id:
            until = min(first + TRADES_MOST, end_id)
            found = _page(fetch, symbol, f"after={until}&limit={TRADES_MOST}")
            page = [one for one in found if one.trade_id >= first and start_ns <= one.venue_ns < end_ns]
            if page:
                yield page
            if found and found[-1].venue_ns >= end_ns:
                return
            first = until

    def candles(
        self, fetch: Fetch, symbol: str, interval_s: int, start_ns: int, end_ns: int
    ) -> Iterator[Sequence[Candle]]:
        """By times, 300 intervals in a request; an interval without a trade has no candle."""
        span = (CANDLES_MOST - 1) * interval_s * SECOND_NS  # the venue counts both ends
        for begin in range(start_ns, end_ns, span):
            until = min(begin + span, end_ns)
            times = f"start={_text(begin)}&end={_text(until)}"
            target = f"/products/{symbol}/candles?granularity={interval_s}&{times}"
            found = [_candle(one) for one in reversed(decoded(fetch(target, 1)))]
            if page := [one for one in found if begin <= one.start_ns < until]:
                yield page

    def _first(self, fetch: Fetch, symbol: str, start_ns: int, end_id: int) -> int:
        """The least number of a trade from a time on; `end_id` where each is older."""
        low, high = 1, end_id
        while low < high:
            middle = (low + high) // 2
            found = _page(fetch, symbol, f"after={middle + 1}&limit=1")  # this trade, or the next older one
            if found and found[-1].venue_ns >= start_ns:
                high = middle
            else:
                low = middle + 1
        return low


def _page(fetch: Fetch, symbol: str, query: str) -> list[Trade]:
    """A page of trades, the oldest first."""
    return [_trade(one) for one in reversed(decoded(fetch(f"/products/{symbol}/trades?{query}", 1)))]


def _trade(entry: Mapping[str, Any]) -> Trade:
    """The venue gives the maker's side: the aggressor is the other."""
    side = -1 if entry["side"] == "buy" else 1
    return Trade(int(entry["trade_id"]), _ns(entry["time"]), entry["price"], entry["size"], side)


def _candle(entry: Sequence[Any]) -> Candle:
    start, low, high, first, close, volume = entry
    return Candle(int(start) * SECOND_NS, first, high, low, close, volume)


def _ns(text: str) -> int:
    """A time as 2026-11-30T12:00:00.123456Z, with any number of digits up to nine."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return int(seconds) * SECOND_NS + int((fraction or "0").ljust(FRACTION, "0")[:FRACTION])


def _text(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Kraken's past: trades by time, and the newest 720 candles.

    GET Trades?since=<ns> ──▶ up to 1000 trades after that time, each with its number

Two trades of one time may be on two pages, so a page begins a microsecond before the last trade of the page before, and
trades that were on it are left out by their numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.model.instrument import Instrument
from engine.venues.history import (
    SECOND_NS,
    Candle,
    Fetch,
    HistoryError,
    Mark,
    Trade,
    decoded,
    listed_instrument,
    nanoseconds,
)
from engine.venues.kraken.instruments import symbol_of
from engine.venues.kraken.market import KrakenDialect

URL = "https://api.kraken.com"
TRADES_MOST, CANDLES_MOST = 1000, 720
INTERVALS = (60, 300, 900, 1800, 3600, 14_400, 86_400)
BACK_NS = 1_000  # the venue's times may be shorter than a nanosecond's digits


class KrakenHistory:
    """The past of spot."""

    pace_ns = SECOND_NS  # the venue allows one public request a second
    intervals: Sequence[int] = INTERVALS
    keyed: Sequence[str] = ()

    def __init__(self) -> None:
        """No pair is known yet."""
        self.dialect = KrakenDialect()
        self._names: dict[str, str] = {}  # a symbol's name in requests

    def url_of(self, request_url: str) -> str:
        """The configured one."""
        return request_url or URL

    def headers(self, api_key: str) -> Mapping[str, str]:
        """None: the past is public."""
        del api_key
        return {}

    def instrument(self, fetch: Fetch, symbol: str) -> Instrument:
        """From AssetPairs, which also has the name for requests."""
        body = fetch(self.dialect.instruments_target([symbol]), 1)
        pairs = _result(body)
        self._names = {symbol_of(one): one["altname"] for one in pairs.values() if "wsname" in one}
        return listed_instrument(self.dialect, body, symbol)

    def trades(
        self, fetch: Fetch, symbol: str, after: Mark | None, start_ns: int, end_ns: int
    ) -> Iterator[Sequence[Trade]]:
        """By times from the start of the range, or the time of `after`; the venue has no way to a number."""
        after_id, since = (-1, start_ns - 1) if after is None else (after.trade_id, after.venue_ns - BACK_NS)
        while True:
            target = f"/0/public/Trades?pair={self._names[symbol]}&since={since}&count={TRADES_MOST}"
            found = [_trade(one) for one in _rows(fetch(target, 1))]
            new = [one for one in found if one.trade_id > after_id and start_ns <= one.venue_ns < end_ns]
            if new:
                after_id = new[-1].trade_id
                yield new
            if len(found) < TRADES_MOST or found[-1].venue_ns >= end_ns:
                return
            if (next_since := found[-1].venue_ns - BACK_NS) <= since:
                raise HistoryError(
                    f"kraken {symbol}: over {TRADES_MOST} trades of one time: the venue cannot give them"
                )
            since = next_since

    def candles(
        self, fetch: Fetch, symbol: str, interval_s: int, start_ns: int, end_ns: int
    ) -> Iterator[Sequence[Candle]]:
        """The newest candles; HistoryError where the range begins before them."""
        target = (
            f"/0/public/OHLC?pair={self._names[symbol]}&interval={interval_s // 60}&since={start_ns // SECOND_NS - 1}"
        )
        found = [_candle(one) for one in _rows(fetch(target, 1))]
        if len(found) >= CANDLES_MOST and found[0].start_ns > start_ns:
            raise HistoryError(
                f"kraken {symbol}: the venue gives the newest {CANDLES_MOST} candles, the first from"
                f" {found[0].start_ns // SECOND_NS} on, the range begins at {start_ns // SECOND_NS}: request a later"
                " range, a longer --interval, or trades"
            )
        page = [one for one in found if start_ns <= one.start_ns < end_ns]
        if page:
            yield page


def _result(body: bytes) -> dict[str, Any]:
    """The result of an answer; HistoryError with the venue's error."""
    answer = decoded(body)
    if answer.get("error"):
        raise HistoryError(f"kraken: {', '.join(answer['error'])}")
    result: dict[str, Any] = answer["result"]
    return result


def _rows(body: bytes) -> list[Any]:
    """The rows of the one pair of an answer."""
    (rows,) = (rows for name, rows in _result(body).items() if name != "last")
    return list(rows)


def _trade(entry: Sequence[Any]) -> Trade:
    price, size, time, side, _, _, trade_id, *_ = entry
    return Trade(int(trade_id), nanoseconds(time), price, size, 1 if side == "b" else -1)


def _candle(entry: Sequence[Any]) -> Candle:
    start, first, high, low, close, _, volume, count, *_ = entry
    return Candle(int(start) * SECOND_NS, first, high, low, close, volume, int(count))

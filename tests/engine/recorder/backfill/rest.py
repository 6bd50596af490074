"""Venues on this machine that speak each venue's REST dialect about the same past: paging, bounds and limits too."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from engine.venues.history import Trade

DAY = 20_000  # since 1970: 2024-10-04
DAY_NS, MS, SECOND_NS = 86_400_000_000_000, 1_000_000, 1_000_000_000
BEGIN_NS = DAY * DAY_NS
MINUTE_NS = 60 * SECOND_NS


def made_trades(count: int, *, first_id: int = 1_000, step_ns: int = 20_000 * MS) -> list[Trade]:
    """Trades a step apart over the day, in whole milliseconds; three in a row have the same time."""
    times = (BEGIN_NS + (n - n % 3) * step_ns for n in range(count))
    return [
        Trade(first_id + n, at_ns, f"{60000 + n % 7}.{n % 100:02d}", f"0.{n % 999 + 1:05d}", 1 - 2 * (n % 2))
        for n, at_ns in enumerate(times)
    ]


class Answer(NamedTuple):
    """What a venue answers."""

    status: int
    body: Any
    headers: Mapping[str, str] = MappingProxyType({})


class Rest(ABC):
    """One venue's past. `planned` answers are given first; `now_ns` is the venue's clock."""

    def __init__(self, trades: Sequence[Trade]) -> None:
        """A venue with these trades."""
        self.trades, self.planned = list(trades), list[Answer]()
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.now_ns = 0
        self.minutes: dict[int, int] = {}

    def answer(self, target: str) -> Answer:
        """Answer a request."""
        parts = urlsplit(target)
        return self.of(parts.path, dict(parse_qsl(parts.query)))

    @abstractmethod
    def of(self, path: str, query: dict[str, str]) -> Answer:
        """Answer one request of the venue."""

    def candles(self, interval_ns: int) -> list[tuple[int, list[Trade]]]:
        """The trades of each interval that has some."""
        found: dict[int, list[Trade]] = {}
        for one in self.trades:
            found.setdefault(one.venue_ns // interval_ns * interval_ns, []).append(one)
        return sorted(found.items())


def bounds(trades: list[Trade]) -> tuple[str, str, str, str, str]:
    """Open, high, low, close and volume."""
    prices = [Decimal(one.price) for one in trades]
    volume = sum(Decimal(one.size) for one in trades)
    return trades[0].price, str(max(prices)), str(min(prices)), trades[-1].price, str(volume)


class Binance(Rest):
    """Spot and USD-M: by number from `fromId`, at most `most`; over its weight it answers 429."""

    def __init__(self, trades: Sequence[Trade], path: str = "/api/v3", most: int = 1000, limit: int = 6000) -> None:
        """A product."""
        super().__init__(trades)
        self.path, self.most, self.limit = path, most, limit
        self.refused = 0

    def of(self, path: str, query: dict[str, str]) -> Answer:
        """Count the weight, then answer."""
        name = path.removeprefix(self.path + "/")
        weights = {"exchangeInfo": 20, "aggTrades": 4, "historicalTrades": 25, "klines": 2}
        minute = self.now_ns // MINUTE_NS
        self.minutes[minute] = self.minutes.get(minute, 0) + weights[name]
        headers = {"X-MBX-USED-WEIGHT-1M": str(self.minutes[minute])}
        if self.minutes[minute] > self.limit:
            self.refused += 1
            return Answer(429, {"code": -1003, "msg": "Too many requests"}, headers | {"Retry-After": "10"})
        return Answer(200, getattr(self, name)(query), headers)

    def exchangeInfo(self, query: dict[str, str]) -> Any:  # noqa: N802 - the venue's name
        """One symbol; its weight limit."""
        del query
        filters = [
            {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "stepSize": "0.00001000", "minQty": "0.00001000", "maxQty": "9000.00000000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        ]
        symbol = {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "filters": filters,
        }
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self.limit}
        return {"symbols": [symbol], "rateLimits": [limit]}

    def aggTrades(self, query: dict[str, str]) -> Any:  # noqa: N802 - the venue's name
        """By time; a span is at most an hour."""
        start, end = int(query["startTime"]) * MS, int(query["endTime"]) * MS
        assert end - start < 3_600 * SECOND_NS, "More than 1 hours between startTime and endTime."
        found = [one for one in self.trades if start <= one.venue_ns <= end][: int(query["limit"])]
        return [{"a": n, "f": one.trade_id, "l": one.trade_id, "T": one.venue_ns // MS} for n, one in enumerate(found)]

    def historicalTrades(self, query: dict[str, str]) -> Any:  # noqa: N802 - the venue's name
        """By number."""
        assert int(query["limit"]) <= self.most
        found = [one for one in self.trades if one.trade_id >= int(query["fromId"])][: int(query["limit"])]
        return [
            {
                "id": one.trade_id, "price": f"{one.price}000000", "qty": f"{one.size}000", "quoteQty": "1",
                "time": one.venue_ns // MS, "isBuyerMaker": one.side < 0, "isBestMatch": True,
            }
            for one in found
        ]  # fmt: skip

    def klines(self, query: dict[str, str]) -> Any:
        """By time."""
        start, end, interval_ns = int(query["startTime"]) * MS, int(query["endTime"]) * MS, MINUTE_NS
        found = [one for one in self.candles(interval_ns) if start <= one[0] <= end][: int(query["limit"])]
        return [
            [at // MS, *bounds(of), (at + interval_ns) // MS - 1, "1.5", len(of), "0.00001", "1.0", "0"]
            for at, of in found
        ]


class Kraken(Rest):
    """By time after `since`, at most 1000; the newest 720 candles."""

    def of(self, path: str, query: dict[str, str]) -> Answer:
        """Answer."""
        found = {"/0/public/AssetPairs": self.pairs, "/0/public/Trades": self.page, "/0/public/OHLC": self.ohlc}
        return Answer(200, {"error": [], "result": found[path](query)})

    def pairs(self, query: dict[str, str]) -> Any:
        """One pair, by its old name."""
        del query
        pair = {
            "altname": "XBTUSD", "wsname": "XBT/USD", "pair_decimals": 2, "lot_decimals": 5, "ordermin": "0.00005",
            "costmin": "0.5", "tick_size": "0.01", "status": "online",
        }  # fmt: skip
        return {"XXBTZUSD": pair}

    def page(self, query: dict[str, str]) -> Any:
        """Trades after a time."""
        assert query["pair"] == "XBTUSD"
        found = [one for one in self.trades if one.venue_ns > int(query["since"])][: int(query["count"])]
        rows = [
            [one.price, one.size, seconds(one.venue_ns), "b" if one.side > 0 else "s", "l", "", one.trade_id]
            for one in found
        ]
        return {"XXBTZUSD": rows, "last": str(found[-1].venue_ns if found else query["since"])}

    def ohlc(self, query: dict[str, str]) -> Any:
        """The newest candles."""
        assert query["interval"] == "1"
        rows = []
        for at, of in self.candles(MINUTE_NS)[-720:]:
            *prices, volume = bounds(of)
            rows.append([at // SECOND_NS, *prices, "0.0", volume, len(of)])
        return {"XXBTZUSD": rows, "last": 1}


class Coinbase(Rest):
    """By number below `after`, newest first, at most 1000; 300 candles."""

    def of(self, path: str, query: dict[str, str]) -> Answer:
        """Answer."""
        if path == "/products":
            product = {
                "id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD", "quote_increment": "0.01",
                "base_increment": "0.00001", "min_market_funds": "1", "status": "online",
            }  # fmt: skip
            return Answer(200, [product])
        return self.page(query) if path == "/products/BTC-USD/trades" else self.bars(query)

    def page(self, query: dict[str, str]) -> Answer:
        """Trades below a number."""
        limit, after = int(query["limit"]), int(query.get("after", 1 << 62))
        assert limit <= 1000
        found = [one for one in reversed(self.trades) if one.trade_id < after][:limit]
        rows = [
            {
                "trade_id": one.trade_id, "side": "sell" if one.side > 0 else "buy", "price": one.price,
                "size": one.size, "time": text_of(one.venue_ns),
            }
            for one in found
        ]  # fmt: skip
        cursors = {"CB-BEFORE": str(found[0].trade_id), "CB-AFTER": str(found[-1].trade_id)} if found else {}
        return Answer(200, rows, cursors)

    def bars(self, query: dict[str, str]) -> Answer:
        """Candles of a span, both ends counted."""
        assert query["granularity"] == "60"
        start, end = (int(datetime.fromisoformat(query[name]).timestamp()) for name in ("start", "end"))
        assert (end - start) // 60 < 300, "granularity too small for the requested time range"
        rows = []
        for at, of in self.candles(MINUTE_NS):
            first, high, low, last, volume = map(Number, bounds(of))
            if start <= at // SECOND_NS <= end:
                rows.append([at // SECOND_NS, low, high, first, last, volume])
        return Answer(200, rows[::-1])


class Number(float):
    """A JSON number with the digits of its text."""

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self.text = text

    def __repr__(self) -> str:
        """The text."""
        return self.text


def seconds(at_ns: int) -> Number:
    """A time in seconds, with all its digits."""
    return Number(f"{at_ns // SECOND_NS}.{at_ns % SECOND_NS:09d}")


def text_of(at_ns: int) -> str:
    """A time with its fraction, zeros at its end left out."""
    whole = datetime.fromtimestamp(at_ns // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{at_ns % SECOND_NS:09d}".rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


@contextmanager
def served(rest: Rest) -> Iterator[str]:
    """Serve a venue on a port of this machine; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version, wbufsize = "HTTP/1.1", -1  # an answer is one packet

        def do_GET(self) -> None:
            rest.targets.append(self.path)
            rest.headers.append(dict(self.headers))
            found = rest.planned.pop(0) if rest.planned else rest.answer(self.path)
            body = json.dumps(found.body).encode()
            self.send_response(found.status)
            for name, value in {**found.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

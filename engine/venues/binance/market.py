"""Binance's market data: streams, subscriptions, snapshots and metadata of spot, USD-M and COIN-M."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from engine.model.instrument import Instrument
from engine.venues.binance.instruments import read_exchange_info
from engine.venues.binance.scan import BinanceMarket, FuturesRule, SpotRule
from engine.venues.dialect import ACCEPTED, LEAVING, OTHER, Answer, AnswerKind
from engine.venues.market import Market, Rule

SECOND_NS = 1_000_000_000
HOT_EVENTS = frozenset({"depthUpdate", "bookTicker", "trade", "aggTrade"})
STREAMS = ("depth@100ms", "bookTicker", "trade")
SNAPSHOT_START = b'{"lastUpdateId"'
SNAPSHOT_LEVELS = {"binance": 5000, "binance-usdm": 1000, "binance-coinm": 1000}  # the most each product gives
PATHS = {"binance": "/api/v3", "binance-usdm": "/fapi/v1", "binance-coinm": "/dapi/v1"}


@dataclass
class BinanceDialect:
    """One product of Binance; the name says which."""

    name: str = "binance"
    streams: tuple[str, ...] = STREAMS
    requests_snapshots: bool = True
    by_order: bool = False
    numbers_are_text: bool = True
    depth: int = 0
    overlaps: bool = True
    lifetime_ns: int = 86_000 * SECOND_NS  # the venue closes after 24 hours
    mute_ns: int = 30 * SECOND_NS  # depth is silent in a quiet market, but some stream of some symbol is not
    ping: bytes = b""

    def market(self) -> Market:
        """One scanner serves every product."""
        return BinanceMarket()

    def rule(self) -> Rule:
        """Contiguous ids on spot, the `pu` chain elsewhere."""
        return SpotRule() if self.name == "binance" else FuturesRule()

    def stream_target(self) -> str:
        """The combined stream, so that a payload without a name still has one around it."""
        return "/stream"

    def subscribe(self, symbols: Iterable[str]) -> list[bytes]:
        """One request for all: five messages a second is the limit of a connection."""
        names = [f"{symbol.lower()}@{stream}" for symbol in symbols for stream in self.streams]
        return [orjson.dumps({"method": "SUBSCRIBE", "params": names, "id": 1})]

    def resubscribe(self, symbol: str) -> list[bytes]:
        """Nothing: a snapshot is a REST answer."""
        del symbol
        return []

    def snapshot_target(self, symbol: str) -> str:
        """The deepest book the product gives: what lies outside it is unknown until it changes."""
        return f"{PATHS[self.name]}/depth?symbol={symbol}&limit={SNAPSHOT_LEVELS[self.name]}"

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """Spot can be asked for some symbols; futures give all."""
        if self.name != "binance":
            return f"{PATHS[self.name]}/exchangeInfo"
        names = ",".join(f"%22{symbol}%22" for symbol in symbols)
        return f"{PATHS[self.name]}/exchangeInfo?symbols=%5B{names}%5D"

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> list[Instrument]:
        """Read exchangeInfo."""
        return read_exchange_info(self.name, body, ids)

    def answer(self, frame: bytes) -> Answer:
        """Acknowledgements, errors, the farewell; a hot event that comes by here was not what it must be."""
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError as error:
            return Answer(AnswerKind.MALFORMED, str(error))
        if not isinstance(message, dict):
            return OTHER
        if "error" in message or "code" in message:
            return Answer(AnswerKind.REFUSED, orjson.dumps(message.get("error", message)).decode())
        if "result" in message:
            return ACCEPTED
        return _answer_event(message.get("data", message))

    def numbers(self, message: object) -> Iterable[tuple[str, str, str]]:
        """The numbers of diffs, best bids and asks, and prints."""
        if not isinstance(message, dict):
            return
        event: Any = message.get("data", message)
        symbol, kind = event.get("s"), event.get("e")
        if kind == "depthUpdate":
            for price, size in (*event["b"], *event["a"]):
                yield symbol, price, size
        elif kind in ("trade", "aggTrade"):
            yield symbol, event["p"], event["q"]
        elif "B" in event and "A" in event and "u" in event:
            yield symbol, event["b"], event["B"]
            yield symbol, event["a"], event["A"]

    def recorded_book(self, payload: bytes, url: str) -> str | None:
        """The address of a book names its symbol; on some products the book does."""
        if not payload.startswith(SNAPSHOT_START):
            return None
        if url:
            return parse_qs(urlsplit(url).query).get("symbol", [""])[0]
        try:
            return str(orjson.loads(payload).get("symbol", ""))
        except orjson.JSONDecodeError:
            return ""

    def learn(self, message: object) -> None:
        """Nothing: Binance keeps all levels in step."""


def _answer_event(event: object) -> Answer:
    kind = event.get("e") if isinstance(event, dict) else None
    if kind == "serverShutdown":
        return LEAVING
    if isinstance(kind, str) and kind in HOT_EVENTS:
        return Answer(AnswerKind.MALFORMED, f"a {kind} that the scanner refuses")
    return OTHER

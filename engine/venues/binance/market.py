"""Binance's market data: streams, subscriptions, snapshots and metadata of spot, USD-M and COIN-M."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from engine.venues.binance.instruments import read_exchange_info
from engine.venues.binance.scan import BinanceMarket, FuturesRule, SpotRule
from engine.venues.dialect import (
    EVERY,
    LEAVING,
    OTHER,
    Answer,
    AnswerKind,
    Channel,
    ChannelKind,
    InstrumentChannel,
    Listing,
    Subscription,
)
from engine.venues.market import Market, Rule

SECOND_NS = 1_000_000_000
BOOK_EVENT = "depthUpdate"
TICKER, TICKER_KEYS = "bookTicker", frozenset("uBA")  # spot's has no name, and is known by its keys
HOT_EVENTS = frozenset({BOOK_EVENT, TICKER, "trade", "aggTrade"})
SNAPSHOT_START = b'{"lastUpdateId"'
CHANNELS = (
    Channel("depth@100ms", ChannelKind.BOOK),
    Channel("bookTicker", ChannelKind.BEST),
    Channel("trade", ChannelKind.PRINTS),
)
PATHS = {"binance": "/api/v3", "binance-usdm": "/fapi/v1", "binance-coinm": "/dapi/v1"}
STREAM_PATHS = {"binance": "/stream", "binance-usdm": "/public/stream", "binance-coinm": "/stream"}  # USD-M: since 2026
SNAPSHOT_CHOICES = {  # the deepest first; an address may request 24 of spot's deepest a minute
    "binance": ((5000, 250), (1000, 50)),
    "binance-usdm": ((1000, 20), (500, 10)),
    "binance-coinm": ((1000, 20), (500, 10)),
}
WEIGHT_LIMITS = {"binance": 6000, "binance-usdm": 2400, "binance-coinm": 2400}  # until exchangeInfo has arrived


@dataclass
class BinanceDialect:
    """One product of Binance, by its name."""

    name: str = "binance"
    channels: tuple[Channel, ...] = CHANNELS
    batch: int = 100
    batch_mixes: bool = True
    all_or_nothing: bool = True
    pace_ns: int = SECOND_NS // 4  # five messages a second are allowed, pongs among them
    weight_limit: int = 0
    weight_header: str = "x-mbx-used-weight-1m"
    requests_snapshots: bool = True
    by_order: bool = False
    numbers_are_text: bool = True
    depth: int = 0
    overlaps: bool = True
    lifetime_ns: int = 86_000 * SECOND_NS  # the venue closes after 24 hours
    mute_ns: int = 30 * SECOND_NS  # a ping comes every twenty seconds
    wordless_ns: int = 300 * SECOND_NS  # it has no heartbeat: a minute without a message is a quiet market, not five

    def __post_init__(self) -> None:
        """The product's own limit."""
        self.weight_limit = self.weight_limit or WEIGHT_LIMITS[self.name]

    @property
    def snapshot_choices(self) -> tuple[tuple[int, int], ...]:
        """What the product gives."""
        return SNAPSHOT_CHOICES[self.name]

    @property
    def instrument_channel(self) -> InstrumentChannel | None:
        """Metadata is asked for."""
        return None

    def market(self) -> Market:
        """One scanner serves every product."""
        return BinanceMarket()

    def rule(self) -> Rule:
        """Contiguous ids on spot, the `pu` chain elsewhere."""
        return SpotRule() if self.name == "binance" else FuturesRule()

    def stream_target(self) -> str:
        """The combined stream, so that a payload without a name still has one around it."""
        return STREAM_PATHS[self.name]

    def greeting(self) -> list[bytes]:
        """Nothing."""
        return []

    def subscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """Streams are named by symbol and channel; the answer has the number."""
        return _message("SUBSCRIBE", subscriptions, number)

    def unsubscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """The same names."""
        return _message("UNSUBSCRIBE", subscriptions, number)

    def snapshot_target(self, symbol: str, levels: int) -> str:
        """A level outside of the snapshot is unknown until it changes."""
        return f"{PATHS[self.name]}/depth?symbol={symbol}&limit={levels}"

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """Spot can be asked for some symbols; futures give all."""
        if self.name != "binance":
            return f"{PATHS[self.name]}/exchangeInfo"
        names = ",".join(f"%22{symbol}%22" for symbol in symbols)
        return f"{PATHS[self.name]}/exchangeInfo?symbols=%5B{names}%5D"

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> Listing:
        """Read exchangeInfo: the instruments and the limits of requests."""
        listing, limit = read_exchange_info(self.name, body, ids)
        self.weight_limit = limit or self.weight_limit
        return listing

    def answer(self, frame: bytes) -> Answer:
        """Acknowledgements, errors, the farewell; a hot event that comes by here was not what it must be."""
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError as error:
            return Answer(AnswerKind.MALFORMED, str(error), (EVERY,))
        if not isinstance(message, dict):
            return OTHER
        if "error" in message or "code" in message:
            text = orjson.dumps(message.get("error", message)).decode()
            return Answer(AnswerKind.REFUSED, text, number=_number(message))
        if "result" in message:
            return Answer(AnswerKind.ACCEPTED, number=_number(message))
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

    def apply_recorded(self, message: object) -> None:
        """Nothing: Binance keeps all levels in step."""


def _message(method: str, subscriptions: Sequence[Subscription], number: int) -> bytes:
    names = [f"{symbol.lower()}@{channel}" for channel, symbol in subscriptions]
    return orjson.dumps({"method": method, "params": names, "id": number})


def _number(message: Mapping[str, Any]) -> int:
    number = message.get("id")
    return number if isinstance(number, int) else 0


def _answer_event(event: object) -> Answer:
    if not isinstance(event, dict):
        return OTHER
    kind = event.get("e", TICKER if event.keys() >= TICKER_KEYS else None)
    if kind == "serverShutdown":
        return LEAVING
    if isinstance(kind, str) and kind in HOT_EVENTS:
        return Answer(AnswerKind.MALFORMED, f"a {kind} that the scanner refuses", _spoilt_books(event))
    return OTHER


def _spoilt_books(event: Mapping[str, Any]) -> tuple[str, ...]:
    """The book that a refused event would have changed: the number that shows the hole may be long in coming."""
    return (str(event.get("s", EVERY)),) if event.get("e") == BOOK_EVENT else ()

"""Kraken's market data: subscriptions and acknowledgements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from engine.venues.channels import SECOND_NS, Channels
from engine.venues.dialect import EVERY, OTHER, Answer, AnswerKind, Channel, ChannelKind, Listing, Subscription
from engine.venues.kraken.instruments import KrakenInstruments, read_asset_pairs
from engine.venues.kraken.scan import KrakenMarket, KrakenRule
from engine.venues.market import Market, Rule

DEPTHS = (10, 25, 100, 500, 1000)
HOT_CHANNELS = ("book", "trade")
CHANNELS = (
    Channel("book", ChannelKind.BOOK, greets=True),
    Channel("trade", ChannelKind.PRINTS, greets=True),  # with the last fifty
)
ALREADY = "already subscribed"  # asked twice is no refusal


@dataclass
class KrakenDialect(Channels):
    """Kraken spot v2."""

    depths: ClassVar[tuple[int, ...]] = DEPTHS
    name: str = "kraken"
    numbers_are_text: bool = False
    depth: int = 100
    channels: tuple[Channel, ...] = CHANNELS
    batch: int = 100
    all_or_nothing: bool = False
    pace_ns: int = SECOND_NS // 20
    _learned: bool = False

    def market(self) -> Market:
        """The scanner."""
        return KrakenMarket()

    def rule(self) -> Rule:
        """The checksum."""
        return KrakenRule()

    def stream_target(self) -> str:
        """Version 2."""
        return "/v2"

    def subscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """One channel a message; trades begin with the last ones, which shows that the channel speaks."""
        return self._message("subscribe", subscriptions, number)

    def unsubscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """The connection and the other books are left alone."""
        return self._message("unsubscribe", subscriptions, number)

    @property
    def instrument_channel(self) -> KrakenInstruments | None:
        """The public address has it; that of orders is not known to."""
        return None if self.by_order else KrakenInstruments(self.name)

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """Every pair, where the channel is away."""
        del symbols
        return "/0/public/AssetPairs"

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> Listing:
        """Read AssetPairs."""
        return read_asset_pairs(self.name, body, ids)

    def answer_message(self, message: dict[str, Any]) -> Answer:
        """Acknowledgements come one a symbol; a refusal leaves the connection up, and heartbeats go on."""
        if message.get("channel") in HOT_CHANNELS and message.get("data"):
            text = f"a {message['channel']} message that the scanner refuses"
            return Answer(AnswerKind.MALFORMED, text, spoilt_books(message))
        return _answer_request(message) if message.get("method") == "subscribe" else OTHER

    def numbers(self, message: object) -> Iterable[tuple[str, str, str]]:
        """The numbers of books and trades."""
        if not isinstance(message, dict) or message.get("channel") not in HOT_CHANNELS:
            return
        for entry in message["data"]:
            for level in [*entry.get("bids", ()), *entry.get("asks", ())] if message["channel"] == "book" else [entry]:
                yield entry["symbol"], level["price"], level["qty"]

    def apply_recorded(self, message: object) -> None:
        """Set the depth from a recording: from the acknowledgement, else the least that holds its first snapshot."""
        if not isinstance(message, dict) or self._learned:
            return
        result: Any = message.get("result")
        if isinstance(result, dict) and result.get("channel") == "book":
            self.depth, self._learned = int(result["depth"]), True
        elif message.get("channel") == "book" and message.get("type") == "snapshot":
            longest = max(len(side) for entry in message["data"] for side in (entry["bids"], entry["asks"]))
            self._learned = True
            self.depth = next(depth for depth in DEPTHS if depth >= min(longest, DEPTHS[-1]))

    def __post_init__(self) -> None:
        """Refuse a depth that Kraken does not have."""
        if self.depth not in self.depths:
            msg = f"depth must be one of {self.depths}, was {self.depth}"
            raise ValueError(msg)

    def _message(self, method: str, subscriptions: Sequence[Subscription], number: int) -> bytes:
        channel, _ = subscriptions[0]
        params: dict[str, object] = {"channel": channel, "symbol": [symbol for _, symbol in subscriptions]}
        if channel == HOT_CHANNELS[0]:
            params["depth"] = self.depth
        if method == "subscribe":
            params["snapshot"] = True
        return orjson.dumps({"method": method, "params": params, "req_id": number})


def _answer_request(message: Mapping[str, Any]) -> Answer:
    """An acknowledgement or a refusal of one symbol; a refusal may leave out its channel."""
    result = message.get("result")
    named = result if isinstance(result, dict) else message
    number, symbol = message.get("req_id"), named.get("symbol") or ""
    subscriptions = ((str(named.get("channel") or ""), str(symbol)),) if symbol else ()
    error = str(message.get("error") or "")
    refused = bool(error or message.get("success") is False) and ALREADY not in error.lower()
    kind = AnswerKind.REFUSED if refused else AnswerKind.ACCEPTED
    return Answer(kind, error, number=number if isinstance(number, int) else 0, named=subscriptions)


def spoilt_books(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The books a refused message would have changed: a checksum over ten levels would not miss a deeper one."""
    return symbols_of(message["data"]) if message["channel"] == "book" else ()


def symbols_of(data: object) -> tuple[str, ...]:
    """The symbols that a message's entries name; every book where one of them names none."""
    if not isinstance(data, list) or not all(isinstance(one, dict) and "symbol" in one for one in data):
        return (EVERY,)
    return tuple(str(one["symbol"]) for one in data)

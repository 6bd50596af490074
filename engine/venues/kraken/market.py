"""Kraken's market data: subscriptions, acknowledgements and metadata."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

import orjson

from engine.model.fixed import INT64_MAX, to_fixed
from engine.model.instrument import Instrument
from engine.venues.channels import SECOND_NS, Channels
from engine.venues.dialect import OTHER, Answer, AnswerKind, Channel, ChannelKind, Listing, Want, read_listed
from engine.venues.kraken.scan import KrakenMarket, KrakenRule
from engine.venues.market import Market, Rule

DEPTHS = (10, 25, 100, 500, 1000)
OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}  # AssetPairs still has the names of v1
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

    def subscribe(self, wants: Sequence[Want], number: int) -> bytes:
        """One channel a message; trades begin with the last ones, which shows that the channel speaks."""
        return self._message("subscribe", wants, number)

    def unsubscribe(self, wants: Sequence[Want], number: int) -> bytes:
        """The connection and the other books are left alone."""
        return self._message("unsubscribe", wants, number)

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """Every pair: the names of v1 and v2 differ, so none is asked for by name."""
        del symbols
        return "/0/public/AssetPairs"

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> Listing:
        """Read AssetPairs."""
        listed = {symbol_of(entry): entry for entry in orjson.loads(body)["result"].values() if "wsname" in entry}
        return read_listed(self.name, listed, ids, partial(read_pair, self.name))

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

    def learn(self, message: object) -> None:
        """Take the depth of a recording: from the acknowledgement, else the least that holds its first snapshot."""
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

    def _message(self, method: str, wants: Sequence[Want], number: int) -> bytes:
        channel = wants[0][0]
        params: dict[str, object] = {"channel": channel, "symbol": [symbol for _, symbol in wants]}
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
    wants = ((str(named.get("channel") or ""), str(symbol)),) if symbol else ()
    error = str(message.get("error") or "")
    refused = bool(error or message.get("success") is False) and ALREADY not in error.lower()
    kind = AnswerKind.REFUSED if refused else AnswerKind.ACCEPTED
    return Answer(kind, error, number=number if isinstance(number, int) else 0, wants=wants)


def spoilt_books(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The books a refused message would have changed: a checksum over ten levels would not miss a deeper one."""
    data = message["data"]
    if message["channel"] != "book" or not isinstance(data, list):
        return ()
    return tuple(str(entry.get("symbol")) for entry in data if isinstance(entry, dict))


def symbol_of(entry: Mapping[str, Any]) -> str:
    """The v2 name of a pair."""
    base, _, quote = str(entry["wsname"]).partition("/")
    return f"{OLD_NAMES.get(base, base)}/{OLD_NAMES.get(quote, quote)}"


def read_pair(venue: str, symbol: str, entry: Mapping[str, Any], number: int) -> Instrument:
    """One pair. Its decimals are the pair's precision even where the step is coarser: the checksum is over them."""
    price_decimals, size_decimals = int(entry["pair_decimals"]), int(entry["lot_decimals"])
    base, _, quote = symbol.partition("/")
    return Instrument(
        id=number,
        venue=venue,
        symbol=symbol,
        base=base,
        quote=quote,
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        price_step=to_fixed(str(entry.get("tick_size") or Decimal(1).scaleb(-price_decimals)), price_decimals),
        size_step=1,
        size_min=to_fixed(str(entry.get("ordermin", "0")), size_decimals),
        size_max=INT64_MAX,
        notional_min=to_fixed(str(entry.get("costmin", "0")), price_decimals + size_decimals),
        trading=entry.get("status", "online") == "online",
    )

"""Kraken's market data: subscriptions, acknowledgements and metadata."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from engine.model.fixed import INT64_MAX, to_fixed
from engine.model.instrument import Instrument
from engine.venues.dialect import ACCEPTED, OTHER, Answer, AnswerKind
from engine.venues.kraken.scan import KrakenMarket, KrakenRule
from engine.venues.market import Market, Rule

SECOND_NS = 1_000_000_000
DEPTHS = (10, 25, 100, 500, 1000)
OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}  # AssetPairs still has the names of v1
HOT_CHANNELS = ("book", "trade")


@dataclass
class KrakenDialect:
    """Kraken spot v2."""

    name: str = "kraken"
    requests_snapshots: bool = False
    by_order: bool = False
    numbers_are_text: bool = False
    depth: int = 100
    overlaps: bool = False
    lifetime_ns: int = 1 << 62
    mute_ns: int = 5 * SECOND_NS  # a heartbeat comes every second whatever the books do
    ping: bytes = b""
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

    def subscribe(self, symbols: Iterable[str]) -> list[bytes]:
        """Books with their snapshots; trades from here on."""
        names = list(symbols)
        return [
            self._message("subscribe", names),
            orjson.dumps({"method": "subscribe", "params": {"channel": "trade", "symbol": names, "snapshot": False}}),
        ]

    def resubscribe(self, symbol: str) -> list[bytes]:
        """A subscription begins with a snapshot; the connection and the other books are left alone."""
        return [self._message("unsubscribe", [symbol]), self._message("subscribe", [symbol])]

    def snapshot_target(self, symbol: str) -> str:
        """Nothing is requested here."""
        del symbol
        return ""

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """Every pair: the names of v1 and v2 differ, so none is asked for by name."""
        del symbols
        return "/0/public/AssetPairs"

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> list[Instrument]:
        """Read AssetPairs."""
        listed = {symbol_of(entry): entry for entry in orjson.loads(body)["result"].values() if "wsname" in entry}
        wanted = dict.fromkeys(listed, 0) if ids is None else ids
        missing = sorted(set(wanted) - set(listed))
        if missing:
            msg = f"{self.name} does not list {', '.join(missing)}"
            raise ValueError(msg)
        return [read_pair(self.name, symbol, listed[symbol], number) for symbol, number in wanted.items()]

    def answer(self, frame: bytes) -> Answer:
        """Acknowledgements come one a symbol; a refusal leaves the connection up, and heartbeats go on."""
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError as error:
            return Answer(AnswerKind.MALFORMED, str(error))
        if not isinstance(message, dict):
            return OTHER
        if message.get("channel") in HOT_CHANNELS and message.get("data"):
            text = f"a {message['channel']} message that the scanner refuses"
            return Answer(AnswerKind.MALFORMED, text, spoilt_books(message))
        if message.get("success") is False or "error" in message:
            return Answer(AnswerKind.REFUSED, str(message.get("error")))
        return ACCEPTED if message.get("method") == "subscribe" else OTHER

    def numbers(self, message: object) -> Iterable[tuple[str, str, str]]:
        """The numbers of books and trades."""
        if not isinstance(message, dict) or message.get("channel") not in HOT_CHANNELS:
            return
        for entry in message["data"]:
            for level in [*entry.get("bids", ()), *entry.get("asks", ())] if message["channel"] == "book" else [entry]:
                yield entry["symbol"], level["price"], level["qty"]

    def recorded_book(self, payload: bytes, url: str) -> str | None:
        """Nothing is requested here."""
        del payload, url
        return None

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
        if self.depth not in DEPTHS:
            msg = f"depth must be one of {DEPTHS}, was {self.depth}"
            raise ValueError(msg)

    def _message(self, method: str, symbols: list[str]) -> bytes:
        params = {"channel": "book", "symbol": symbols, "depth": self.depth}
        return orjson.dumps(
            {"method": method, "params": params | ({"snapshot": True} if method == "subscribe" else {})}
        )


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

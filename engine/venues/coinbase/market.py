"""Coinbase Advanced's market data: subscriptions, acknowledgements and metadata."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from engine.model.fixed import INT64_MAX, to_fixed
from engine.model.instrument import Instrument
from engine.venues.coinbase.scan import CoinbaseMarket, CoinbaseRule
from engine.venues.dialect import ACCEPTED, OTHER, Answer, AnswerKind
from engine.venues.market import Market, Rule

SECOND_NS = 1_000_000_000
HOT_CHANNELS = ("l2_data", "market_trades")
BOOK = "level2"


@dataclass
class CoinbaseDialect:
    """Coinbase Advanced Trade, public channels without a key."""

    name: str = "coinbase"
    requests_snapshots: bool = False
    by_order: bool = False
    numbers_are_text: bool = True
    depth: int = 0
    overlaps: bool = False
    lifetime_ns: int = 1 << 62
    mute_ns: int = 5 * SECOND_NS  # heartbeats come every second
    ping: bytes = b""

    def market(self) -> Market:
        """The scanner."""
        return CoinbaseMarket()

    def rule(self) -> Rule:
        """The connection's numbering is the only one."""
        return CoinbaseRule()

    def stream_target(self) -> str:
        """The host says it all."""
        return "/"

    def subscribe(self, symbols: Iterable[str]) -> list[bytes]:
        """One channel a message; heartbeats keep the quiet ones open."""
        names = list(symbols)
        channels = [_message("subscribe", channel, names) for channel in (BOOK, "market_trades")]
        return [orjson.dumps({"type": "subscribe", "channel": "heartbeats"}), *channels]

    def resubscribe(self, symbol: str) -> list[bytes]:
        """A subscription begins with a snapshot."""
        return [_message("unsubscribe", BOOK, [symbol]), _message("subscribe", BOOK, [symbol])]

    def snapshot_target(self, symbol: str) -> str:
        """Nothing is requested here."""
        del symbol
        return ""

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """Only the products asked for: all of them are megabytes."""
        return "/api/v3/brokerage/market/products?" + "&".join(f"product_ids={symbol}" for symbol in symbols)

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> list[Instrument]:
        """Read products."""
        listed = {entry["product_id"]: entry for entry in orjson.loads(body)["products"]}
        wanted = dict.fromkeys(listed, 0) if ids is None else ids
        missing = sorted(set(wanted) - set(listed))
        if missing:
            msg = f"{self.name} does not list {', '.join(missing)}"
            raise ValueError(msg)
        return [read_product(self.name, listed[symbol], number) for symbol, number in wanted.items()]

    def answer(self, frame: bytes) -> Answer:
        """Acknowledgements list all subscriptions so far, and come after the first data."""
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError as error:
            return Answer(AnswerKind.MALFORMED, str(error))
        if not isinstance(message, dict):
            return OTHER
        if message.get("type") == "error":
            return Answer(AnswerKind.REFUSED, str(message.get("message")))
        channel = message.get("channel")
        if channel in HOT_CHANNELS and message.get("events"):
            return Answer(AnswerKind.MALFORMED, f"a {channel} message that the scanner refuses")
        if channel == "subscriptions":
            return ACCEPTED if _lists_books(message.get("events")) else OTHER
        return OTHER

    def numbers(self, message: object) -> Iterable[tuple[str, str, str]]:
        """The numbers of books and trades."""
        if not isinstance(message, dict) or message.get("channel") not in HOT_CHANNELS:
            return
        for event in message["events"]:
            for one in event.get("updates", ()):
                yield event["product_id"], one["price_level"], one["new_quantity"]
            for one in event.get("trades", ()):
                yield one["product_id"], one["price"], one["size"]

    def recorded_book(self, payload: bytes, url: str) -> str | None:
        """Nothing is requested here."""
        del payload, url
        return None

    def learn(self, message: object) -> None:
        """Nothing: all levels are kept in step."""


def _lists_books(events: object) -> bool:
    """Whether an acknowledgement names the books among the subscriptions."""
    first = events[0] if isinstance(events, list) and events else None
    subscribed = first.get("subscriptions") if isinstance(first, dict) else None
    return isinstance(subscribed, dict) and BOOK in subscribed


def _message(kind: str, channel: str, symbols: list[str]) -> bytes:
    return orjson.dumps({"type": kind, "product_ids": symbols, "channel": channel})


def decimals_of(step: str) -> int:
    """How many decimals a step needs; products write small ones with an exponent."""
    exponent = Decimal(step).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def read_product(venue: str, entry: Mapping[str, Any], number: int) -> Instrument:
    """One product."""
    price_step = entry.get("price_increment") or entry["quote_increment"]
    price_decimals, size_decimals = decimals_of(price_step), decimals_of(entry["base_increment"])
    largest = int(Decimal(entry.get("base_max_size") or 0).scaleb(size_decimals))
    return Instrument(
        id=number,
        venue=venue,
        symbol=entry["product_id"],
        base=entry["base_currency_id"],
        quote=entry["quote_currency_id"],
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        price_step=to_fixed(str(price_step), price_decimals),
        size_step=to_fixed(str(entry["base_increment"]), size_decimals),
        size_min=to_fixed(str(entry.get("base_min_size") or 0), size_decimals),
        size_max=min(INT64_MAX, largest) or INT64_MAX,
        notional_min=int(Decimal(entry.get("quote_min_size") or 0).scaleb(price_decimals + size_decimals)),
        trading=entry.get("status") == "online" and not entry.get("trading_disabled"),
    )

"""Coinbase Advanced's market data: subscriptions, acknowledgements and metadata."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import orjson

from engine.model.fixed import INT64_MAX, to_fixed, to_fixed_up
from engine.model.instrument import Instrument
from engine.venues.channels import SECOND_NS, Channels
from engine.venues.coinbase.scan import CoinbaseMarket, CoinbaseRule
from engine.venues.dialect import (
    EVERY,
    OTHER,
    Answer,
    AnswerKind,
    Channel,
    ChannelKind,
    Listing,
    Subscription,
    read_listed,
)
from engine.venues.market import Market, Rule

HOT_CHANNELS = ("l2_data", "market_trades")
HINDRANCES = (
    "trading_disabled", "cancel_only", "post_only", "limit_only", "auction_mode", "view_only", "is_disabled"
)  # fmt: skip
PRODUCT = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)+")
CHANNELS = (
    Channel("level2", ChannelKind.BOOK, greets=True),
    Channel("market_trades", ChannelKind.PRINTS, greets=True),  # with the last hundred
)


@dataclass
class CoinbaseDialect(Channels):
    """Coinbase Advanced Trade, public channels without a key."""

    name: str = "coinbase"
    pace_ns: int = SECOND_NS // 7  # eight messages a second are allowed without a key
    channels: tuple[Channel, ...] = CHANNELS

    def market(self) -> Market:
        """The scanner."""
        return CoinbaseMarket()

    def rule(self) -> Rule:
        """The connection's numbering is the only one."""
        return CoinbaseRule()

    def greeting(self) -> list[bytes]:
        """Heartbeats keep quiet channels open, and show that the connection lives."""
        return [orjson.dumps({"type": "subscribe", "channel": "heartbeats"})]

    def subscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """One channel a message; no number comes back."""
        del number
        return _message("subscribe", subscriptions)

    def unsubscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """The same."""
        del number
        return _message("unsubscribe", subscriptions)

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """Only the products asked for: all of them are megabytes."""
        return "/api/v3/brokerage/market/products?" + "&".join(f"product_ids={symbol}" for symbol in symbols)

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> Listing:
        """Read products."""
        listed = {entry["product_id"]: entry for entry in orjson.loads(body)["products"]}
        return read_listed(self.name, listed, ids, partial(read_product, self.name))

    def answer_message(self, message: dict[str, Any]) -> Answer:
        """Acknowledgements list all subscriptions so far, and come after the first data."""
        if message.get("type") == "error":
            return refusal_of(message)
        channel = message.get("channel")
        if channel in HOT_CHANNELS and message.get("events"):
            text = f"a {channel} message that the scanner refuses"
            return Answer(AnswerKind.MALFORMED, text, _spoilt_books(message))
        if channel == "subscriptions":
            subscriptions = _listed_subscriptions(message.get("events"))
            return Answer(AnswerKind.ACCEPTED, named=subscriptions) if subscriptions else OTHER
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


def _listed_subscriptions(events: object) -> tuple[Subscription, ...]:
    """What an acknowledgement names: everything subscribed so far."""
    first = events[0] if isinstance(events, list) and events else None
    subscribed = first.get("subscriptions") if isinstance(first, dict) else None
    if not isinstance(subscribed, dict):
        return ()
    listed = ((channel, symbols) for channel, symbols in subscribed.items() if isinstance(symbols, list))
    return tuple((channel, str(symbol)) for channel, symbols in listed for symbol in symbols)


def refusal_of(message: Mapping[str, Any]) -> Answer:
    """An error names neither request nor channel, and the product only in its words."""
    text = " ".join(str(message[key]) for key in ("message", "reason") if message.get(key))
    words = (word.strip(".,:;'\"()[]") for word in text.split())
    return Answer(AnswerKind.REFUSED, text, named=tuple(("", word) for word in words if PRODUCT.fullmatch(word)))


def _spoilt_books(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The books a refused message would have changed: its number was seen, so no hole will show that it is missing."""
    if message["channel"] != HOT_CHANNELS[0]:
        return ()
    events = message["events"]
    if not isinstance(events, list) or not all(isinstance(event, dict) and "product_id" in event for event in events):
        return (EVERY,)
    return tuple(str(event["product_id"]) for event in events)


def _message(kind: str, subscriptions: Sequence[Subscription]) -> bytes:
    channel, _ = subscriptions[0]
    return orjson.dumps({"type": kind, "product_ids": [symbol for _, symbol in subscriptions], "channel": channel})


def decimals_of(step: str) -> int:
    """How many decimals a step needs; products write small ones with an exponent."""
    exponent = Decimal(step).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def takes_every_order(entry: Mapping[str, Any]) -> bool:
    """Whether a product accepts every order, by the fields that either Coinbase sends of it."""
    return not any(entry.get(name) for name in HINDRANCES)


def contract_of(entry: Mapping[str, Any]) -> tuple[str, str, int]:
    """Base, kind and multiplier; a contract that is no whole number of its base cannot be held exactly."""
    if entry.get("product_type", "SPOT") == "SPOT":
        return entry["base_currency_id"], "spot", 1
    details = entry["future_product_details"]
    kind = "perpetual" if details["contract_expiry_type"] == "PERPETUAL" else "future"
    return details["contract_root_unit"], kind, to_fixed(str(details["contract_size"]), 0)


def is_open(entry: Mapping[str, Any]) -> bool:
    """Whether it is traded at all: a contract has sessions in place of a status."""
    session = entry.get("fcm_trading_session_details")
    return bool(session.get("is_session_open")) if isinstance(session, dict) else entry.get("status") == "online"


def read_product(venue: str, symbol: str, entry: Mapping[str, Any], number: int) -> Instrument:
    """One product."""
    base, kind, multiplier = contract_of(entry)
    price_step = entry.get("price_increment") or entry["quote_increment"]
    price_decimals, size_decimals = decimals_of(price_step), decimals_of(entry["base_increment"])
    largest = int(Decimal(entry.get("base_max_size") or 0).scaleb(size_decimals))
    return Instrument(
        id=number,
        venue=venue,
        symbol=symbol,
        base=base,
        quote=entry["quote_currency_id"],
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        price_step=to_fixed(str(price_step), price_decimals),
        size_step=to_fixed(str(entry["base_increment"]), size_decimals),
        size_min=to_fixed_up(str(entry.get("base_min_size") or 0), size_decimals),
        size_max=min(INT64_MAX, largest) or INT64_MAX,
        notional_min=to_fixed_up(str(entry.get("quote_min_size") or 0), price_decimals + size_decimals),
        trading=is_open(entry) and takes_every_order(entry),
        kind=kind,
        multiplier=multiplier,
    )

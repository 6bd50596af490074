"""Coinbase Exchange's market data: subscriptions, acknowledgements, books of orders and metadata."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import orjson

from engine.model.fixed import INT64_MAX, to_fixed_up
from engine.model.instrument import Instrument
from engine.venues.channels import SECOND_NS, Channels
from engine.venues.coinbase.market import decimals_of, refusal_of, takes_every_order
from engine.venues.coinbase_exchange.scan import ExchangeMarket, LevelRule, OrderRule
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

ORDER_TYPES = frozenset({"received", "open", "match", "change", "done"})
LEVEL_TYPES = frozenset({"snapshot", "l2update"})
PRINT_TYPES = frozenset({"match", "last_match"})
ORDERS = (Channel("full", ChannelKind.BOOK),)  # trades are part of it; it begins with the next message
LEVELS = (Channel("level2_batch", ChannelKind.BOOK, greets=True), Channel("matches", ChannelKind.PRINTS))
ALIASES = {"level2_50": "level2_batch", "level2": "level2_batch"}  # what the venue may call the same channel
BEAT = "heartbeat"
BOOK_ADDRESS = re.compile(r"/products/([^/?]+)/book")
EVERY_ORDER = 1 << 20


@dataclass
class ExchangeDialect(Channels):
    """Coinbase Exchange: every order of a book, which needs a key at the venue, or its levels, which do not."""

    name: str = "coinbase-exchange"
    pace_ns: int = SECOND_NS // 7  # eight messages a second are allowed without a key
    by_order: bool = True
    snapshot_choices: tuple[tuple[int, int], ...] = ((EVERY_ORDER, 1),)
    _learned: bool = False

    def __post_init__(self) -> None:
        """Books of orders are asked for, and their numbers are the venue's; levels come with their subscription."""
        self.requests_snapshots = self.overlaps = self.by_order
        self.channels = ORDERS if self.by_order else LEVELS

    def market(self) -> Market:
        """The scanner."""
        return ExchangeMarket(by_order=self.by_order)

    def rule(self) -> Rule:
        """A product's numbers, or its trades'."""
        return OrderRule() if self.by_order else LevelRule()

    def subscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """Heartbeats are a channel of each product: they show that the connection and a quiet book live."""
        del number
        return _message("subscribe", subscriptions, BEAT)

    def unsubscribe(self, subscriptions: Sequence[Subscription], number: int) -> bytes:
        """Heartbeats go on."""
        del number
        return _message("unsubscribe", subscriptions)

    def snapshot_target(self, symbol: str, levels: int) -> str:
        """Every order."""
        del levels
        return f"/products/{symbol}/book?level=3"

    def instruments_target(self, symbols: Iterable[str]) -> str:
        """All products: the venue accepts no list."""
        del symbols
        return "/products"

    def instruments(self, body: bytes, ids: Mapping[str, int] | None) -> Listing:
        """Read products."""
        listed = {entry["id"]: entry for entry in orjson.loads(body)}
        return read_listed(self.name, listed, ids, partial(read_product, self.name))

    def answer_message(self, message: dict[str, Any]) -> Answer:
        """Acknowledgements list all subscriptions so far; a message without a number is a copy for its owner alone."""
        kind = message.get("type")
        if kind == "error":
            return refusal_of(message)
        if kind == "subscriptions":
            subscriptions = tuple(self._listed_subscriptions(message.get("channels")))
            return Answer(AnswerKind.ACCEPTED, named=subscriptions) if subscriptions else OTHER
        if self._is_hot(message):
            return Answer(AnswerKind.MALFORMED, f"a {kind} message that the scanner refuses", self._spoilt(message))
        return OTHER

    def recorded_book(self, payload: bytes, url: str) -> str | None:
        """A book over REST has no type; its address, or the recorder, names the product."""
        address = BOOK_ADDRESS.search(url)
        if address:
            return address[1]
        if url or b'"type"' in payload or b'"bids"' not in payload:
            return None
        try:
            book = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return ""
        return str(book.get("product", "")) if isinstance(book, dict) else ""

    def numbers(self, message: object) -> Iterator[tuple[str, str, str]]:
        """The numbers of books, orders and trades: each size that the scanner reads has a price beside it."""
        if not isinstance(message, dict) or "product_id" not in message:
            return
        symbol = message["product_id"]
        for row in (*message.get("bids", ()), *message.get("asks", ())):
            yield symbol, row[0], row[1]
        for _, price, size in message.get("changes", ()):
            yield symbol, price, size
        if message.get("type") == "ticker":
            for side in ("best_bid", "best_ask"):
                yield symbol, message.get(side) or "0", message.get(f"{side}_size") or "0"
        elif message.get("type") in ORDER_TYPES | PRINT_TYPES:
            price = message.get("new_price") or message.get("price") or "0"
            for name in ("size", "remaining_size", "old_size", "new_size"):
                yield symbol, price, message.get(name) or "0"

    def apply_recorded(self, message: object) -> None:
        """Set the channel from a recording: from its first book, or its first message about a book."""
        if self._learned or not isinstance(message, dict):
            return
        rows = [*message.get("bids", ()), *message.get("asks", ())]
        kind = message.get("type")
        if kind in LEVEL_TYPES or (kind is None and rows):
            self.by_order = kind is None and isinstance(rows[0][-1], str) and len(rows[0]) > 2  # noqa: PLR2004 - an id
        elif kind not in ORDER_TYPES - PRINT_TYPES:
            return
        self._learned = True
        self.__post_init__()

    def _is_hot(self, message: dict[str, Any]) -> bool:
        """Whether the scanner should have read a message."""
        kind = str(message.get("type"))
        if self.by_order:
            return kind in ORDER_TYPES and "sequence" in message
        return kind in LEVEL_TYPES or kind in PRINT_TYPES

    def _spoilt(self, message: dict[str, Any]) -> tuple[str, ...]:
        """The book a refused message would have changed; a print changes none."""
        if not self.by_order and message["type"] not in LEVEL_TYPES:
            return ()
        return (str(message.get("product_id") or EVERY),)

    def _listed_subscriptions(self, listed: object) -> Iterator[Subscription]:
        """What an acknowledgement names of ours."""
        own = {channel.name for channel in self.channels}
        for one in listed if isinstance(listed, list) else ():
            name = one.get("name") if isinstance(one, dict) else None
            channel = ALIASES.get(name, name) if isinstance(name, str) else None
            products = one.get("product_ids") if isinstance(one, dict) else None
            if channel in own and isinstance(products, list):
                yield from ((channel, str(product)) for product in products)


def _message(kind: str, subscriptions: Sequence[Subscription], *more: str) -> bytes:
    channels = [subscriptions[0][0], *more]
    products = [symbol for _, symbol in subscriptions]
    return orjson.dumps({"type": kind, "product_ids": products, "channels": channels})


def read_product(venue: str, symbol: str, entry: Mapping[str, Any], number: int) -> Instrument:
    """One product. Its least size is a notional; small steps are written with an exponent."""
    price_decimals, size_decimals = decimals_of(entry["quote_increment"]), decimals_of(entry["base_increment"])
    price_step, size_step = (
        int(Decimal(entry[name]).scaleb(decimals))
        for name, decimals in (("quote_increment", price_decimals), ("base_increment", size_decimals))
    )
    return Instrument(
        id=number,
        venue=venue,
        symbol=symbol,
        base=entry["base_currency"],
        quote=entry["quote_currency"],
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        price_step=price_step,
        size_step=size_step,
        size_min=to_fixed_up(str(entry.get("base_min_size") or 0), size_decimals),
        size_max=INT64_MAX,
        notional_min=to_fixed_up(str(entry.get("min_market_funds") or 0), price_decimals + size_decimals),
        trading=entry.get("status") == "online" and takes_every_order(entry),
    )

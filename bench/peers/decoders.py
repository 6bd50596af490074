"""What Python users do with a 20-level diff's bytes instead: decoding alone, and decoding into an order book."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import msgspec
import orjson

Run = Callable[[bytes], object]
GPL = "is GPL-3.0, so it is not installed with the others: pip install order-book shows it"
ABSENT = "is not installed: make setup-bench"


class Diff(msgspec.Struct):
    """A depth event, for msgspec."""

    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class Wrapped(msgspec.Struct):
    """Its wrapper."""

    data: Diff


@dataclass(frozen=True, slots=True)
class DecoderPeer:
    """One way to decode, its modules, and why they may be missing."""

    name: str
    open: Callable[[], Run]
    module: str = ""
    reason: str = ABSENT

    def missing(self) -> str | None:
        """What of it is not installed here."""
        if self.module and find_spec(self.module) is None:
            return f"{self.module} {self.reason}"
        return None


def to_floats(*sides: list[Any]) -> list[Any]:
    """What a Python user does next."""
    return [[(float(price), float(size)) for price, size in side] for side in sides]


def typed() -> Run:
    """A decoder of msgspec that knows the event's type."""
    decode = msgspec.json.Decoder(Wrapped).decode

    def run(frame: bytes) -> object:
        event = decode(frame).data
        return to_floats(event.b, event.a)

    return run


def loaded(loads: Callable[[bytes], Any]) -> Callable[[], Run]:
    """A decoder without types."""

    def run(frame: bytes) -> object:
        event = loads(frame)["data"]
        return to_floats(event["b"], event["a"])

    return lambda: run


def cryptofeed() -> Run:
    """As cryptofeed does it: Decimals into its C order book."""
    from order_book import OrderBook

    book = OrderBook()
    sides = {"b": book.bids, "a": book.asks}

    def run(frame: bytes) -> None:
        event = orjson.loads(frame)["data"]
        for name, half in sides.items():
            for price_text, size_text in event[name]:
                price, size = Decimal(price_text), Decimal(size_text)
                if size:
                    half[price] = size
                elif price in half:
                    del half[price]

    return run


def nautilus() -> Run:
    """NautilusTrader's own objects from msgspec's event, into its order book, as its Binance adapter does."""
    from nautilus_trader.model.book import OrderBook
    from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
    from nautilus_trader.model.enums import BookAction, BookType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId
    from nautilus_trader.model.objects import Price, Quantity

    decode = msgspec.json.Decoder(Wrapped).decode
    instrument = InstrumentId.from_str("BTCUSDT.BINANCE")
    book = OrderBook(instrument, BookType.L2_MBP)

    def deltas(side: Any, levels: list[tuple[str, str]], last: int) -> list[Any]:
        found = []
        for price, text in levels:
            size = Quantity.from_str(text)
            action = BookAction.UPDATE if size.raw else BookAction.DELETE
            order = BookOrder(side, Price.from_str(price), size, 0)
            found.append(OrderBookDelta(instrument, action, order, 0, last, 0, 0))
        return found

    def run(frame: bytes) -> None:
        event = decode(frame).data
        found = deltas(OrderSide.BUY, event.b, event.u) + deltas(OrderSide.SELL, event.a, event.u)
        book.apply_deltas(OrderBookDeltas(instrument, found))

    return run


PEERS = (
    DecoderPeer("msgspec typed, then float", typed),
    DecoderPeer("orjson, then float", loaded(orjson.loads)),
    DecoderPeer("json, then float", loaded(json.loads)),
    DecoderPeer("orjson, then cryptofeed order_book", cryptofeed, "order_book", GPL),
    DecoderPeer("msgspec, then NautilusTrader OrderBook", nautilus, "nautilus_trader"),
)

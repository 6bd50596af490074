"""Kraken's channel of orders: its own address, a token in each subscription, and no trades beside it.

    wss://ws-l3.kraken.com/v2      level3, for the owner of a key (signing.py puts the token in)

For the prints of a pair, configure it a second time under a venue of kind `kraken` without a product.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import orjson

from engine.venues.channels import SECOND_NS
from engine.venues.dialect import OTHER, Answer, AnswerKind, Channel, ChannelKind, Subscription
from engine.venues.kraken.market import KrakenDialect, symbols_of
from engine.venues.kraken.order_scan import KrakenOrderMarket, KrakenOrderRule
from engine.venues.market import Market, Rule

LEVEL3 = "level3"
ORDERS = (Channel(LEVEL3, ChannelKind.BOOK, greets=True),)
RATE = {10: 5, 100: 25, 1000: 100}  # what a symbol of each depth counts, of 200 a second
DIGITS_MAX = 99  # of an exponent: written out, a greater one would fill the memory
SLOWER = 6 * SECOND_NS // 1000  # for each of them: five milliseconds, and one to spare


@dataclass
class KrakenOrderDialect(KrakenDialect):
    """Kraken spot v2, order by order."""

    depths: ClassVar[tuple[int, ...]] = tuple(RATE)
    by_order: bool = True
    channels: tuple[Channel, ...] = ORDERS
    batch: int = 1

    def __post_init__(self) -> None:
        """The number of symbols a second that the venue accepts at this depth."""
        super().__post_init__()
        self.pace_ns = SLOWER * RATE[self.depth]

    def market(self) -> Market:
        """The scanner."""
        return KrakenOrderMarket()

    def rule(self) -> Rule:
        """The checksum."""
        return KrakenOrderRule()

    def answer_message(self, message: dict[str, Any]) -> Answer:
        """A message of orders comes here when the scanner refused it; other messages are the same on every channel."""
        if message.get("channel") != LEVEL3:
            return super().answer_message(message)
        if not message.get("data"):
            return OTHER
        return Answer(AnswerKind.MALFORMED, "a level3 message that the scanner refuses", symbols_of(message["data"]))

    def numbers(self, message: object) -> Iterable[tuple[str, str, str]]:
        """The numbers of the orders in a message."""
        if not isinstance(message, dict) or message.get("channel") != LEVEL3:
            return
        for entry in message["data"]:
            for order in (*entry.get("bids", ()), *entry.get("asks", ())):
                if order.get("event") != "delete":
                    yield entry["symbol"], plain(order["limit_price"]), plain(order["order_qty"])

    def apply_recorded(self, message: object) -> None:
        """Set the depth from a recording: from the acknowledgement, else the least that holds its first snapshot."""
        if not isinstance(message, dict) or self._learned:
            return
        result: Any = message.get("result")
        if isinstance(result, dict) and result.get("channel") == LEVEL3 and "depth" in result:
            self.depth, self._learned = int(result["depth"]), True
        elif message.get("channel") == LEVEL3 and message.get("type") == "snapshot":
            longest = max(len(prices_of(side)) for one in message["data"] for side in (one["bids"], one["asks"]))
            self._learned = True
            self.depth = next((depth for depth in self.depths if depth >= longest), self.depths[-1])

    def _message(self, method: str, subscriptions: Sequence[Subscription], number: int) -> bytes:
        params: dict[str, object] = {"channel": subscriptions[0][0], "symbol": [symbol for _, symbol in subscriptions]}
        params["depth"] = self.depth
        if method == "subscribe":
            params["snapshot"] = True
        return orjson.dumps({"method": method, "params": params, "req_id": number})


def plain(text: str) -> str:
    """A number without its exponent; what is no number, or beyond all sense, stays as it is."""
    if "e" not in text.lower():
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return format(number, "f") if abs(number.adjusted()) <= DIGITS_MAX else text


def prices_of(side: Iterable[Mapping[str, Any]]) -> set[Any]:
    """The levels of a side."""
    return {order["limit_price"] for order in side}

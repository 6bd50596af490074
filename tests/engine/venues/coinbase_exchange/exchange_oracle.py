"""Frames of Coinbase Exchange read by json, digit by digit, to hold the scanner against; and frames to read."""

import json
import uuid
from typing import Any

from engine.model.fixed import to_fixed

PRODUCTS = {"BTC-USD": (2, 8), "ETH-USD": (3, 6)}
SIDES = {"buy": 1, "sell": -1}
TIME = "2025-08-18T07:58:06.123456Z"
MAKER, TAKER = "ac928c66-ca53-498f-9c13-a110027a60e8", "132fb6ae-456b-4654-b4e0-d681ac05cea1"


def made(kind: str, number: int, product: str = "BTC-USD", **more: object) -> dict[str, object]:
    """A message with what all have."""
    return {"type": kind, "product_id": product, "sequence": number, "time": TIME} | more


def opened(number: int, order: str, price: str, size: str, side: str = "buy", **more: object) -> dict[str, object]:
    """An order comes onto the book."""
    return made("open", number, order_id=order, side=side, price=price, remaining_size=size) | more


def done(number: int, order: str, left: str | None, side: str = "buy", reason: str = "canceled") -> dict[str, object]:
    """An order leaves."""
    stated = {} if left is None else {"price": "200.20", "remaining_size": left}
    return made("done", number, order_id=order, side=side, reason=reason) | stated


def matched(number: int, maker: str, price: str, size: str, side: str = "buy", trade: int = 7) -> dict[str, object]:
    """A trade; the side is the maker's."""
    named = {"maker_order_id": maker, "taker_order_id": TAKER, "trade_id": trade}
    return made("match", number, side=side, price=price, size=size) | named


def modified(
    number: int, order: str, sizes: tuple[str, str], prices: tuple[str, str], side: str = "buy"
) -> dict[str, object]:
    """A user changes an order."""
    changed = {"old_size": sizes[0], "new_size": sizes[1], "old_price": prices[0], "new_price": prices[1]}
    return made("change", number, order_id=order, side=side, reason="modify_order") | changed


def prevented(
    number: int, order: str, sizes: tuple[str, str], price: str | None, side: str = "buy"
) -> dict[str, object]:
    """Self-trade prevention makes an order smaller."""
    changed = {"old_size": sizes[0], "new_size": sizes[1], "price": price}
    return made("change", number, order_id=order, side=side, reason="STP") | changed


def name(number: int) -> str:
    """An order's id as the venue writes it."""
    return str(uuid.UUID(int=number))


def raw(message: object) -> bytes:
    """As it is on the wire."""
    return json.dumps(message, separators=(",", ":")).encode()


def read_order(message: dict[str, Any]) -> dict[str, object]:
    """One order's changes in one frame of `full`, as the scanner hands them over."""
    if message["product_id"] not in PRODUCTS:
        return {"index": -1}
    prices, sizes = PRODUCTS[message["product_id"]]
    kind, index = message["type"], list(PRODUCTS).index(message["product_id"])
    found: dict[str, object] = {"index": index, "last": int(message["sequence"]), "action": "numbered"}
    if kind in ("received", "activate"):
        return found
    order = message["maker_order_id" if kind == "match" else "order_id"]
    found |= {"order": uuid.UUID(order).int, "side": SIDES[message["side"]]}
    if kind == "done":
        left = message.get("remaining_size")
        return found | {"action": "done", "before": -1 if left is None else to_fixed(left, sizes)}
    return found | read_numbers(message, prices, sizes)


def read_numbers(message: dict[str, Any], prices: int, sizes: int) -> dict[str, object]:
    """The price and size that a message gives an order, or removes from it."""
    if message["type"] != "change":
        action, size = ("opened", "remaining_size") if message["type"] == "open" else ("matched", "size")
        return {"action": action, "price": to_fixed(message["price"], prices), "size": to_fixed(message[size], sizes)}
    price, before = message.get("new_price", message.get("price")), message.get("old_size")
    if price is None or message.get("new_size") is None:
        return {}
    numbers = {"price": to_fixed(price, prices), "size": to_fixed(message["new_size"], sizes)}
    return numbers | {"action": "changed", "before": -1 if before is None else to_fixed(before, sizes)}


def read_levels(message: dict[str, Any]) -> dict[str, object]:
    """The levels of an `l2update` or `snapshot`."""
    prices, sizes = PRODUCTS[message["product_id"]]
    rows = message.get("changes")
    if rows is None:
        rows = [("buy", *row) for row in message["bids"]] + [("sell", *row) for row in message["asks"]]
    sides = {
        side: [(to_fixed(row[1], prices), to_fixed(row[2], sizes)) for row in rows if row[0] == side] for side in SIDES
    }
    return {"index": list(PRODUCTS).index(message["product_id"]), "bids": sides["buy"], "asks": sides["sell"]}

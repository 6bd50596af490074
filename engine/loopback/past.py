"""The orders of an earlier life of the venue, from its truth log.

A venue that was killed forgets its memory; its clients do not. They ask about their orders and for their fills, so the
next life reads the newest orders back. Those that were open are cancelled: their place in the queue is lost.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from engine.loopback.market import Market, fixed
from engine.loopback.orders import Fill, Kind, Order, Prevention, Status, Until

READ_BYTES = 64 << 20  # of the log's end: about 150,000 events


def past_orders(path: str, markets: Iterable[Market]) -> list[Order]:
    """The orders of the log's last 64 MiB in these markets, with their fills, the oldest first."""
    by_symbol = {market.symbol: market for market in markets}
    orders: dict[tuple[str, int], Order] = {}
    for line in _lines(path):
        if line.get("symbol") in by_symbol:
            _apply(orders, by_symbol[line["symbol"]], line)
    return list(orders.values())


def _lines(path: str) -> Iterable[Mapping[str, Any]]:
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END) > READ_BYTES:
            file.seek(-READ_BYTES, os.SEEK_END)
            file.readline()
        else:
            file.seek(0)
        for text in file:
            yield orjson.loads(text)


def _apply(orders: dict[tuple[str, int], Order], market: Market, line: Mapping[str, Any]) -> None:
    """Apply one event of an order."""
    key = (market.symbol, int(line["order_id"]))
    order = orders.get(key) or orders.setdefault(key, _order(market, line))
    order.client_id, order.status = line["client_id"], Status(line["status"])
    order.size, order.filled, order.update_ns = fixed(line["size"]), fixed(line["filled"]), line["now_ns"]
    if line["what"] == "fill":
        fill = _fill(market, order, line)
        order.fills.append(fill)
        order.spent += fill.notional


def _order(market: Market, line: Mapping[str, Any]) -> Order:
    return Order(
        int(line["order_id"]), line["account"], market, line["client_id"], int(line["side"]), Kind(line["kind"]),
        Until(line["until"]), fixed(line["price"]), fixed(line["size"]), 0, Prevention.NONE, line["now_ns"],
        line["now_ns"], working_ns=line["now_ns"],
    )  # fmt: skip


def _fill(market: Market, order: Order, line: Mapping[str, Any]) -> Fill:
    price, size = fixed(line["fill_price"]), fixed(line["fill_size"])
    return Fill(
        int(line["fill_id"]), order.id, price, size, market.notional(price, size), fixed(line["fee"]),
        line["fee_asset"], order.side, line["maker"], line["now_ns"],
    )  # fmt: skip

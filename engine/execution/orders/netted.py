"""Two strategies' orders that filled each other: the record of both, and the orders that it makes.

    an order of strategy 3 ─┐
                            ├─▶ NETTED: one record of the journal ─▶ two orders, FILLED; two fills, INTERNAL
    a parent of strategy 4 ─┘

Each is an order of its intent as any other, with a number of its own, and it has ended when it is made: it is never at
the venue. The orders and fills of a life and of its replay come from the record alone.
"""

from engine.execution.orders.order import FILLED, Order
from engine.model import client_id
from engine.model.journal_records import NETTED
from engine.model.rows import NettedRow
from engine.model.words import BUY, SELL, OrderFlag, OrderType, TimeInForce

KEPT_FLAGS = int(OrderFlag.REDUCE_ONLY)


def row_of(one: Order, other: Order, price: int, size: int, now_ns: int, account: int) -> NettedRow:
    """The record of two orders on opposite sides that fill each other."""
    buy, sell = (one, other) if one.side == BUY else (other, one)
    return NETTED.row(
        buy_client_id=buy.client_id, sell_client_id=sell.client_id, buy_intent_id=buy.intent_id,
        sell_intent_id=sell.intent_id, buy_intent_ns=buy.intent_ns, sell_intent_ns=sell.intent_ns,
        buy_receive_ns=buy.receive_ns, sell_receive_ns=sell.receive_ns, buy_timeout_ns=buy.timeout_ns,
        sell_timeout_ns=sell.timeout_ns, buy_limit_price=buy.limit_price, sell_limit_price=sell.limit_price,
        now_ns=now_ns, price=price, size=size, buy_strategy=buy.strategy, sell_strategy=sell.strategy,
        buy_flags=buy.flags & KEPT_FLAGS, sell_flags=sell.flags & KEPT_FLAGS, instrument=buy.instrument,
        account=account,
    )  # fmt: skip


def orders_of(row: NettedRow) -> tuple[Order, Order]:
    """The buyer's order and the seller's."""
    buy = _order(row, BUY, row.buy_client_id, row.buy_intent_id, row.buy_strategy, row.buy_flags)
    sell = _order(row, SELL, row.sell_client_id, row.sell_intent_id, row.sell_strategy, row.sell_flags)
    buy.intent_ns, buy.receive_ns, buy.timeout_ns = row.buy_intent_ns, row.buy_receive_ns, row.buy_timeout_ns
    sell.intent_ns, sell.receive_ns, sell.timeout_ns = row.sell_intent_ns, row.sell_receive_ns, row.sell_timeout_ns
    buy.limit_price, sell.limit_price = row.buy_limit_price, row.sell_limit_price
    return buy, sell


def _order(row: NettedRow, side: int, client: bytes, intent_id: int, strategy: int, flags: int) -> Order:
    """One side, without the times of its intent."""
    client = client.ljust(16, b"\0")
    order = Order(
        client, intent_id, strategy, row.instrument, side, OrderType.LIMIT, TimeInForce.IOC, row.price, row.size
    )
    order.child = client_id.decode(client)[2]
    order.filled = order.venue_filled = row.size
    order.state, order.flags, order.now_ns = FILLED, flags | OrderFlag.INTERNAL, row.now_ns
    return order

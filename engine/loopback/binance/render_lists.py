"""Order lists in Binance's fields: answers, and listStatus of the user data stream."""

from engine.loopback.binance import render
from engine.loopback.order_lists import ListEvent, ListMove, OrderList
from engine.loopback.orders import Order, Refused

STATUS = {  # listStatusType, listOrderStatus
    ListMove.PLACED: ("EXEC_STARTED", "EXECUTING"),
    ListMove.RENAMED: ("UPDATED", "EXECUTING"),
    ListMove.DONE: ("ALL_DONE", "ALL_DONE"),
    ListMove.REFUSED: ("RESPONSE", "REJECT"),
}
REASONS = {
    Refused.BALANCE: "INSUFFICIENT_BALANCES",
    Refused.WOULD_TAKE: "WOULD_MATCH_IMMEDIATELY",
    Refused.WOULD_TRIGGER: "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    Refused.BAD_PRICES: "OCO_BAD_PRICES",
}


def view(one: OrderList, unit: int) -> dict[str, object]:
    """A list, for queries."""
    kind, status = STATUS[ListMove.DONE if one.done else ListMove.PLACED]
    return {
        "orderListId": one.id,
        "contingencyType": _contingency(one.working is not None),
        "listStatusType": kind,
        "listOrderStatus": status,
        "listClientOrderId": one.client_id,
        "transactionTime": one.update_ns // unit,
        "symbol": one.market.symbol,
        "orders": _named(one),
    }


def brief(one: OrderList) -> dict[str, object]:
    """A list, in the answer to a reduced order of it."""
    shown = view(one, 1)
    del shown["listStatusType"], shown["transactionTime"]
    return shown


def placed(one: OrderList, shape: str, unit: int) -> dict[str, object]:
    """The answer to a placed list."""
    return {**view(one, unit), "orderReports": [render.placed(order, shape, unit) for order in one.orders]}


def cancelled(one: OrderList, ended: tuple[Order, ...], cancel_id: str, unit: int) -> dict[str, object]:
    """The answer to a cancelled list, with a report for each order that the cancel ended."""
    return {**view(one, unit), "orderReports": [render.cancelled(order, cancel_id, unit) for order in ended]}


def list_status(event: ListEvent, event_ns: int, unit: int) -> dict[str, object]:
    """A list's event, for the user data stream."""
    kind, status = STATUS[event.move]
    return {
        "e": "listStatus",
        "E": event_ns // unit,
        "s": event.symbol,
        "g": event.id,
        "c": _contingency(event.triggers),
        "l": kind,
        "L": status,
        "r": "NONE" if event.why is None else REASONS.get(event.why, "OTHER"),
        "C": event.client_id,
        "T": event.now_ns // unit,
        "O": [{"s": event.symbol, "i": order_id, "c": client_id} for order_id, client_id in event.orders],
    }


def _contingency(triggers: bool) -> str:
    """The kind of a list: a working order with a pending pair is an OTO too."""
    return "OTO" if triggers else "OCO"


def _named(one: OrderList) -> list[dict[str, object]]:
    """The names of a list's orders."""
    symbol = one.market.symbol
    return [{"symbol": symbol, "orderId": order.id, "clientOrderId": order.client_id} for order in one.orders]

"""Every request the venue knows, by its WebSocket name and its REST route; both lead to the same function."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from engine.venues.sim.binance.desk import Call, Desk
from engine.venues.sim.binance.looks import Looks, depth_weight


class Security(Enum):
    """Who may ask."""

    NONE = 0
    USER = 1  # signed
    TRADE = 2  # signed, by a key that may trade


@dataclass(frozen=True, slots=True)
class Operation:
    """One request: what it costs, who may ask and what it does."""

    name: str
    security: Security
    weight: int | Callable[[Call], int]
    run: Callable[[Call], object]
    orders: bool = False  # its answer tells the order limits
    checked_twice: bool = False  # its recvWindow, again just before matching

    def cost(self, call: Call) -> int:
        """The weight of this very request."""
        return self.weight if isinstance(self.weight, int) else self.weight(call)


def operations(desk: Desk, looks: Looks) -> dict[str, Operation]:
    """The table by WebSocket name."""
    none, user, trade = Security.NONE, Security.USER, Security.TRADE
    table = (
        Operation("ping", none, 1, looks.ping),
        Operation("time", none, 1, looks.time),
        Operation("exchangeInfo", none, 20, looks.exchange),
        Operation("depth", none, depth_weight, looks.depth),
        Operation("trades.recent", none, 25, looks.trades),
        Operation("ticker.book", none, 2, looks.best),
        Operation("ticker.price", none, 2, looks.price),
        Operation("order.place", trade, 1, desk.place, orders=True, checked_twice=True),
        Operation("order.test", trade, 1, desk.test),
        Operation("order.cancel", trade, 1, desk.cancel, checked_twice=True),
        Operation("order.cancelReplace", trade, 1, desk.replace, orders=True, checked_twice=True),
        Operation("openOrders.cancelAll", trade, 1, desk.cancel_all, checked_twice=True),
        Operation("order.status", user, 4, desk.status),
        Operation(
            "openOrders.status", user, lambda call: 6 if call.parameters.text("symbol") else 80, desk.open_orders
        ),
        Operation("allOrders", user, 20, desk.all_orders),
        Operation("myTrades", user, 20, desk.own_trades),
        Operation("account.status", user, 20, looks.account),
        Operation("account.rateLimits.orders", user, 40, looks.order_use),
        Operation("account.commission", user, 20, looks.commission),
    )
    return {operation.name: operation for operation in table}


ROUTES = {
    ("GET", "/api/v3/ping"): "ping",
    ("GET", "/api/v3/time"): "time",
    ("GET", "/api/v3/exchangeInfo"): "exchangeInfo",
    ("GET", "/api/v3/depth"): "depth",
    ("GET", "/api/v3/trades"): "trades.recent",
    ("GET", "/api/v3/ticker/bookTicker"): "ticker.book",
    ("GET", "/api/v3/ticker/price"): "ticker.price",
    ("POST", "/api/v3/order"): "order.place",
    ("GET", "/api/v3/order"): "order.status",
    ("DELETE", "/api/v3/order"): "order.cancel",
    ("POST", "/api/v3/order/test"): "order.test",
    ("POST", "/api/v3/order/cancelReplace"): "order.cancelReplace",
    ("GET", "/api/v3/openOrders"): "openOrders.status",
    ("DELETE", "/api/v3/openOrders"): "openOrders.cancelAll",
    ("GET", "/api/v3/allOrders"): "allOrders",
    ("GET", "/api/v3/myTrades"): "myTrades",
    ("GET", "/api/v3/account"): "account.status",
    ("GET", "/api/v3/account/commission"): "account.commission",
    ("GET", "/api/v3/rateLimit/order"): "account.rateLimits.orders",
}

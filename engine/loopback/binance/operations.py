"""Every request of the venue, by its WebSocket name and its REST route; both lead to the same function."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from engine.loopback.binance.desk import Call, Desk
from engine.loopback.binance.list_desk import TAKES_OCO, TAKES_OLD_OCO, TAKES_OTO, TAKES_OTOCO, ListDesk
from engine.loopback.binance.listen_keys import ListenKeys
from engine.loopback.binance.order_reader import PEG
from engine.loopback.binance.queries import Queries, depth_weight
from engine.loopback.binance.statistics import SYMBOLS_MOST, Statistics
from engine.loopback.binance.wallet import Wallet


class Security(Enum):
    """Who may send a request."""

    NONE = 0
    KEY = 1  # an API key, unsigned
    USER = 2  # signed
    TRADE = 3  # signed, by a key that may trade


@dataclass(frozen=True, slots=True)
class Operation:
    """One request: its weight, its security, its function and its parameters."""

    name: str
    security: Security
    weight: int | Callable[[Call], int]
    run: Callable[[Call], object]
    allowed: frozenset[str] | None = frozenset()  # names of parameters; None: any
    orders: bool = False  # its answer shows the use of the order limits
    checked_twice: bool = False  # its recvWindow is checked again just before matching

    def cost(self, call: Call) -> int:
        """The weight of this request."""
        return self.weight if isinstance(self.weight, int) else self.weight(call)


SYMBOL = frozenset({"symbol"})
SYMBOLS = SYMBOL | {"symbols", "symbolStatus"}
PAGE = SYMBOL | {"limit"}
SPAN = PAGE | {"startTime", "endTime"}
KLINES = SPAN | {"interval", "timeZone"}
ORDER = SYMBOL | {
    "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price", "newClientOrderId", "strategyId",
    "strategyType", "newOrderRespType", "selfTradePreventionMode", "stopPrice", "trailingDelta", "icebergQty", *PEG,
}  # fmt: skip
NAMED = SYMBOL | {"orderId", "origClientOrderId"}
CANCEL = NAMED | {"newClientOrderId", "cancelRestrictions"}
REPLACE = ORDER | {
    "cancelReplaceMode", "cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId", "cancelRestrictions",
    "orderRateLimitExceededMode",
}  # fmt: skip
EXCHANGE = SYMBOLS | {"permissions", "showPermissionSets"}
KEY = frozenset({"listenKey"})
LISTING = frozenset({"limit", "startTime", "endTime", "fromId"})


def operations(desk: Desk, queries: Queries, statistics: Statistics, keys: ListenKeys) -> dict[str, Operation]:
    """The table by WebSocket name."""
    none, user, trade = Security.NONE, Security.USER, Security.TRADE
    wallet, lists = Wallet(queries), ListDesk(desk)
    table = (
        Operation("ping", none, 1, queries.ping),
        Operation("time", none, 1, queries.time),
        Operation("exchangeInfo", none, 20, queries.exchange, EXCHANGE),
        Operation("depth", none, depth_weight, queries.depth, PAGE | {"symbolStatus"}),
        Operation("trades.recent", none, 25, queries.trades, PAGE),
        Operation("trades.historical", none, 25, statistics.historical, PAGE | {"fromId"}),
        Operation("trades.aggregate", none, 4, statistics.aggregates, SPAN | {"fromId"}),
        Operation("klines", none, 2, statistics.klines, KLINES),
        Operation("uiKlines", none, 2, statistics.klines, KLINES),
        Operation("avgPrice", none, 2, statistics.average, SYMBOL),
        Operation("ticker.book", none, _many(2, 4), queries.best, SYMBOLS),
        Operation("ticker.price", none, _many(2, 4), queries.price, SYMBOLS),
        Operation("ticker.24hr", none, _many(2, 80), statistics.day, SYMBOLS | {"type"}),
        Operation("ticker.tradingDay", none, _each, statistics.trading_day, SYMBOLS | {"type", "timeZone"}),
        Operation("ticker", none, _each, statistics.rolling, SYMBOLS | {"type", "windowSize"}),
        Operation("order.place", trade, 1, desk.place, ORDER, orders=True, checked_twice=True),
        Operation("order.test", trade, 1, desk.test, ORDER | {"computeCommissionRates"}),
        Operation("order.cancel", trade, 1, desk.cancel, CANCEL, checked_twice=True),
        Operation("order.cancelReplace", trade, 1, desk.replace, REPLACE, orders=True, checked_twice=True),
        Operation(
            "order.amend.keepPriority",
            trade,
            4,
            desk.amend,
            NAMED | {"newClientOrderId", "newQty"},
            orders=True,
            checked_twice=True,
        ),
        Operation("order.amendments", user, 4, desk.amendments, PAGE | {"orderId", "fromExecutionId"}),
        Operation("openOrders.cancelAll", trade, 1, desk.cancel_all, SYMBOL, checked_twice=True),
        Operation("order.status", user, 4, desk.status, NAMED),
        Operation("openOrders.status", user, _many(6, 80), desk.open_orders, SYMBOL),
        Operation("allOrders", user, 20, desk.all_orders, SPAN | {"orderId"}),
        Operation("myTrades", user, 20, desk.own_trades, SPAN | {"orderId", "fromId"}),
        Operation(
            "myPreventedMatches",
            user,
            lambda call: 20 if call.parameters.text("orderId") else 2,
            desk.prevented,
            PAGE | {"preventedMatchId", "orderId", "fromPreventedMatchId"},
        ),
        Operation("myAllocations", user, 20, desk.allocations, SPAN | {"fromAllocationId", "orderId"}),
        _placing("orderList.place", lists.old_oco, TAKES_OLD_OCO),
        _placing("orderList.place.oco", lists.oco, TAKES_OCO),
        _placing("orderList.place.oto", lists.oto, TAKES_OTO),
        _placing("orderList.place.otoco", lists.otoco, TAKES_OTOCO),
        _placing("orderList.place.opo", lists.opo, None),
        _placing("orderList.place.opoco", lists.opo, None),
        Operation(
            "orderList.cancel",
            trade,
            1,
            lists.cancel,
            SYMBOL | {"orderListId", "listClientOrderId", "newClientOrderId"},
            checked_twice=True,
        ),
        Operation("orderList.status", user, 4, lists.status, frozenset({"orderListId", "origClientOrderId"})),
        Operation("allOrderLists", user, 20, lists.all, LISTING),
        Operation("openOrderLists.status", user, 6, lists.open),
        _placing("sor.order.place", desk.no_routing, None),
        Operation("sor.order.test", trade, 1, desk.no_routing, None),
        Operation("account.status", user, 20, queries.account, frozenset({"omitZeroBalances"})),
        Operation("account.rateLimits.orders", user, 40, queries.order_use),
        Operation("account.commission", user, 20, queries.commission, SYMBOL),
        Operation("userDataStream.start", Security.KEY, 2, keys.start),
        Operation("userDataStream.ping", Security.KEY, 2, keys.ping, KEY),
        Operation("userDataStream.stop", Security.KEY, 2, keys.stop, KEY),
        Operation("sapi.tradeFee", user, 1, wallet.trade_fee, SYMBOL),
        Operation("sapi.coins", user, 10, wallet.coins),
        Operation("sapi.apiRestrictions", user, 1, wallet.restrictions),
        Operation("sapi.marginPairs", Security.KEY, 1, wallet.no_pairs, SYMBOL),
        Operation("sapi.isolatedPairs", Security.KEY, 10, wallet.no_pairs, SYMBOL),
        Operation("fapi.exchangeInfo", none, 1, wallet.no_futures),
        Operation("dapi.exchangeInfo", none, 1, wallet.no_futures),
    )
    return {operation.name: operation for operation in table}


ROUTES = {
    ("GET", "/api/v3/ping"): "ping",
    ("GET", "/api/v3/time"): "time",
    ("GET", "/api/v3/exchangeInfo"): "exchangeInfo",
    ("GET", "/api/v3/depth"): "depth",
    ("GET", "/api/v3/trades"): "trades.recent",
    ("GET", "/api/v3/historicalTrades"): "trades.historical",
    ("GET", "/api/v3/aggTrades"): "trades.aggregate",
    ("GET", "/api/v3/klines"): "klines",
    ("GET", "/api/v3/uiKlines"): "uiKlines",
    ("GET", "/api/v3/avgPrice"): "avgPrice",
    ("GET", "/api/v3/ticker/bookTicker"): "ticker.book",
    ("GET", "/api/v3/ticker/price"): "ticker.price",
    ("GET", "/api/v3/ticker/24hr"): "ticker.24hr",
    ("GET", "/api/v3/ticker/tradingDay"): "ticker.tradingDay",
    ("GET", "/api/v3/ticker"): "ticker",
    ("POST", "/api/v3/order"): "order.place",
    ("GET", "/api/v3/order"): "order.status",
    ("DELETE", "/api/v3/order"): "order.cancel",
    ("POST", "/api/v3/order/test"): "order.test",
    ("POST", "/api/v3/order/cancelReplace"): "order.cancelReplace",
    ("PUT", "/api/v3/order/amend/keepPriority"): "order.amend.keepPriority",
    ("GET", "/api/v3/order/amendments"): "order.amendments",
    ("GET", "/api/v3/openOrders"): "openOrders.status",
    ("DELETE", "/api/v3/openOrders"): "openOrders.cancelAll",
    ("GET", "/api/v3/allOrders"): "allOrders",
    ("POST", "/api/v3/order/oco"): "orderList.place",
    ("POST", "/api/v3/orderList/oco"): "orderList.place.oco",
    ("POST", "/api/v3/orderList/oto"): "orderList.place.oto",
    ("POST", "/api/v3/orderList/otoco"): "orderList.place.otoco",
    ("POST", "/api/v3/orderList/opo"): "orderList.place.opo",
    ("POST", "/api/v3/orderList/opoco"): "orderList.place.opoco",
    ("GET", "/api/v3/orderList"): "orderList.status",
    ("DELETE", "/api/v3/orderList"): "orderList.cancel",
    ("GET", "/api/v3/allOrderList"): "allOrderLists",
    ("GET", "/api/v3/openOrderList"): "openOrderLists.status",
    ("POST", "/api/v3/sor/order"): "sor.order.place",
    ("POST", "/api/v3/sor/order/test"): "sor.order.test",
    ("GET", "/api/v3/myTrades"): "myTrades",
    ("GET", "/api/v3/myPreventedMatches"): "myPreventedMatches",
    ("GET", "/api/v3/myAllocations"): "myAllocations",
    ("GET", "/api/v3/account"): "account.status",
    ("GET", "/api/v3/account/commission"): "account.commission",
    ("GET", "/api/v3/rateLimit/order"): "account.rateLimits.orders",
    ("POST", "/api/v3/userDataStream"): "userDataStream.start",
    ("PUT", "/api/v3/userDataStream"): "userDataStream.ping",
    ("DELETE", "/api/v3/userDataStream"): "userDataStream.stop",
    ("GET", "/sapi/v1/asset/tradeFee"): "sapi.tradeFee",
    ("GET", "/sapi/v1/capital/config/getall"): "sapi.coins",
    ("GET", "/sapi/v1/account/apiRestrictions"): "sapi.apiRestrictions",
    ("GET", "/sapi/v1/margin/allPairs"): "sapi.marginPairs",
    ("GET", "/sapi/v1/margin/isolated/allPairs"): "sapi.isolatedPairs",
    ("GET", "/fapi/v1/exchangeInfo"): "fapi.exchangeInfo",
    ("GET", "/dapi/v1/exchangeInfo"): "dapi.exchangeInfo",
}


def _placing(name: str, run: Callable[[Call], object], allowed: frozenset[str] | None) -> Operation:
    """A request that places orders."""
    return Operation(name, Security.TRADE, 1, run, allowed, orders=True, checked_twice=True)


def _many(one: int, all_of_them: int) -> Callable[[Call], int]:
    """The weight of a request about named markets, and of one about all."""
    return lambda call: one if call.parameters.text("symbol") or call.parameters.text("symbols") else all_of_them


def _each(call: Call) -> int:
    """Four for each market, 200 at most."""
    return min(4 * (call.parameters.text("symbols").count(",") + 1), 2 * SYMBOLS_MOST)

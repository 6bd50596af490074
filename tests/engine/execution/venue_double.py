# ruff: noqa: ARG002 - every method of the venue has one shape
"""A venue in memory that speaks Binance's WebSocket API, keeps the truth, and fails on request."""

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from engine.model.fixed import to_fixed, to_text
from engine.model.words import OrderState
from engine.venues.port import PortState, StreamDefaults

KEY_BODY = b"MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u"
KEY_PEM = b"-----BEGIN PRIVATE KEY-----\n" + KEY_BODY + b"\n-----END PRIVATE KEY-----\n"
MS = 1_000_000
SIZES = {"BTCUSDT": 5, "ETHUSDT": 4}
IDS = {"BTCUSDT": 1, "ETHUSDT": 2}
STATES = {
    "NEW": OrderState.OPEN, "PARTIALLY_FILLED": OrderState.PARTLY_FILLED, "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED, "EXPIRED": OrderState.EXPIRED,
}  # fmt: skip


TIMEOUT: dict[str, Any] = {"status": 503, "error": {"code": -1007, "msg": "Timeout"}}
TORN = {"executedQty": "many", "cancelResult": []}


class RefusedError(Exception):
    """The venue's no."""

    def __init__(self, code: int, text: str, status: int = 400, data: Any = None) -> None:
        """With its code."""
        super().__init__(text)
        self.code, self.text, self.status, self.data = code, text, status, data


@dataclass
class VenueOrder:
    """An order as it truly is."""

    id: int
    symbol: str
    client_id: str
    side: str
    kind: str
    price: str
    size: int
    executed: int = 0
    status: str = "NEW"
    fills: list[dict[str, Any]] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether it rests."""
        return self.status in ("NEW", "PARTIALLY_FILLED")

    def ours(self, mark: str) -> bool:
        """Whether its id begins like this."""
        return self.client_id.startswith(mark)

    def state(self) -> OrderState:
        """In our words."""
        return STATES[self.status]


class FakePort(StreamDefaults):
    """One connection; answers and events arrive after the venue's latency."""

    def __init__(self, venue: "FakeVenue") -> None:
        """Open at the next poll."""
        self.venue = venue
        self.state = PortState.CONNECTING
        self.error = ""
        self.receive_ns = 0
        self.inbox: deque[tuple[int, bytes]] = deque()
        self.subscribed = False

    def poll(self, now_ns: int) -> list[bytes]:
        """What has arrived."""
        if self.state is PortState.CONNECTING:
            self.state = PortState.OPEN
        if self.state is PortState.CLOSED:
            return []
        self.receive_ns = now_ns
        ready = [frame for due_ns, frame in self.inbox if due_ns <= now_ns]
        self.inbox = deque(item for item in self.inbox if item[0] > now_ns)
        return ready

    def send(self, payload: bytes) -> bool:
        """To the venue, unless the line is cut."""
        if self.state is not PortState.OPEN:
            return False
        self.venue.outgoing.append(payload)
        self.venue.receive(self, payload)
        return True

    def close(self) -> None:
        """Cut."""
        self.state = PortState.CLOSED


class FakeVenue:
    """Orders rest until `fill` is called; an IOC order meets what `liquidity` holds."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        """Empty books, no faults."""
        self.symbols = symbols
        self.now_ns = 0
        self.clock_ahead_ns = 1_300 * MS
        self.latency_ns = 2 * MS
        self.orders: dict[str, VenueOrder] = {}
        self.fills: list[dict[str, Any]] = []
        self.outgoing: list[bytes] = []
        self.ports: list[FakePort] = []
        self.ids = 1000
        self.faults: dict[str, deque[str]] = {}  # method: what happens to the next requests
        self.delayed: list[tuple[int, FakePort, dict[str, Any]]] = []  # requests on their way
        self.liquidity: dict[str, int] = {}  # what takers find at their price
        self.lose_events = 0
        self.fee_asset = "USDT"
        self.fee = "0.01000000"
        self.violations: list[str] = []
        self.event_latency_ns = 2 * MS
        self.held = {"BTC": 0, "ETH": 0, "USDT": 10**14, "BNB": 10**8}  # at eight decimals, the fills aside
        self.words: dict[str, str] = {}  # statuses that are sent as another word

    def connect(self, now_ns: int) -> FakePort:
        """A connection."""
        port = FakePort(self)
        self.ports.append(port)
        return port

    def cut(self) -> None:
        """Every connection ends, with what was under way in them."""
        for port in self.ports:
            port.close()
            port.inbox.clear()
        self.ports.clear()

    def advance(self, now_ns: int) -> None:
        """Time passes; requests on their way arrive."""
        self.now_ns = now_ns
        due = [item for item in self.delayed if item[0] <= now_ns]
        self.delayed = [item for item in self.delayed if item[0] > now_ns]
        for _, port, request in due:
            self.execute(port, request, "late")

    def fault(self, method: str, *what: str) -> None:
        """What happens to the next requests of this method.

        One of: ok, lose, mute, unknown_done, unknown_not, late, twice, cut, busy (429), torn (an answer that
        cannot be read).
        """
        self.faults.setdefault(method, deque()).extend(what)

    def receive(self, port: FakePort, payload: bytes) -> None:
        """A request, with its fault."""
        request = json.loads(payload)
        waiting = self.faults.get(request["method"])
        what = waiting.popleft() if waiting else "ok"
        if what == "lose":
            return
        if what == "late":
            self.delayed.append((self.now_ns + 3_000 * MS, port, request))
        else:
            self.execute(port, request, what)

    def execute(self, port: FakePort, request: dict[str, Any], what: str) -> None:
        """Do it, and answer as the fault has it: mute loses the answer, cut the connection too."""
        if what in ("unknown_not", "busy"):
            self.answer(port, {"id": request["id"]} | (TIMEOUT if what == "unknown_not" else self.busy()))
            return
        try:
            params = request.get("params", {})
            if "timestamp" in params:
                self.check_time(params)
            result = getattr(self, "do_" + request["method"].replace(".", "_"))(port, params)
            answer: dict[str, Any] = {"id": request["id"], "status": 200, "result": result}
        except RefusedError as no:
            error: dict[str, Any] = {"code": no.code, "msg": no.text}
            if no.data:
                error["data"] = no.data
            answer = {"id": request["id"], "status": no.status, "error": error}
        if what == "unknown_done":
            answer = {"id": request["id"]} | TIMEOUT
        if what == "cut":
            self.cut()
        elif what != "mute":
            for _ in range(2 if what == "twice" else 1):
                self.answer(port, answer | ({"result": TORN} if what == "torn" else {}))

    def busy(self) -> dict[str, Any]:
        """A limit is reached; its end, a second from now, is given in the venue's time."""
        data = {"retryAfter": (self.now_ns + self.clock_ahead_ns + 1_000 * MS) // MS}
        return {"status": 429, "error": {"code": -1003, "msg": "Too many requests.", "data": data}}

    def check_time(self, params: dict[str, Any]) -> None:
        """Not from the future, not too old."""
        server_ms = (self.now_ns + self.clock_ahead_ns) // MS
        if params["timestamp"] >= server_ms + 1000 or server_ms - params["timestamp"] > params["recvWindow"]:
            raise RefusedError(-1021, "Timestamp for this request is outside of the recvWindow.")

    def answer(self, port: FakePort, value: dict[str, Any]) -> None:
        """Into the connection, if it is still open."""
        if port.state is PortState.OPEN:
            port.inbox.append((self.now_ns + self.latency_ns, json.dumps(value).encode()))

    def tell(self, order: VenueOrder, what: str, fill: dict[str, Any] | None = None, cancel: bool = False) -> None:
        """An execution report to every subscriber."""
        if self.lose_events:
            self.lose_events -= 1
            return
        decimals = SIZES[order.symbol]
        event = {
            "e": "executionReport", "E": self.now_ns // MS, "s": order.symbol,
            "c": "cancelled-by-web" if cancel else order.client_id, "S": order.side, "o": order.kind, "f": "GTC",
            "q": to_text(order.size, decimals), "p": order.price, "C": order.client_id if cancel else "", "x": what,
            "X": self.words.get(order.status, order.status), "r": "NONE", "i": order.id,
            "l": fill["qty"] if fill else "0.00000",
            "z": to_text(order.executed, decimals), "L": fill["price"] if fill else "0.00",
            "n": fill["commission"] if fill else "0", "N": fill["commissionAsset"] if fill else None,
            "T": self.now_ns // MS, "t": fill["id"] if fill else -1, "m": True, "w": self.works(order),
        }  # fmt: skip
        for port in self.ports:
            if port.subscribed:
                frame = json.dumps({"subscriptionId": 0, "event": event}).encode()
                port.inbox.append((self.now_ns + self.event_latency_ns, frame))

    def works(self, order: VenueOrder) -> bool:
        """Whether it is in the book."""
        return order.open

    def fill(self, client_id: str, size: int, price: str = "", maker: bool = True) -> dict[str, Any]:
        """Fill an order by so much."""
        order = self.orders[client_id]
        assert order.open
        size = min(size, order.size - order.executed)
        self.ids += 1
        fill = {
            "symbol": order.symbol, "id": self.ids, "orderId": order.id, "price": price or order.price,
            "qty": to_text(size, SIZES[order.symbol]), "commission": self.fee, "commissionAsset": self.fee_asset,
            "time": self.now_ns // MS, "isBuyer": order.side == "BUY", "isMaker": maker,
        }  # fmt: skip
        order.executed += size
        order.status = "FILLED" if order.executed == order.size else "PARTIALLY_FILLED"
        order.fills.append(fill)
        self.fills.append(fill)
        self.tell(order, "TRADE", fill)
        return fill

    def own_fills(self, mark: str) -> list[tuple[int, bytes]]:
        """The true fills of orders whose ids begin like this."""
        owners = {order.id: order for order in self.orders.values()}
        return [(IDS[f["symbol"]], b"%d" % int(f["id"])) for f in self.fills if owners[f["orderId"]].ours(mark)]

    def holding(self, mark: str, symbol: str) -> int:
        """What those fills add up to."""
        orders = [one for one in self.orders.values() if one.ours(mark) and one.symbol == symbol]
        return sum(one.executed if one.side == "BUY" else -one.executed for one in orders)

    def foreign(self, symbol: str = "BTCUSDT", client_id: str = "web_1", size: int = 500) -> VenueOrder:
        """Somebody else's order on the account."""
        self.ids += 1
        order = self.orders[client_id] = VenueOrder(self.ids, symbol, client_id, "BUY", "LIMIT", "50000.00", size)
        self.tell(order, "NEW")
        return order

    def do_time(self, port: FakePort, params: dict[str, Any]) -> Any:
        """The clock."""
        return {"serverTime": (self.now_ns + self.clock_ahead_ns) // MS}

    def do_session_logon(self, port: FakePort, params: dict[str, Any]) -> Any:
        """Logged on."""
        assert params["signature"]
        return {"apiKey": params["apiKey"]}

    def do_userDataStream_subscribe(self, port: FakePort, params: dict[str, Any]) -> Any:  # noqa: N802
        """Events from now on."""
        port.subscribed = True
        return {"subscriptionId": 0}

    def do_account_rateLimits_orders(self, port: FakePort, params: dict[str, Any]) -> Any:  # noqa: N802
        """It has no limit."""
        return []

    def do_order_place(self, port: FakePort, params: dict[str, Any]) -> Any:
        """A new order; an id in use while its order is open is a duplicate, one used before is a second order."""
        client_id, symbol = params["newClientOrderId"], params["symbol"]
        if client_id in self.orders:
            self.violations.append(f"id sent twice: {client_id}")
            raise RefusedError(-2010, "Duplicate order sent.")
        self.ids += 1
        size = to_fixed(params["quantity"], SIZES[symbol])
        order = VenueOrder(self.ids, symbol, client_id, params["side"], params["type"], params["price"], size)
        self.orders[client_id] = order
        self.tell(order, "NEW")
        taken = min(self.liquidity.pop(symbol, 0), size)
        if taken:
            self.fill(client_id, taken, maker=False)
        if params.get("timeInForce") in ("IOC", "FOK") and order.open:
            order.status = "EXPIRED"
            self.tell(order, "EXPIRED")
        return self.show(order, full=True)

    def do_order_test(self, port: FakePort, params: dict[str, Any]) -> Any:
        """A right to trade."""
        assert params["timeInForce"] == "GTC"
        return {}

    def do_order_cancel(self, port: FakePort, params: dict[str, Any]) -> Any:
        """Cancel by our id."""
        order = self.orders.get(params["origClientOrderId"])
        if order is None or not order.open:
            raise RefusedError(-2011, "Unknown order sent.")
        order.status = "CANCELED"
        self.tell(order, "CANCELED", cancel=True)
        return self.show(order) | {"origClientOrderId": order.client_id, "clientOrderId": "cancel-id"}

    def do_order_amend_keepPriority(self, port: FakePort, params: dict[str, Any]) -> Any:  # noqa: N802
        """Lower the size in place."""
        order = self.orders.get(params["origClientOrderId"])
        size = to_fixed(params["newQty"], SIZES[params["symbol"]])
        if order is None or not order.open:
            raise RefusedError(-2038, "Unknown order sent.")
        if not order.executed < size < order.size:
            raise RefusedError(-2038, "Order amend (quantity increase) is not supported.")
        order.size = size
        self.tell(order, "REPLACED")
        shown = self.show(order)
        shown["qty"] = shown.pop("origQty")
        return {"transactTime": shown.pop("transactTime"), "executionId": 1, "amendedOrder": shown}

    def do_order_cancelReplace(self, port: FakePort, params: dict[str, Any]) -> Any:  # noqa: N802
        """Cancel an order without fills, then place."""
        order = self.orders.get(params["cancelOrigClientOrderId"])
        no: dict[str, Any] = {}
        if order is None or not order.open:
            no = {"code": -2011, "msg": "Unknown order sent."}
        elif order.executed and params["cancelRestrictions"] == "ONLY_NEW":
            no = {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}
        if no:
            data = {
                "cancelResult": "FAILURE",
                "newOrderResult": "NOT_ATTEMPTED",
                "cancelResponse": no,
                "newOrderResponse": None,
            }
            raise RefusedError(-2022, "Order cancel-replace failed.", 400, data)
        cancelled = self.do_order_cancel(port, {"origClientOrderId": params["cancelOrigClientOrderId"]})
        if self.faults.get("new_half"):
            self.faults["new_half"].popleft()
            answer = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
            data = {
                "cancelResult": "SUCCESS",
                "newOrderResult": "FAILURE",
                "cancelResponse": cancelled,
                "newOrderResponse": answer,
            }
            raise RefusedError(-2021, "Order cancel-replace partially failed.", 409, data)
        placed = self.do_order_place(port, params)
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": cancelled,
            "newOrderResponse": placed,
        }

    def move(self, asset: str, amount: int, reported: bool = True) -> None:
        """A deposit, or a withdrawal where it is negative."""
        self.held[asset] += amount
        event = {"e": "balanceUpdate", "E": 0, "a": asset, "d": to_text(amount, 8), "T": 0}
        for port in self.ports if reported else ():
            frame = json.dumps({"subscriptionId": 0, "event": event}).encode()
            port.inbox.append((self.now_ns + self.event_latency_ns, frame))

    def do_account_status(self, port: FakePort, params: dict[str, Any]) -> Any:
        """What is held, by the fills."""
        held = dict(self.held)
        for one in self.fills:
            base, sign = one["symbol"][:3], 1 if one["isBuyer"] else -1
            size, price = to_fixed(one["qty"], 8), to_fixed(one["price"], 2)
            held[base] += sign * size
            held["USDT"] -= sign * size * price // 100
            held[one["commissionAsset"]] -= to_fixed(one["commission"], 8)
        return {"balances": [{"asset": name, "free": to_text(one, 8), "locked": "0.00"} for name, one in held.items()]}

    def do_order_status(self, port: FakePort, params: dict[str, Any]) -> Any:
        """One order."""
        if "orderId" in params:
            found = [one for one in self.orders.values() if one.id == params["orderId"]]
            order = found[0] if found else None
        else:
            order = self.orders.get(params["origClientOrderId"])
        if order is None:
            raise RefusedError(-2013, "Order does not exist.")
        return self.show(order) | {"updateTime": self.now_ns // MS}

    def do_openOrders_status(self, port: FakePort, params: dict[str, Any]) -> Any:  # noqa: N802
        """All that rest."""
        return [self.show(order) for order in self.orders.values() if order.open]

    def do_myTrades(self, port: FakePort, params: dict[str, Any]) -> Any:  # noqa: N802
        """Own trades."""
        fills = [fill for fill in self.fills if fill["symbol"] == params["symbol"]]
        if "orderId" in params:
            return [fill for fill in fills if fill["orderId"] == params["orderId"]][: params["limit"]]
        if "fromId" in params:
            return [fill for fill in fills if fill["id"] >= params["fromId"]][: params["limit"]]
        return fills[-params["limit"] :]

    def show(self, order: VenueOrder, full: bool = False) -> dict[str, Any]:
        """An order in an answer."""
        decimals = SIZES[order.symbol]
        shown = {
            "symbol": order.symbol, "orderId": order.id, "orderListId": -1, "clientOrderId": order.client_id,
            "transactTime": self.now_ns // MS, "price": order.price, "origQty": to_text(order.size, decimals),
            "executedQty": to_text(order.executed, decimals), "cummulativeQuoteQty": "0.00",
            "status": self.words.get(order.status, order.status),
            "timeInForce": "GTC", "type": order.kind, "side": order.side,
            "workingTime": self.now_ns // MS if self.works(order) else -1,
        }  # fmt: skip
        if full:
            shown["fills"] = [
                {key: fill[key] for key in ("price", "qty", "commission", "commissionAsset")} | {"tradeId": fill["id"]}
                for fill in order.fills
            ]
        return shown

"""A venue that places over REST and reports over a stream, and the session that execution has with it.

    RestSession ── POST /orders, DELETE /orders/<id>, GET … ─▶ RestVenue (a RequestPort)      every answer is JSON
                ◀─ {"order": …, "fill": …} ────────────────── the same venue's stream (a StreamPort)

The venue knows neither a logon nor a clock: each request is stamped on arrival, so a request that is not answered in
`WINDOW_NS` cannot arrive any more. A placement is answered before its order is sent on the stream.
"""

import json
from collections import deque
from typing import Any

from engine.model.words import OrderState
from engine.venues.binance.trading.fill_order import BinanceFillOrder
from engine.venues.port import PortState, RequestDefaults, Response, StreamDefaults
from engine.venues.session import (
    NO_DENIAL,
    UNANSWERED,
    Answer,
    Ask,
    Denial,
    Request,
    SessionListener,
    SessionOptions,
    Stage,
)
from engine.venues.trading.budget import VenueBudget
from engine.venues.trading.clearance import Clearance
from engine.venues.trading.clock import VenueClock
from engine.venues.trading.fill_order import FillOrder
from engine.venues.trading.news import FillNews, OrderNews, Outcome

WINDOW_NS = 1_000_000_000
OK, REFUSED, LOST = 200, 400, 0
OUTCOMES = {OK: Outcome.ACCEPTED, REFUSED: Outcome.REFUSED, 404: Outcome.REFUSED}
GONE = 404
SIZE_MOST = 2000  # of an order, which the venue refuses beyond it


class RestStream(StreamDefaults):
    """The venue's stream of reports."""

    error = ""
    receive_ns = 0

    def __init__(self) -> None:
        """Open, without a message."""
        self.state = PortState.OPEN
        self.inbox: deque[bytes] = deque()

    def poll(self, now_ns: int) -> list[bytes]:
        """What was reported."""
        self.receive_ns = now_ns
        frames = list(self.inbox)
        self.inbox.clear()
        return frames

    def send(self, payload: bytes) -> bool:
        """Nothing is sent on this stream."""
        raise AssertionError(payload)

    def close(self) -> None:
        """Hang up."""
        self.state = PortState.CLOSED


class RestVenue(RequestDefaults):
    """Orders rest until `fill`; requests are answered at the next poll, or never if `loses` names them."""

    def __init__(self) -> None:
        """Empty."""
        self.orders: dict[str, dict[str, Any]] = {}
        self.fills: list[dict[str, Any]] = []
        self.requested: list[tuple[str, str]] = []
        self.loses: set[str] = set()  # methods whose answers are lost
        self.balances = {"BTC": 10**8, "USDT": 10**14}
        self.stream = RestStream()
        self._answers: list[Response] = []

    def connect(self) -> RestStream:
        """A stream."""
        self.stream = RestStream()
        return self.stream

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Do it now, and answer at the next poll."""
        del headers, now_ns
        self.requested.append((method, target))
        number = len(self.requested)
        status, answer = self._do(method, target, json.loads(body) if body else {})
        lost = method in self.loses
        found = Response(number, LOST, {}, b"", "sent: no answer in time") if lost else None
        self._answers.append(found or Response(number, status, {}, json.dumps(answer).encode()))
        return number

    def poll(self, now_ns: int) -> list[Response]:
        """The answers."""
        del now_ns
        answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        """Nothing to close."""

    def fill(self, client_id: str, size: int) -> None:
        """A taker comes."""
        order = self.orders[client_id]
        order["executed"] += size
        order["state"] = "filled" if order["executed"] == order["size"] else "partly"
        fill = {"id": len(self.fills) + 1, "order": client_id, "size": size, "price": order["price"]}
        self.fills.append(fill)
        quote = size * order["price"] * 10  # both at eight decimals
        self.balances["BTC"] += order["side"] * size * 1000
        self.balances["USDT"] -= order["side"] * quote
        self.tell({"order": order, "fill": fill})

    def tell(self, report: dict[str, Any]) -> None:
        """Report on the stream."""
        self.stream.inbox.append(json.dumps(report).encode())

    def _do(self, method: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:
        path, _, name = target.removeprefix("/").partition("/")
        if (method, path) == ("POST", "orders"):
            return self._place(body)
        if path == "orders" and name and name not in self.orders:
            return GONE, {"error": 404, "text": "no such order"}
        if (method, path) == ("DELETE", "orders"):
            self.orders[name]["state"] = "cancelled"
            self.tell({"order": self.orders[name]})
            return OK, self.orders[name]
        answers = {"fills": self.fills[int(name or 0) :], "balances": self.balances}
        if path in answers:
            return OK, answers[path]
        open_ = [one for one in self.orders.values() if one["state"] in ("open", "partly")]
        return OK, self.orders[name] if name else open_

    def _place(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body["size"] > SIZE_MOST:
            return REFUSED, {"error": 7, "text": "too large"}
        order = body | {"number": len(self.orders) + 1, "state": "open", "executed": 0}
        self.orders[body["id"]] = order
        self.tell({"order": order})
        return OK, order


STATES = {
    "open": OrderState.OPEN, "partly": OrderState.PARTLY_FILLED, "filled": OrderState.FILLED,
    "cancelled": OrderState.CANCELLED,
}  # fmt: skip


class RestSession:
    """The seam over requests and one stream."""

    fill_order: FillOrder = BinanceFillOrder()  # this venue's numbers rise too

    def __init__(self, venue: RestVenue, options: SessionOptions, listener: SessionListener) -> None:
        """Begin down."""
        self.budget = VenueBudget(VenueClock())  # the venue reports no limit
        self.clearance = Clearance()
        self.clock = VenueClock()  # the venue stamps requests itself, so no clock is measured
        self.receive_window_ns = WINDOW_NS
        self.stage, self.connects = Stage.DOWN, 0
        self.error, self.code, self.retry_ns = "", "", 0
        self.denied: Denial = NO_DENIAL
        self._venue, self._options, self._listener = venue, options, listener
        self._stream: RestStream | None = None
        self._requests: dict[int, Request] = {}

    @property
    def up(self) -> bool:
        """Whether requests may be sent."""
        return self.stage is Stage.UP

    def step(self, now_ns: int) -> int:
        """Connect; else answers, then reports."""
        if self._stream is None:
            self._stream, self.stage = self._venue.connect(), Stage.UP
            self.connects += 1
            self._listener.on_up(now_ns)
            return 1
        answers = self._venue.poll(now_ns)
        for response in answers:
            self._answer(self._requests.pop(response.request_id), response, now_ns)
        frames = self._stream.poll(now_ns)
        for frame in frames:
            self._report(json.loads(frame), now_ns)
        if self._stream.state is PortState.CLOSED:
            self._drop(now_ns)
        return len(answers) + len(frames)

    def filenos(self) -> list[int]:
        """None."""
        return []

    def close(self) -> None:
        """Close for ever."""
        self._stream, self.stage = None, Stage.DOWN

    def place(
        self, instrument: int, side: int, time_in_force: int, price: int, size: int, client_id: bytes, now_ns: int
    ) -> bool:
        """POST."""
        self.clearance.spend(instrument, side, price, size, now_ns)
        del time_in_force
        body = {"id": client_id.hex(), "side": side, "price": price, "size": size}
        return self._send("POST", "/orders", Request(Ask.PLACE, now_ns, client_id), body)

    def warm_place(self, *order: Any) -> None:
        """Nothing is kept warm."""

    amends = False

    def amend(self, *order: Any) -> bool:
        """The venue has no such request."""
        raise AssertionError(order)

    def replace(self, *order: Any) -> bool:
        """The venue has no such request: nothing leaves, and the order is asked about."""
        del order
        return False

    def cancel(self, instrument: int, client_id: bytes, now_ns: int) -> bool:
        """DELETE."""
        del instrument
        return self._send("DELETE", f"/orders/{client_id.hex()}", Request(Ask.CANCEL, now_ns, client_id))

    def cancel_of_symbol(self, symbol: str, client_id: bytes, now_ns: int) -> bool:
        """DELETE."""
        del symbol
        return self.cancel(0, client_id, now_ns)

    def status(self, instrument: int, client_id: bytes, now_ns: int) -> bool:
        """GET."""
        del instrument
        return self._send("GET", f"/orders/{client_id.hex()}", Request(Ask.STATUS, now_ns, client_id))

    def owner(self, instrument: int, venue_order_id: bytes, now_ns: int) -> bool:
        """GET: the venue lists the fills by our id, so no owner is unknown."""
        raise AssertionError((instrument, venue_order_id, now_ns))

    def open_orders(self, now_ns: int) -> bool:
        """GET."""
        return self._send("GET", "/orders", Request(Ask.OPEN_ORDERS, now_ns))

    def fills_of(self, instrument: int, client_id: bytes, venue_order_id: bytes, now_ns: int) -> bool:
        """GET all, and keep those of the order."""
        request = Request(Ask.FILLS_OF, now_ns, client_id, instrument=instrument, key=venue_order_id)
        return self._send("GET", "/fills", request)

    def fills_since(self, instrument: int, cursor: bytes, now_ns: int) -> bool:
        """GET those after the cursor."""
        request = Request(Ask.FILLS_SINCE, now_ns, instrument=instrument, key=cursor)
        return self._send("GET", f"/fills/{cursor.decode()}", request)

    def newest_fill(self, instrument: int, now_ns: int) -> bool:
        """GET all."""
        return self._send("GET", "/fills", Request(Ask.NEWEST_FILL, now_ns, instrument=instrument))

    def balances(self, now_ns: int) -> bool:
        """GET."""
        return self._send("GET", "/balances", Request(Ask.BALANCES, now_ns))

    def trading_right(self, instrument: int, now_ns: int) -> bool:
        """The venue has no test order: its balances are as near as it gets."""
        return self._send("GET", "/balances", Request(Ask.RIGHT, now_ns, instrument=instrument))

    def _send(self, method: str, target: str, request: Request, body: dict[str, Any] | None = None) -> bool:
        if not self.up:
            return False
        payload = b"" if body is None else json.dumps(body).encode()
        self._requests[self._venue.request(method, target, {}, payload, request.sent_ns)] = request
        return True

    def _drop(self, now_ns: int) -> None:
        """Without reports there is no session; requests under way are answered as unknown."""
        self.close()
        self.error = "the stream of reports ended"
        waiting, self._requests = self._requests, {}
        for request in waiting.values():
            self._listener.on_answer(request, UNANSWERED, now_ns)
        self._listener.on_down(now_ns)

    def _answer(self, request: Request, response: Response, now_ns: int) -> None:
        if response.status == LOST:
            self._listener.on_answer(request, UNANSWERED, now_ns)
            return
        body = json.loads(response.body)
        answer = Answer(OUTCOMES[response.status], gone=response.status == GONE, source=response.body)
        if answer.outcome != Outcome.ACCEPTED:
            answer.error, answer.text = str(body["error"]), body["text"]
        elif request.kind in (Ask.PLACE, Ask.CANCEL, Ask.STATUS):
            answer.order = order_news(body)
        elif request.kind == Ask.OPEN_ORDERS:
            answer.orders = [order_news(one) for one in body]
        elif request.kind == Ask.BALANCES:
            answer.balances = body
        elif request.kind != Ask.RIGHT:
            wanted = request.client_id.hex()
            listed = body if request.instrument == 1 else ()  # the venue has one symbol
            answer.fills = [self._fill(one) for one in listed if not wanted or one["order"] == wanted]
        self._listener.on_answer(request, answer, now_ns)

    def _report(self, report: dict[str, Any], now_ns: int) -> None:
        fill = self._fill(report["fill"]) if "fill" in report else None
        self._listener.on_report(order_news(report["order"]), fill, now_ns)

    def _fill(self, fill: dict[str, Any]) -> FillNews:
        order = self._venue.orders[fill["order"]]
        return FillNews(
            "BTCUSDT", bytes.fromhex(fill["order"]), b"%d" % order["number"], b"%d" % fill["id"], order["side"],
            fill["price"],
            fill["size"], 0, b"USDT", True, 0,
        )  # fmt: skip


def order_news(order: dict[str, Any]) -> OrderNews:
    """One order in the engine's words."""
    return OrderNews(
        "BTCUSDT", bytes.fromhex(order["id"]), b"%d" % order["number"], STATES[order["state"]], order["side"],
        order["price"], order["size"], order["executed"], 0,
    )  # fmt: skip

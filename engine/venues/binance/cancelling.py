"""Binance spot's REST, as far as the canceller needs it: the open orders, the cancel of one, and of all of a symbol.

    GET /api/v3/openOrders          weight 80        DELETE /api/v3/order         weight 1
    GET /api/v3/time                weight 1         DELETE /api/v3/openOrders    weight 1, every order of a symbol

The time is asked for on every connection at intervals, which keeps the connections open and measures the venue's
clock. Requests wait here until a connection is free, cancels before listings. After 429 and 418 nothing is sent until
Retry-After is over. A request is never repeated here: the next listing shows what an unanswered cancel did.
"""

import logging
from collections import deque
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from engine.log import BoundedLog
from engine.model.words import BUY, SELL
from engine.venues.binance.signing import Signer, signed_query
from engine.venues.cancelling import CancelListener, OpenOrder
from engine.venues.port import RequestPort, Response
from engine.venues.trading.clock import VenueClock
from engine.venues.wire.options import HttpOptions, Interest

MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000
CONNECTIONS = 4
OPTIONS = HttpOptions(request_timeout_ns=2 * SECOND_NS, connect_timeout_ns=2 * SECOND_NS, connection_limit=CONNECTIONS)
WARM_NS = 10 * SECOND_NS  # between two questions for the time; Binance keeps an idle connection longer
AGAIN_NS = SECOND_NS // 5  # after a question for the time that failed
SILENCE_NS, SILENCE_MOST_NS = SECOND_NS, 3 * 86_400 * SECOND_NS  # after 429 without Retry-After; the longest ban
OK, TOO_MANY, BANNED = 200, 429, 418
GONE = (-2011, -2013)  # the venue has no such open order
ID_LENGTH = 32  # hex digits of an order id in our form

logger = logging.getLogger("engine.canceller")


class What(IntEnum):
    """What a request asks for, in the order of importance."""

    CANCEL = 1
    CANCEL_SYMBOL = 2
    TIME = 3
    LIST = 4


class Request(NamedTuple):
    """A request that waits, or was sent at `sent_ns`."""

    what: What
    order: OpenOrder | None = None
    sent_ns: int = 0


class ListedOrder(msgspec.Struct):
    """An order of the venue's listing; other fields are not read."""

    symbol: str
    orderId: int  # noqa: N815
    clientOrderId: str  # noqa: N815
    side: str
    time: int


class ServerTime(msgspec.Struct):
    """The answer to the question for the time."""

    serverTime: int  # noqa: N815


class Failure(msgspec.Struct):
    """An error of the venue."""

    code: int = 0
    msg: str = ""


_orders = msgspec.json.Decoder(list[ListedOrder]).decode
_time = msgspec.json.Decoder(ServerTime).decode
_failure = msgspec.json.Decoder(Failure).decode


class BinanceCancelling:
    """A `CancelSession` with Binance spot."""

    def __init__(self, port: RequestPort, signer: Signer, window_ms: int, listener: CancelListener) -> None:
        """Send nothing yet; the first step asks for the time."""
        self.clock = VenueClock()
        self.receive_window_ns = window_ms * MILLISECOND_NS
        self.answered_ns = 0
        self.error = "not asked yet"
        self.sent = 0
        self._port, self._signer, self._window_ms, self._listener = port, signer, window_ms, listener
        self._headers = {"X-MBX-APIKEY": signer.api_key}
        self._cancels: deque[Request] = deque()
        self._lists = False  # a listing waits to be sent
        self._under_way: dict[int, Request] = {}
        self._measured = False
        self._warm_ns = 0
        self._silent_ns = 0  # until when the venue asks for silence
        self._log = BoundedLog(logger)

    @property
    def waiting(self) -> int:
        """How many cancels were neither answered nor given up."""
        return len(self._cancels) + sum(one.order is not None for one in self._under_way.values())

    def step(self, now_ns: int) -> int:
        """Read answers, send what waits, keep the connections warm."""
        answers = self._port.poll(now_ns)
        for response in answers:
            self._receive(response, now_ns)
        if now_ns >= self._silent_ns:
            self._send_waiting(now_ns)
            if now_ns >= self._warm_ns:
                self._warm(now_ns)
        return len(answers)

    def list_orders(self, now_ns: int) -> None:
        """Ask for every open order of the account."""
        self._lists = self._lists or not any(one.what == What.LIST for one in self._under_way.values())
        self._send_waiting(now_ns)

    def cancel(self, order: OpenOrder, now_ns: int) -> None:
        """Cancel one order by the venue's id, which also ends an order whose text id is not in our form."""
        self._cancels.append(Request(What.CANCEL, order))
        self._send_waiting(now_ns)

    def cancel_symbol(self, order: OpenOrder, now_ns: int) -> None:
        """Cancel every order of the symbol."""
        self._cancels.append(Request(What.CANCEL_SYMBOL, order))
        self._send_waiting(now_ns)

    def forget(self) -> None:
        """Drop the cancels that were not sent yet."""
        self._cancels.clear()
        self._lists = False

    def interests(self) -> list[Interest]:
        """The connections."""
        return self._port.interests()

    def close(self) -> None:
        """Close the connections."""
        self._port.close()

    def _warm(self, now_ns: int) -> None:
        """Ask for the time on every free connection."""
        self._warm_ns = now_ns + WARM_NS
        for _ in range(CONNECTIONS - len(self._under_way)):
            self._send(Request(What.TIME), "GET", "/api/v3/time", now_ns)

    def _send_waiting(self, now_ns: int) -> None:
        """Send what waits while a connection is free: nothing before the venue's clock is known, or in its silence."""
        while self._measured and now_ns >= self._silent_ns and len(self._under_way) < CONNECTIONS:
            if self._cancels:
                self._send_cancel(self._cancels.popleft(), now_ns)
            elif self._lists:
                self._lists = False
                self._send(Request(What.LIST), "GET", self._signed("/api/v3/openOrders", now_ns), now_ns)
            else:
                return

    def _send_cancel(self, request: Request, now_ns: int) -> None:
        assert request.order is not None, "a cancel without its order"
        self.sent += 1
        if request.what == What.CANCEL_SYMBOL:
            target = self._signed("/api/v3/openOrders", now_ns, symbol=request.order.symbol)
        else:
            number = request.order.venue_order_id.decode()
            target = self._signed("/api/v3/order", now_ns, symbol=request.order.symbol, orderId=number)
        self._send(request, "DELETE", target, now_ns)

    def _send(self, request: Request, method: str, target: str, now_ns: int) -> None:
        number = self._port.request(method, target, self._headers, b"", now_ns)
        self._under_way[number] = request._replace(sent_ns=now_ns)

    def _signed(self, path: str, now_ns: int, **parameters: str) -> str:
        """A path with its signed query."""
        timestamp = self.clock.venue_ns(now_ns) // MILLISECOND_NS
        query = urlencode({**parameters, "recvWindow": self._window_ms, "timestamp": timestamp})
        return f"{path}?{signed_query(self._signer, query)}"

    def _receive(self, response: Response, now_ns: int) -> None:
        """Read one answer and report its content."""
        request = self._under_way.pop(response.request_id, None)
        if request is None:
            return
        if response.status:
            self.answered_ns = now_ns
        try:
            why = self._read(request, response, now_ns)
        except (msgspec.MsgspecError, ValueError) as error:  # the venue's bytes are the cause, no state has changed
            why = f"the answer cannot be read: {error}"
        if not why:
            self.error = ""
            return
        self.error = why
        if request.what == What.TIME:
            self._warm_ns = max(self._silent_ns, now_ns + AGAIN_NS)
        self._log.warning(now_ns, "the venue did not do it", request=request.what.name.lower(), why=why)
        self._listener.on_refused(request.order, why, now_ns)

    def _read(self, request: Request, response: Response, now_ns: int) -> str:
        """Report what the venue did; why it did not, where it did not."""
        if response.status != OK:
            return self._read_failure(request, response, now_ns)
        if request.what == What.TIME:
            self.clock.sample(request.sent_ns, now_ns, _time(response.body).serverTime * MILLISECOND_NS)
            self._measured = True
        elif request.what == What.LIST:
            orders = [_open_order(one) for one in _orders(response.body)]
            self._listener.on_listing(orders, request.sent_ns, now_ns)
        else:
            assert request.order is not None, "a cancel without its order"
            self._listener.on_ended(request.order, now_ns)
        return ""

    def _read_failure(self, request: Request, response: Response, now_ns: int) -> str:
        """Read an error: an order that is gone has ended, and silence is kept."""
        if not response.status:
            return response.error
        if response.status in (TOO_MANY, BANNED):
            text = response.headers.get("retry-after", "")
            wait_ns = int(text) * SECOND_NS if text.isdecimal() else SILENCE_NS
            self._silent_ns = max(self._silent_ns, now_ns + min(wait_ns, SILENCE_MOST_NS))
        failure = _failure(response.body)
        if request.order is not None and failure.code in GONE:
            self._listener.on_ended(request.order, now_ns)
            return ""
        return f"{response.status}: {failure.code} {failure.msg}"


def _open_order(listed: ListedOrder) -> OpenOrder:
    """An order of the listing in the engine's words."""
    side = BUY if listed.side == "BUY" else SELL
    number = str(listed.orderId).encode()
    return OpenOrder(listed.symbol, _client_id(listed.clientOrderId), number, side, listed.time * MILLISECOND_NS)


def _client_id(text: str) -> bytes:
    """The 16 bytes of an id in our form, else the text."""
    try:
        return bytes.fromhex(text) if len(text) == ID_LENGTH else text.encode()
    except ValueError:
        return text.encode()

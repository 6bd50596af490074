"""The WebSocket API: requests in, answers and user data events out, on one connection."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import orjson

from engine.loopback.binance.desk import Call
from engine.loopback.binance.errors import ApiError, bad_key, mandatory
from engine.loopback.binance.keys import Key, KeyRing, Window, socket_payload
from engine.loopback.binance.limits import Limits
from engine.loopback.binance.operations import Operation, Security
from engine.loopback.binance.parameters import Parameters
from engine.loopback.binance.session import Owner, Session

SUBSCRIPTIONS_MOST = 1_000
SUBSCRIPTIONS_EVER_MOST = 65_535


class Backend(Owner, Protocol):
    """What a session needs of its venue."""

    keys: KeyRing
    limits: Limits
    table: dict[str, Operation]

    def submit(self, operation: Operation, call: Call, window: Window | None, reply: "Answered") -> None:
        """Carry a request to the matching engine; `reply` is called with its answer."""

    def subscribe(self, account: str, session: "ApiSession", number: int) -> None:
        """Send an account's events to a session."""

    def unsubscribe(self, session: "ApiSession", number: int) -> None:
        """End a subscription."""


@dataclass(slots=True)
class Answered:
    """Callbacks of a request: `reply` gets the answer; `lost` is called for a planned loss, with whether to close."""

    reply: Callable[[object, int], None]
    lost: Callable[[bool], None]


class ApiSession(Session):
    """A connection to /ws-api/v3."""

    def __init__(self, path: str, unit: int, now_ns: int, venue: Backend) -> None:
        """Begin not logged on and without subscriptions."""
        super().__init__(path, unit, now_ns, venue)
        self._venue = venue
        self._shows_limits = "returnRateLimits=false" not in path
        self._key: Key | None = None
        self._since_ns = 0
        self._subscriptions: dict[int, bool] = {}  # by number: whether it ends with the logon
        self._next_subscription = 0
        venue.limits.weight.add("", 2, now_ns)
        self._own: dict[str, Callable[[Parameters, int], object]] = {
            "session.logon": self._log_on,
            "session.logout": self._log_out,
            "session.status": lambda _, now_ns: self._status(now_ns),
            "session.subscriptions": lambda _, __: [{"subscriptionId": n} for n in self._subscriptions],
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def read(self, message: str | bytes, now_ns: int) -> None:
        """Read a request; an error in it is answered at once."""
        name: object = None
        shows = self._shows_limits
        try:
            name, method, values = _read(message)
            shows = values.get("returnRateLimits", str(shows).lower()) == "true"
            self._dispatch(name, method.removeprefix("v3/"), Parameters(values), now_ns, shows=shows)
        except ApiError as error:
            self._answer(name, error, now_ns, shows=shows)
        except UnreadableError as error:
            self._answer(error.name, ApiError(error.code, str(error)), now_ns, shows=shows)

    def event(self, number: int, payload: bytes) -> None:
        """Queue a user data event."""
        if number in self._subscriptions:
            self.push(b'{"subscriptionId":' + str(number).encode() + b',"event":' + payload + b"}")

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection and end its subscriptions."""
        super().close(code, reason)
        for number in self._subscriptions:
            self._venue.unsubscribe(self, number)
        self._subscriptions.clear()

    def _dispatch(self, name: object, method: str, parameters: Parameters, now_ns: int, *, shows: bool) -> None:
        """Answer requests about the session itself; submit all others."""
        if method in self._own:
            self._venue.limits.charge(2, now_ns)
            self._answer(name, self._own[method](parameters, now_ns), now_ns, shows=shows)
            return
        operation = self._venue.table.get(method)
        if operation is None:
            raise ApiError(-1000, f"Unknown method '{method}'.")
        call = Call(parameters, now_ns, self.unit)
        self._venue.limits.charge(operation.cost(call), now_ns)
        window = self._authorise(operation, call)
        parameters.check(operation.allowed)

        def reply(result: object, when_ns: int) -> None:
            self._answer(name, result, when_ns, shows=shows, account=call.account if operation.orders else "")

        def lost(cut: bool) -> None:
            if cut:
                self.close(1011, "connection reset")

        self._venue.submit(operation, call, window, Answered(reply, lost))

    def _authorise(self, operation: Operation, call: Call) -> Window | None:
        """Check the key and the signature; no signature is needed after a logon."""
        values = call.parameters.values
        if operation.security is Security.NONE:
            return None
        if operation.security is Security.KEY:
            call.account = self._venue.keys.find(call.parameters.needed("apiKey")).account
            return None
        if self._key is not None and "apiKey" not in values and "signature" not in values:
            key, window = self._key, _window(values, call.now_ns)
            if self._venue.keys.find(key.name) != key:
                raise bad_key()
        else:
            key, window = self._signed(values, call.now_ns)
        if operation.security is Security.TRADE and not key.may_trade:
            raise bad_key()
        call.account = key.account
        return window

    def _signed(self, values: dict[str, str], now_ns: int) -> tuple[Key, Window]:
        """The key that signed these parameters, and the request's time window."""
        for name in ("apiKey", "signature", "timestamp"):
            if not values.get(name):
                raise mandatory(name)
        self._venue.keys.find(values["apiKey"])
        window = _window(values, now_ns)
        return self._venue.keys.verify(values["apiKey"], socket_payload(values), values["signature"]), window

    def _log_on(self, parameters: Parameters, now_ns: int) -> object:
        """session.logon: Ed25519 keys only."""
        key, _ = self._signed(parameters.values, now_ns)
        if key.public is None:
            raise ApiError(-4056, "HMAC_SHA256 API key is not supported.")
        self._key, self._since_ns = key, now_ns
        return self._status(now_ns)

    def _log_out(self, _: Parameters, now_ns: int) -> object:
        """session.logout: end the subscriptions that were made by the logon."""
        self._key = None
        for number in [number for number, on_logon in self._subscriptions.items() if on_logon]:
            self._drop(number)
        return self._status(now_ns)

    def _status(self, now_ns: int) -> dict[str, object]:
        """session.status."""
        return {
            "apiKey": self._key.name if self._key else None,
            "authorizedSince": self._since_ns // self.unit if self._key else None,
            "connectedSince": self.connected_ns // self.unit,
            "returnRateLimits": self._shows_limits,
            "serverTime": now_ns // self.unit,
            "userDataStream": any(self._subscriptions.values()),
        }

    def _subscribe(self, _: Parameters, __: int) -> object:
        """userDataStream.subscribe: for the account that is logged on."""
        if self._key is None:
            raise bad_key()
        if any(self._subscriptions.values()):
            raise ApiError(-2035, "Subscription already active.")
        return self._add_subscription(self._key.account, on_logon=True)

    def _subscribe_signed(self, parameters: Parameters, now_ns: int) -> object:
        """userDataStream.subscribe.signature: for the account whose key signs."""
        key, _ = self._signed(parameters.values, now_ns)
        return self._add_subscription(key.account, on_logon=False)

    def _add_subscription(self, account: str, *, on_logon: bool) -> object:
        """Subscribe this session to an account's events."""
        if len(self._subscriptions) >= SUBSCRIPTIONS_MOST or self._next_subscription >= SUBSCRIPTIONS_EVER_MOST:
            raise ApiError(-2042, "Maximum subscription ID reached for this connection.")
        number, self._next_subscription = self._next_subscription, self._next_subscription + 1
        self._subscriptions[number] = on_logon
        self._venue.subscribe(account, self, number)
        return {"subscriptionId": number}

    def _unsubscribe(self, parameters: Parameters, _: int) -> object:
        """userDataStream.unsubscribe: one subscription, or all."""
        number = parameters.integer("subscriptionId")
        if number is not None and number not in self._subscriptions:
            raise ApiError(-2036, "Subscription not active.")
        for one in list(self._subscriptions) if number is None else [number]:
            self._drop(one)
        return {}

    def _drop(self, number: int) -> None:
        """End one subscription."""
        del self._subscriptions[number]
        self._venue.unsubscribe(self, number)

    def _answer(self, name: object, result: object, now_ns: int, *, shows: bool, account: str = "") -> None:
        """Queue an answer or an error with the request's own id."""
        answer: dict[str, object] = {"id": name}
        if isinstance(result, ApiError):
            answer |= {"status": result.status, "error": result.body()}
        else:
            answer |= {"status": 200, "result": result}
        if shows:
            limits = self._venue.limits
            used = limits.order_use(account, now_ns) if account else []
            answer["rateLimits"] = [*used, limits.weight.use("", now_ns)]
        self.push(orjson.dumps(answer))


class UnreadableError(Exception):
    """A frame that is no request."""

    def __init__(self, code: int, words: str, name: object = None) -> None:
        """Keep the error and the request's id, if it has one."""
        super().__init__(words)
        self.code, self.name = code, name


def _read(message: str | bytes) -> tuple[object, str, dict[str, str]]:
    """A request's id, method and parameters as text."""
    try:
        request = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise UnreadableError(-1135, "Invalid JSON Request") from None
    if not isinstance(request, dict):
        raise UnreadableError(-1135, "Invalid JSON Request")
    name, method, parameters = request.get("id"), request.get("method"), request.get("params") or {}
    if not isinstance(name, int | str | None):
        raise UnreadableError(-1135, "Invalid JSON Request")
    if not isinstance(method, str) or not method:
        raise UnreadableError(-1102, "Mandatory parameter 'method' was not sent, was empty/null, or malformed.", name)
    if not isinstance(parameters, dict):
        raise UnreadableError(-1102, "Mandatory parameter 'params' was not sent, was empty/null, or malformed.", name)
    return name, method, {key: _text(value) for key, value in parameters.items() if value is not None}


def _text(value: object) -> str:
    """A parameter as the text that was signed."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else orjson.dumps(value).decode()


def _window(values: dict[str, str], now_ns: int) -> Window:
    """When the request was made, checked on receipt."""
    window = Window.read(values.get("timestamp", ""), values.get("recvWindow", ""))
    window.check(now_ns)
    return window

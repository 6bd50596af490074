"""Market streams: depth diffs in batches, bookTicker and trade events, raw or combined.

A depth batch holds every level that changed since the last batch, at its present size, with its range of update ids: U
is the first id after the last batch, u the book's id. So U is always the last u + 1, and a snapshot fits by its
lastUpdateId.
"""

import re
from collections import defaultdict
from collections.abc import Callable

import orjson

from engine.loopback.binance.render import text
from engine.loopback.binance.session import Owner, Session
from engine.loopback.history import Aggregate
from engine.loopback.market import Market
from engine.loopback.matching import Matching
from engine.loopback.orders import Print
from engine.model.words import BUY

MILLISECOND_NS = 1_000_000
FAST, SLOW = "@depth@100ms", "@depth"
INTERVALS = {FAST: 100 * MILLISECOND_NS, SLOW: 1_000 * MILLISECOND_NS}
PARTIAL = re.compile(r"(.+)@depth(5|10|20)(@100ms)?")
VARIANTS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
STREAMS_MOST = 1024


class Hub:
    """The listeners of each stream."""

    def __init__(self) -> None:
        """Begin without listeners."""
        self._listeners: dict[str, dict[MarketSession, None]] = defaultdict(dict)

    def add(self, stream: str, session: "MarketSession") -> None:
        """Add a listener; an unknown stream has no events, as on the real wire."""
        self._listeners[stream][session] = None

    def remove(self, stream: str, session: "MarketSession") -> None:
        """Remove a listener."""
        self._listeners[stream].pop(session, None)
        if not self._listeners[stream]:
            del self._listeners[stream]

    def has_listeners(self, stream: str) -> bool:
        """Whether a stream has listeners."""
        return stream in self._listeners

    def streams(self) -> list[str]:
        """The streams with listeners."""
        return list(self._listeners)

    def emit(self, stream: str, event: dict[str, object], times: tuple[str, ...] = ()) -> None:
        """Deliver an event; the fields of `times` hold nanoseconds and are sent in each listener's unit."""
        payloads: dict[int, bytes] = {}
        for session in self._listeners.get(stream, ()):
            unit = session.unit
            if unit not in payloads:
                timed = {name: event[name] // unit for name in times}  # type: ignore[operator]
                payloads[unit] = orjson.dumps({**event, **timed})
            session.deliver(stream, payloads[unit])

    def emit_view(self, stream: str, view: Callable[[int], object]) -> None:
        """Deliver an event that `view` makes for a unit of time; it is made only for a stream with listeners."""
        payloads: dict[int, bytes] = {}
        for session in self.listeners(stream):
            if session.unit not in payloads:
                payloads[session.unit] = orjson.dumps(view(session.unit))
            session.deliver(stream, payloads[session.unit])

    def listeners(self, stream: str) -> list["MarketSession"]:
        """The listeners of a stream."""
        return list(self._listeners.get(stream, ()))


class MarketSession(Session):
    """A connection to /ws or /stream."""

    def __init__(self, path: str, unit: int, now_ns: int, venue: Owner, *, hub: Hub, messages_second: int) -> None:
        """Listen to the streams in the path."""
        super().__init__(path, unit, now_ns, venue)
        self.combined = path.startswith("/stream")
        self.streams: dict[str, None] = {}
        self._hub, self._most = hub, messages_second
        self._second, self._count = 0, 0
        where, _, query = path.partition("?")
        named = where.removeprefix("/ws").strip("/").split("/") if not self.combined else _streams(query)
        for stream in named:
            self.listen(stream)

    def listen(self, stream: str) -> None:
        """Listen to a stream."""
        if stream:
            self.streams[stream] = None
            self._hub.add(stream, self)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection and stop listening."""
        super().close(code, reason)
        for stream in self.streams:
            self._hub.remove(stream, self)
        self.streams.clear()

    def deliver(self, stream: str, payload: bytes) -> None:
        """Queue an event; wrapped on a combined connection."""
        if self.combined:
            payload = b'{"stream":"' + stream.encode() + b'","data":' + payload + b"}"
        self.push(payload)

    def read(self, message: str | bytes, now_ns: int) -> None:
        """Answer a control message; too many of them close the connection."""
        second = now_ns // 1_000_000_000
        self._count = self._count + 1 if second == self._second else 1
        self._second = second
        if self._count > self._most:
            self.close(1008, "Too many requests")
            return
        self.push(orjson.dumps(self._answer(message)))

    def _answer(self, message: str | bytes) -> dict[str, object]:
        """The answer to a control message."""
        try:
            request = orjson.loads(message)
        except orjson.JSONDecodeError:
            return _wrong(3, "Invalid JSON: expected value at line 1 column 1")
        if not isinstance(request, dict) or "method" not in request:
            return _wrong(2, "Invalid request: missing field `method` at line 1 column 1")
        name, method, parameters = request.get("id"), request["method"], request.get("params", [])
        if name is not None and not isinstance(name, int | str):
            return _wrong(2, "Invalid request: request ID must be an unsigned integer, a string or null")
        if not isinstance(parameters, list):
            return _wrong(2, "Invalid request: params must be a list", name)
        return self._apply(method, parameters, name)

    def _apply(self, method: object, parameters: list[object], name: object) -> dict[str, object]:
        """Apply a well-formed control message."""
        if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            return self._subscribe(parameters, name, subscribes=method == "SUBSCRIBE")
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.streams), "id": name}
        if method in ("SET_PROPERTY", "GET_PROPERTY"):
            return self._property(parameters, name, sets=method == "SET_PROPERTY")
        return _wrong(2, f"Invalid request: unknown variant `{method}`, expected one of {VARIANTS}", name)

    def _subscribe(self, parameters: list[object], name: object, *, subscribes: bool) -> dict[str, object]:
        """Subscribe or unsubscribe streams."""
        if not all(isinstance(stream, str) for stream in parameters):
            return _wrong(2, "Invalid request: params must be a list of strings", name)
        if subscribes and len(self.streams) + len(parameters) > STREAMS_MOST:
            return _wrong(2, "Invalid request: too many parameters", name)
        for stream in map(str, parameters):
            if subscribes:
                self.listen(stream)
            elif stream in self.streams:
                del self.streams[stream]
                self._hub.remove(stream, self)
        return {"result": None, "id": name}

    def _property(self, parameters: list[object], name: object, *, sets: bool) -> dict[str, object]:
        """Set or return whether the connection is combined."""
        if not parameters or parameters[0] != "combined":
            return _wrong(0, "Unknown property", name)
        if not sets:
            return {"result": self.combined, "id": name}
        if len(parameters) != 2 or not isinstance(parameters[1], bool):  # noqa: PLR2004 (name and value)
            return _wrong(1, "Invalid value type: expected Boolean", name)
        self.combined = parameters[1]
        return {"result": None, "id": name}


class Tape:
    """Emits one market's events on the hub."""

    def __init__(self, matching: Matching, market: Market, hub: Hub) -> None:
        """Begin with the book's present state."""
        self.book, self.hub, self.name = matching.books[market.symbol], hub, market.symbol.lower()
        self._symbol = market.symbol
        self._batches: dict[str, set[tuple[int, int]]] = {FAST: set(), SLOW: set()}
        self._published = dict.fromkeys(self._batches, self.book.update_id)
        self._best = (self.book.bids.best(), self.book.asks.best())
        self.book.changes.clear()

    def gather(self) -> None:
        """Add changed levels to the batches, and emit a changed best at once."""
        if not self.book.changes:
            return
        for batch in self._batches.values():
            batch.update(self.book.changes)
        self.book.changes.clear()
        best = (self.book.bids.best(), self.book.asks.best())
        if best != self._best:
            self._best = best
            (bid, bid_size), (ask, ask_size) = best
            event: dict[str, object] = {"u": self.book.update_id, "s": self._symbol}
            event |= {"b": text(bid), "B": text(bid_size), "a": text(ask), "A": text(ask_size)}
            self.hub.emit(f"{self.name}@bookTicker", event)

    def print(self, one: Print) -> None:
        """Emit a trade."""
        stream = f"{self.name}@trade"
        if not self.hub.has_listeners(stream):
            return
        event: dict[str, object] = {"e": "trade", "E": one.now_ns, "s": self._symbol, "t": one.trade_id}
        event |= {"p": text(one.price), "q": text(one.size), "T": one.now_ns, "m": one.buyer_is_maker, "M": True}
        self.hub.emit(stream, event, ("E", "T"))

    def aggregate(self, one: Aggregate) -> None:
        """Emit an aggregate trade."""
        event: dict[str, object] = {"e": "aggTrade", "E": one.now_ns, "s": self._symbol, "a": one.id}
        event |= {"p": text(one.price), "q": text(one.size), "f": one.first_id, "l": one.last_id}
        event |= {"T": one.now_ns, "m": one.buyer_is_maker, "M": True}
        self.hub.emit(f"{self.name}@aggTrade", event, ("E", "T"))

    def batch(self, kind: str, now_ns: int, *, dropped: bool = False) -> bool:
        """Emit a depth diff of the changes since the last one; False without changes."""
        changes, self._batches[kind] = self._batches[kind], set()
        if not changes:
            return False
        first, self._published[kind] = self._published[kind] + 1, self.book.update_id
        if dropped:
            return True
        event: dict[str, object] = {"e": "depthUpdate", "E": now_ns, "s": self._symbol, "U": first}
        event["u"] = self.book.update_id
        event["b"] = self._levels(sorted((price for side, price in changes if side == BUY), reverse=True), BUY)
        event["a"] = self._levels(sorted(price for side, price in changes if side != BUY), -BUY)
        self.hub.emit(self.name + kind, event, ("E",))
        self._partial(kind)
        return True

    def pending(self, kind: str) -> bool:
        """Whether there are changes for a depth diff."""
        return bool(self._batches[kind])

    def _levels(self, prices: list[int], side: int) -> list[list[str]]:
        """Levels with their present sizes."""
        half = self.book.side(side)
        return [[text(price), text(half.total(price))] for price in prices]

    def _partial(self, kind: str) -> None:
        """Emit the best levels on the partial depth streams."""
        for stream in self.hub.streams():
            match = PARTIAL.fullmatch(stream)
            if match and match[1] == self.name and bool(match[3]) == (kind == FAST):
                limit = int(match[2])
                bids, asks = self.book.bids.depth(limit), self.book.asks.depth(limit)
                event: dict[str, object] = {"lastUpdateId": self.book.update_id}
                event["bids"] = [[text(price), text(size)] for price, size in bids]
                event["asks"] = [[text(price), text(size)] for price, size in asks]
                self.hub.emit(stream, event)


def _streams(query: str) -> list[str]:
    """The streams in a combined path."""
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name == "streams":
            return value.replace("%40", "@").replace("%2F", "/").split("/")
    return []


def _wrong(code: int, words: str, name: object = None) -> dict[str, object]:
    """An error on a market stream."""
    return {"error": {"code": code, "msg": words}, "id": name}

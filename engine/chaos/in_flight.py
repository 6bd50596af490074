"""The invariant of requests in flight: no second request that can end an order leaves while the first has no answer.

    order.cancel, order.cancelReplace ──▶ `InFlightPort` ──▶ the venue
                          an answer ◀──                       ends the first request, as does `answer_timeout_ns`

A second request costs rate at the venue, and after a replacement it can end an order that should stay. A new connection
begins with nothing in flight: the session has answered every request of the old one with UNKNOWN.
"""

from typing import Any

import orjson

from engine.venues.port import StreamPort
from engine.venues.session import SessionOptions

ENDED_BY = {"order.cancel": "origClientOrderId", "order.cancelReplace": "cancelOrigClientOrderId"}
PATIENCE_NS = SessionOptions().answer_timeout_ns


class InFlightPort:
    """A port of execution whose requests are checked before they are sent."""

    def __init__(self, inner: StreamPort) -> None:
        """Wrap a port; nothing is in flight."""
        self._inner = inner
        self._waiting: dict[Any, tuple[str, int]] = {}  # by the request's id: the order that it ends, and since when
        self._now_ns = 0

    def poll(self, now_ns: int) -> list[bytes]:
        """What has arrived; an answer ends its request."""
        frames = self._inner.poll(now_ns)
        self._read(frames, now_ns)
        return frames

    def poll_if_changed(self, now_ns: int) -> list[bytes] | None:
        """The same where the port knows whether something has changed."""
        frames = self._inner.poll_if_changed(now_ns)
        self._read(frames or [], now_ns)
        return frames

    def send(self, payload: bytes) -> bool:
        """Check the message, then send it."""
        tree = orjson.loads(payload)
        order = tree.get("params", {}).get(ENDED_BY.get(tree.get("method")))
        if order is not None:
            assert order not in self._in_flight(), f"a second request while one is in flight: {payload!r}"
        sent = self._inner.send(payload)
        if sent and order is not None:
            self._waiting[tree["id"]] = order, self._now_ns
        return sent

    def __getattr__(self, name: str) -> Any:
        """Everything else comes from the wrapped port."""
        return getattr(self._inner, name)

    def _read(self, frames: list[bytes], now_ns: int) -> None:
        self._now_ns = now_ns
        for frame in frames if self._waiting else ():
            self._waiting.pop(orjson.loads(frame).get("id"), None)

    def _in_flight(self) -> set[str]:
        """The orders whose end is asked for, without an answer and not yet given up by the session."""
        return {order for order, sent_ns in self._waiting.values() if self._now_ns - sent_ns < PATIENCE_NS}

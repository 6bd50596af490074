"""Listen keys: the older way to get an account's events, by a market stream with a secret name.

Binance keeps it for its clients until it is retired; the WebSocket API's subscriptions are the way of today.
"""

import hashlib

from engine.loopback.binance.desk import Call
from engine.loopback.binance.errors import ApiError, mandatory

VALID_NS = 3_600_000_000_000


class ListenKeys:
    """All listen keys that are valid."""

    def __init__(self, seed: int) -> None:
        """Begin without keys; names are drawn from the venue's seed."""
        self._seed, self._count = seed, 0
        self._ends: dict[str, tuple[str, int]] = {}  # by key: the account, and until when

    def start(self, call: Call) -> dict[str, object]:
        """userDataStream.start: extend the account's valid key by an hour, or create a key."""
        for key, (account, end_ns) in self._ends.items():
            if account == call.account and end_ns > call.now_ns:
                self._ends[key] = (account, call.now_ns + VALID_NS)
                return {"listenKey": key}
        self._count += 1
        key = hashlib.sha256(f"{self._seed}:{call.account}:{self._count}".encode()).hexdigest()
        self._ends[key] = (call.account, call.now_ns + VALID_NS)
        return {"listenKey": key}

    def ping(self, call: Call) -> dict[str, object]:
        """userDataStream.ping: one more hour."""
        self._ends[self._own(call)] = (call.account, call.now_ns + VALID_NS)
        return {}

    def stop(self, call: Call) -> dict[str, object]:
        """userDataStream.stop."""
        del self._ends[self._own(call)]
        return {}

    def of(self, account: str, now_ns: int) -> list[str]:
        """The valid keys of an account."""
        return [key for key, (owner, end_ns) in self._ends.items() if owner == account and end_ns > now_ns]

    def _own(self, call: Call) -> str:
        """The key in a request, if it is valid and the account's own."""
        key = call.parameters.text("listenKey")
        if not key:
            raise mandatory("listenKey")
        account, end_ns = self._ends.get(key, ("", 0))
        if account != call.account or end_ns <= call.now_ns:
            raise ApiError(-1125, "This listenKey does not exist.")
        return key

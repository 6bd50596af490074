"""A client of the simulated venue without sockets: signs, asks and reads."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.loopback.binance.keys import Key, socket_payload
from engine.loopback.binance.session import Session
from engine.loopback.binance.settings import PURSE, TEST_ACCOUNT, TEST_KEY, TEST_SECRET, VenueSettings
from engine.loopback.binance.venue import BinanceVenue

START_NS = 1_800_000_000_000_000_000
MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_PEM = PRIVATE.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
PRIVATE_PEM = PRIVATE.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
ED_KEY = "EdKey".ljust(64, "1")
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "40000",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


class Wire:
    """A venue and a clock that a test turns by hand."""

    def __init__(self, *, quiet: bool = True, **changes: Any) -> None:
        """A venue with the test's HMAC key and an Ed25519 key; quiet: no background flow after the first ladder."""
        keys = (Key(TEST_KEY, TEST_ACCOUNT, TEST_SECRET.encode()), Key.ed25519(ED_KEY, "engine", PUBLIC_PEM))
        settings = VenueSettings(keys=keys, accounts={TEST_ACCOUNT: dict(PURSE), "engine": dict(PURSE)}, check=True)
        settings = replace(settings, **changes)
        if quiet:
            flows = {symbol: replace(flow, interval_ns=10**18) for symbol, flow in settings.flows.items()}
            settings = replace(settings, flows=flows)
        self.now_ns = START_NS
        self.venue = BinanceVenue(settings, START_NS)
        for flow in self.venue.flows if quiet else ():
            flow.next_ns = 2**62

    def rest(self, method: str, path: str, key: str = TEST_KEY, **values: Any) -> tuple[int, Any]:
        """A REST request, signed where it has a timestamp to sign."""
        status, _, body = self.full(method, path, key, **values)
        return status, json.loads(body) if body else None

    def signed(self, method: str, path: str, **values: Any) -> tuple[int, Any]:
        """A signed REST request of now."""
        return self.rest(method, path, **{"timestamp": self.now_ns // MILLISECOND_NS, **values})

    def full(self, method: str, path: str, key: str = TEST_KEY, **values: Any) -> tuple[int, dict[str, str], bytes]:
        """A REST request with all of its answer."""
        query = urlencode(values)
        if "timestamp" in values and "signature" not in values:
            query += "&signature=" + hmac.new(TEST_SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        target = f"/api/v3/{path}" + (f"?{query}" if query and method != "POST" else "")
        body = query.encode() if method == "POST" else b""
        return self.venue.rest(method, target, {"X-MBX-APIKEY": key}, body, self.now_ns)

    def api(self) -> Session:
        """A WebSocket API session."""
        return self.venue.connect("/ws-api/v3", self.now_ns)

    def ask(self, session: Session, method: str, **values: Any) -> Any:
        """Ask on a session, signed by the HMAC key; the answer, or None before it arrived."""
        self.send(session, method, **values)
        answers = [one for one in read(session) if "status" in one]
        return answers[-1] if answers else None

    def send(self, session: Session, method: str, **values: Any) -> None:
        """Send a request, signed by the HMAC key."""
        params = {"apiKey": TEST_KEY, "timestamp": self.now_ns // MILLISECOND_NS, **values}
        payload = socket_payload({name: str(value) for name, value in params.items()})
        params["signature"] = hmac.new(TEST_SECRET.encode(), payload, hashlib.sha256).hexdigest()
        self.raw(session, {"id": "x", "method": method, "params": params})

    def raw(self, session: Session, request: Any) -> None:
        """Send anything."""
        text = request if isinstance(request, str) else json.dumps(request)
        session.receive(text, self.now_ns)

    def plain(self, session: Session, method: str, **params: Any) -> Any:
        """Ask without a signature."""
        self.raw(session, {"id": "x", "method": method, "params": params})
        return read(session)[-1]

    def wait(self, span_ns: int) -> None:
        """Let time pass."""
        self.now_ns += span_ns
        self.venue.step(self.now_ns)

    def truth(self, what: str) -> list[dict[str, Any]]:
        """The events in the truth log."""
        return [line for line in self.venue.truth.lines if line["what"] == what]


def read(session: Session) -> list[Any]:
    """What came out of a session."""
    return [json.loads(payload) for payload in session.drain()]


def events(session: Session) -> list[Any]:
    """The user data events that came out of a session."""
    return [one["event"] for one in read(session) if "event" in one]

"""Kraken's channel of orders as it sounds on the wire, with the REST side that gives tokens to a key's owner."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.engine.feed.live.truth import Truth
from tests.engine.feed.live.wire import LiveServer, Session, Wire
from tests.engine.venues.kraken.order_venue import PRICE_DECIMALS, SIZE_DECIMALS, OrderVenue

KEY, SECRET = "AN-API-KEY", base64.b64encode(b"a secret of some length").decode()
TOKEN_PATH = "/0/private/GetWebSocketsToken"  # noqa: S105 - a path


class OrderTruth(Truth):
    """A truth whose book is the orders' window."""

    def follow(self, venue: OrderVenue) -> None:
        """Take the levels of the window for this truth's own."""
        self.price_decimals, self.size_decimals = PRICE_DECIMALS, SIZE_DECIMALS
        self.bids, self.asks = dict(venue.best(1)), dict(venue.best(-1))
        self.tops.add(self.top())


class KrakenOrderWire(Wire):
    """Spot v2's address of orders: a token in every request, a checksum after every change."""

    channels = ("level3",)

    def __init__(self, seed: int, symbols: tuple[str, ...], depth: int = 100) -> None:
        """Orders for each truth; what a client must have subscribed is `depth`."""
        super().__init__(seed, symbols)
        self.depth = depth
        self.tokens: list[str] = []  # those given
        self.refusals: list[str] = []  # what a request for a token is answered next
        self.nonces: list[int] = []
        self.bad: list[dict[str, Any]] = []  # messages without a token that was given
        self.wrong = 0  # checksums to spoil
        self.venues = {symbol: OrderVenue(symbol, truth.random, depth=depth) for symbol, truth in self.truths.items()}
        self.truths = {symbol: OrderTruth(symbol, truth.random) for symbol, truth in self.truths.items()}
        for symbol, truth in self.truths.items():
            truth.tops.clear()
            truth.follow(self.venues[symbol])

    def rest(self, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        """AssetPairs, all of them."""
        del path, query
        numbers = {"pair_decimals": PRICE_DECIMALS, "lot_decimals": SIZE_DECIMALS, "ordermin": "0.0001"}
        pairs = {symbol: {"wsname": symbol, "costmin": "0.5", "status": "online"} | numbers for symbol in self.truths}
        return 200, {"error": [], "result": pairs}

    def token(self, headers: Any, body: str) -> dict[str, Any]:
        """Give a token to a client that signs as the owner, with a nonce beyond the last."""
        nonce = parse_qs(body)["nonce"][0]
        digest = hashlib.sha256(f"{nonce}{body}".encode()).digest()
        signature = hmac.new(base64.b64decode(SECRET), TOKEN_PATH.encode() + digest, hashlib.sha512).digest()
        if self.refusals:
            return {"error": [self.refusals.pop(0)]}
        if headers["API-Key"] != KEY or headers["API-Sign"] != base64.b64encode(signature).decode():
            return {"error": ["EAPI:Invalid signature"]}
        if self.nonces and int(nonce) <= self.nonces[-1]:
            return {"error": ["EAPI:Invalid nonce"]}
        self.nonces.append(int(nonce))
        self.tokens.append(f"token-{len(self.tokens)}-of-the-owner")
        return {"error": [], "result": {"token": self.tokens[-1], "expires": 900}}

    async def beat(self) -> None:
        """Heartbeats, to whom something is sent."""
        for session in list(self.sessions):
            if session.wants:
                await session.send('{"channel":"heartbeat"}')

    async def take(self, session: Session, message: dict[str, Any]) -> None:
        """Each symbol has an answer of its own."""
        params = message["params"]
        good = params.get("token") in self.tokens and params.get("depth") == self.depth
        if not good:
            self.bad.append(message)
        for symbol in params["symbol"]:
            refusal = "" if good else "EGeneral:Invalid arguments:token"
            if symbol in self.refused:
                refusal = f"Currency pair not supported {symbol}"
            head = {"method": message["method"], "req_id": message["req_id"]}
            if refusal:
                await session.send(json.dumps(head | {"error": refusal, "success": False, "symbol": symbol}))
                continue
            result = {"channel": "level3", "symbol": symbol, "snapshot": True}
            await session.send(json.dumps(head | {"result": result, "success": True}))
            await self._follow(session, message["method"], symbol)

    async def _follow(self, session: Session, method: str, symbol: str) -> None:
        want = ("level3", symbol)
        session.wants = [one for one in session.wants if one != want]
        if method == "subscribe":
            session.wants.append(want)
            await session.send(self.venues[symbol].snapshot())

    async def publish(self, truth: Truth, changes: list[tuple[int, int, int]]) -> None:
        """What became of some orders; the truth's own movement is of no matter."""
        del changes
        venue = self.venues[truth.symbol]
        frame = venue.move()
        assert isinstance(truth, OrderTruth)
        truth.follow(venue)
        if self.wrong:
            self.wrong -= 1
            frame = frame.replace('"checksum":', '"checksum":1')[: len(frame) + 1]
        for session in self.listeners("level3", truth.symbol):
            await session.send(frame)

    async def print(self, truth: Truth) -> None:
        """No trades on this address."""

    async def move(self, rounds: int = 1) -> None:
        """Change every pair's orders, and send a message for each change at once."""
        for _ in range(rounds):
            for truth in self.truths.values():
                await self.publish(truth, [])


class OrderServer(LiveServer):
    """The stream's server, and another for requests: tokens are asked for by POST."""

    def __init__(self, wire: KrakenOrderWire) -> None:
        """Serve both."""
        super().__init__(wire)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(wire))
        self._thread_http = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread_http.start()

    @property
    def request_url(self) -> str:
        """The base of requests."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        """Stop both."""
        self._http.shutdown()
        self._http.server_close()
        self._thread_http.join(10)
        super().close()


def handler_of(wire: KrakenOrderWire) -> type[BaseHTTPRequestHandler]:
    """What answers a wire's requests."""

    class Handler(BaseHTTPRequestHandler):
        """GET for what is public, POST for tokens."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Metadata."""
            parts = urlsplit(self.path)
            wire.requests[parts.path] += 1
            self.reply(*wire.rest(parts.path, parse_qs(parts.query)))

        def do_POST(self) -> None:
            """A token."""
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.reply(200, wire.token(self.headers, body) if self.path == TOKEN_PATH else {"error": ["EAPI"]})

        def reply(self, status: int, answer: object) -> None:
            """Send JSON."""
            payload = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler

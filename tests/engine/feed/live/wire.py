"""What the loopback venues have in common: sessions, faults that a test asks for, and one server for REST and streams.

The server runs in a thread of its own with real sockets; the test moves the truths and asks for faults through `call`,
which runs in the server's loop, so every event except the heartbeats comes from the test.
"""

import asyncio
import json
import random
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.engine.feed.live.truth import Truth

Want = tuple[str, str]
BEAT_S = 0.2


class Session:
    """One connection of a client."""

    def __init__(self, connection: ServerConnection) -> None:
        """Without a subscription."""
        self.connection = connection
        self.wants: list[Want] = []
        self.sequence = -1
        self.messages = 0
        self.apart = False  # it is not of books, and not counted

    async def send(self, frame: str) -> None:
        """Send, or find out that the client has left."""
        try:
            await self.connection.send(frame)
        except ConnectionClosed:
            self.wants.clear()


class Wire(ABC):
    """A venue: a subclass speaks its words."""

    channels: tuple[str, ...] = ()

    def __init__(self, seed: int, symbols: tuple[str, ...]) -> None:
        """A truth for each symbol."""
        self.truths = {symbol: Truth(symbol, random.Random(f"{seed}{symbol}")) for symbol in symbols}
        self.sessions: list[Session] = []
        self.refused: set[str] = set()  # symbols whose subscription is refused
        self.ignored: set[Want] = set()  # neither acknowledged nor sent
        self.silent: set[Want] = set()  # acknowledged, not sent
        self.statuses: list[tuple[int, dict[str, str]]] = []  # what REST answers next, before anything true
        self.requests: Counter[str] = Counter()
        self.mute = False
        self.connections = 0
        self.refined = False  # metadata has the decimals that prices really have

    async def begin(self, session: Session) -> None:  # noqa: B027 - a venue may send nothing
        """What is sent on connecting."""

    @abstractmethod
    async def take(self, session: Session, message: dict[str, Any]) -> None:
        """Answer a client's message."""

    @abstractmethod
    async def publish(self, truth: Truth, changes: list[tuple[int, int, int]]) -> None:
        """Send a book's change."""

    @abstractmethod
    async def print(self, truth: Truth) -> None:
        """Let others trade, and send it."""

    async def beat(self) -> None:  # noqa: B027 - a venue may send nothing
        """What is sent now and then."""

    @abstractmethod
    def rest(self, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        """Answer a request."""

    async def move(self, rounds: int = 1) -> None:
        """Move every truth, some trades between, and send each at once."""
        for _ in range(rounds):
            for truth in self.truths.values():
                await self.publish(truth, truth.move())
                if truth.random.random() < 0.5:
                    await self.print(truth)

    async def hang_up(self) -> None:
        """Close every connection."""
        for session in list(self.sessions):
            await session.connection.close(1001, "going away")

    def listeners(self, channel: str, symbol: str) -> list[Session]:
        """The sessions to which a channel of a symbol is sent."""
        want = (channel, symbol)
        if self.mute or want in self.silent or want in self.ignored:
            return []
        return [session for session in self.sessions if want in session.wants]

    async def serve(self, connection: ServerConnection) -> None:
        """One connection's life."""
        session = Session(connection)
        self.connections += 1
        self.sessions.append(session)
        try:
            await self.begin(session)
            async for message in connection:
                session.messages += 1
                if not self.mute:
                    await self.take(session, json.loads(message))
        except ConnectionClosed:
            pass
        finally:
            self.sessions.remove(session)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """REST on the same port; None lets a WebSocket through."""
        del connection
        parts = urlsplit(request.path)
        if "upgrade" in request.headers.get("connection", "").lower():
            return None
        self.requests[parts.path] += 1
        headers = {"Content-Type": "application/json", "Connection": "close"} | self.rest_headers()
        if self.statuses:
            status, more = self.statuses.pop(0)
            body: object = {"code": -1003, "msg": "planned"}
            headers |= more
        else:
            status, body = self.rest(parts.path, parse_qs(parts.query))
        payload = json.dumps(body).encode()
        return Response(status, "-", Headers(headers | {"Content-Length": str(len(payload))}), payload)

    def finer(self, truth: Truth) -> str:
        """The digits before the last ones of a step in metadata."""
        return "0" * (truth.price_decimals - 2) if self.refined else ""

    def rest_headers(self) -> dict[str, str]:
        """What REST answers carry."""
        return {}


class LiveServer:
    """A wire on a loopback port."""

    def __init__(self, wire: Wire) -> None:
        """Serve in a thread."""
        self.wire = wire
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._main(),), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    @property
    def stream_url(self) -> str:
        """The base of streams."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def request_url(self) -> str:
        """The base of requests."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, work: Callable[[], Any]) -> Any:
        """Run something in the server's loop, await it when it can be awaited, and give its result."""

        async def run() -> Any:
            found = work()
            return await found if asyncio.iscoroutine(found) else found

        future = asyncio.run_coroutine_threadsafe(run(), self._loop)
        return future.result(30)

    def close(self) -> None:
        """Stop serving."""
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        serving: Server
        async with serve(
            self.wire.serve, "127.0.0.1", 0, process_request=self.wire.answer, compression=None, max_size=None,
            close_timeout=0.2, ping_interval=0.5,
        ) as serving:  # fmt: skip
            self.port = next(iter(serving.sockets)).getsockname()[1]
            self._ready.set()
            while not self._stop.is_set():
                if not self.wire.mute:
                    await self.wire.beat()
                try:
                    await asyncio.wait_for(self._stop.wait(), BEAT_S)
                except TimeoutError:
                    continue

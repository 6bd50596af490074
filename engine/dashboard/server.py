"""The web server: the page's files, and one WebSocket for each page, in a thread of its own.

    GET /           the page          GET /stream   frames out, commands in (engine/dashboard/commands.py)

Only requests whose Host is one of ours are answered, and a WebSocket only from the page's own origin: another site in
the operator's browser, or a name that points here, reads nothing and changes nothing. With a token the page is opened
as /?token=TOKEN once; a cookie keeps it. A page confirms each message that it has applied, and gets no
further one while several are not confirmed: a slow page gets what is new in place of what it missed.
"""

import asyncio
import hmac
import ipaddress
import logging
import threading
import zlib
from collections.abc import Awaitable, Callable, Sequence
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from aiohttp import WSMsgType, web

from engine.dashboard.commands import LONGEST, carry_out
from engine.dashboard.hub import Hub

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
           "Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "same-origin"}  # fmt: skip
MOST_CLIENTS = 64
COMMANDS_PER_S = 5
WAITING = 16  # commands of a page that wait for the one before
AHEAD = 8  # messages that a client may not have shown yet
SHOWN, SHOWN_EACH = "shown", 4  # what a page sends after each so many messages that it has applied
BUFFER = 1 << 16  # bytes that a connection may hold unsent
LOCAL = ("127.0.0.1", "localhost", "[::1]")
EVERY = ("0.0.0.0", "::")  # noqa: S104 - to compare with: the operator chooses it in [dashboard]
COOKIE = "steelyard"

logger = logging.getLogger("engine.dashboard")


class Flow:
    """How many messages a client has been sent and has not yet shown: more than `AHEAD` would show it the past."""

    def __init__(self) -> None:
        """None."""
        self.sent = 0
        self._shown = 0
        self._changed = asyncio.Event()

    def on_shown(self) -> None:
        """The client has shown `SHOWN_EACH` more; a client that claims more than was sent gains nothing."""
        self._shown = min(self._shown + SHOWN_EACH, self.sent)
        self._changed.set()

    async def room(self) -> None:
        """Wait until the client has shown enough."""
        while self.sent - self._shown >= AHEAD:
            self._changed.clear()
            await self._changed.wait()


class DashboardServer:
    """Listens from the beginning; it serves what the hub has."""

    def __init__(
        self, hub: Hub, address: str, port: int, token: str, control: Path, rights: str, hosts: Sequence[str] = ()
    ) -> None:
        """Listen; a port that is in use is an error that names it. `hosts` are further names and ports of a proxy."""
        self._hub, self._token, self._control, self._rights = hub, token, control, rights
        self._address, self._hosts = address, frozenset(one.lower() for one in hosts)
        self._pass = hmac.new(token.encode(), COOKIE.encode(), "sha256").hexdigest()  # the cookie: not the token itself
        self.files = _files()
        self._news: asyncio.Event
        self._loop = asyncio.new_event_loop()
        started: list[OSError | int] = []
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(port, started, ready), name="dashboard", daemon=True)
        self._thread.start()
        ready.wait()
        if isinstance(started[0], OSError):
            why = started[0].strerror
            msg = f"dashboard: cannot listen on {address} port {port}: {why}: choose another port in [dashboard]"
            raise OSError(msg) from started[0]
        self.port: int = started[0]
        hub.wake = self._wake

    def close(self) -> None:
        """Stop listening and end the connections."""
        self._hub.wake = lambda: None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, port: int, started: list[OSError | int], ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._news = asyncio.Event()
        app = web.Application(middlewares=[self._guard], client_max_size=LONGEST)
        app.add_routes([web.get("/stream", self._stream), web.get("/{name:.*}", self._file)])
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        try:
            self._loop.run_until_complete(runner.setup())
            site = web.TCPSite(runner, self._address, port)
            self._loop.run_until_complete(site.start())
            started.append(runner.addresses[0][1])
        except OSError as error:
            started.append(error)
        ready.set()
        if isinstance(started[0], int):
            self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _wake(self) -> None:
        """From the role's thread: every connection looks for what is new."""
        self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse what is not from this page, before anything is read."""
        if not self._is_ours(request.host):
            raise web.HTTPForbidden(text=f"the host {request.host[:100]!r} is not this dashboard's")
        origin = request.headers.get("Origin")
        if (origin is not None or request.path == "/stream") and urlsplit(origin or "").netloc != request.host:
            raise web.HTTPForbidden(text="the request comes from another origin")
        if self._token and not self._knows_token(request):
            raise web.HTTPUnauthorized(text="open the dashboard as /?token=TOKEN, with the token of [dashboard]")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
            if self._token and "token" in request.query:
                response.set_cookie(COOKIE, self._pass, httponly=True, samesite="Strict")
        return response

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this server: a name that an attacker points here is another.

        A server that listens on every address is also reached by any of them as a number, which no attacker can point.
        """
        if host.lower() in self._hosts:
            return True
        name, _, port = host.rpartition(":")
        plain = name.strip("[]")
        return port == str(self.port) and (
            name in LOCAL or plain == self._address or (self._address in EVERY and _is_address(plain))
        )

    def _knows_token(self, request: web.Request) -> bool:
        given, held = request.query.get("token", ""), request.cookies.get(COOKIE, "")
        return hmac.compare_digest(given.encode(), self._token.encode()) or (
            bool(held) and hmac.compare_digest(held.encode(), self._pass.encode())
        )

    async def _file(self, request: web.Request) -> web.Response:
        found = self.files.get(request.match_info["name"] or "index.html")
        if found is None:
            raise web.HTTPNotFound(text="no such file")
        kind, body = found
        return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Content-Encoding": "gzip"})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._hub.clients >= MOST_CLIENTS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_CLIENTS} pages are open: close one")
        socket = web.WebSocketResponse(max_msg_size=LONGEST, heartbeat=10.0, compress=False, writer_limit=BUFFER)
        await socket.prepare(request)
        self._hub.clients += 1
        flow, commands = Flow(), asyncio.Queue[str](WAITING)
        tasks = [asyncio.create_task(self._send(socket, flow)), asyncio.create_task(self._work(socket, commands))]
        try:
            await self._receive(socket, flow, commands)
        finally:
            self._hub.clients -= 1
            for task in tasks:
                task.cancel()
        return socket

    async def _send(self, socket: web.WebSocketResponse, flow: Flow) -> None:
        """Send what is new, as fast as the client has shown it."""
        at = 0
        while not socket.closed:
            news = self._news
            at, message = self._hub.fetch(at)
            if message:
                flow.sent += 1
                await socket.send_bytes(message)
            else:
                await news.wait()
            await flow.room()

    async def _receive(self, socket: web.WebSocketResponse, flow: Flow, commands: "asyncio.Queue[str]") -> None:
        """Read what a page sends. Its commands wait for one another, and no frame waits for a command."""
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                await socket.close(code=1003, message=b"expected text")
                return
            if message.data == SHOWN:
                flow.on_shown()
                continue
            await commands.put(message.data)  # with no room the page waits: nothing is lost, and nothing more is kept

    async def _work(self, socket: web.WebSocketResponse, commands: "asyncio.Queue[str]") -> None:
        """Carry out the commands of a page, one after the other, at most `COMMANDS_PER_S`."""
        while True:
            answer = await asyncio.to_thread(carry_out, await commands.get(), self._control, self._rights)
            if not socket.closed:
                await socket.send_str(orjson.dumps(answer).decode())
            await asyncio.sleep(1 / COMMANDS_PER_S)


def _is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _files() -> dict[str, tuple[str, bytes]]:
    """Every file of the page, compressed once."""
    root = resources.files("engine.dashboard").joinpath("page")
    folders = ("", "core/", "panels/", "style/", "vendor/")
    found = {
        f"{folder}{one.name}": one for folder in folders for one in root.joinpath(folder).iterdir() if one.is_file()
    }
    return {
        name: (TYPES[suffix], _gzip(one.read_bytes()))
        for name, one in found.items() if (suffix := Path(name).suffix) in TYPES
    }  # fmt: skip


def _gzip(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    return compressor.compress(data) + compressor.flush()

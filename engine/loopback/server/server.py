"""The venue on one port: REST and WebSocket on the real host's paths, and a task that steps the venue.

The venue itself has no socket and no clock; this server adds both.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.server.connection import Connection

if TYPE_CHECKING:
    from engine.loopback.binance import rest
    from engine.loopback.binance.session import Session

MESSAGE_MOST = 1 << 20


class VenueServer:
    """One venue on one port of the loopback."""

    def __init__(
        self, venue: BinanceVenue, clock: Callable[[], int], *, pulse_seconds: float = 0.005, ping_seconds: float = 20.0
    ) -> None:
        """Serve this venue with this clock."""
        self.venue = venue
        self._clock, self._pulse_seconds, self._ping_seconds = clock, pulse_seconds, ping_seconds
        self._connections: dict[Session, Connection] = {}
        self._waiting: dict[rest.Exchange, asyncio.Future[rest.Answer]] = {}
        self._runner: web.AppRunner | None = None
        self._pulse: asyncio.Task[None] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen and begin to step the venue; the port."""
        application = web.Application(client_max_size=MESSAGE_MOST)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self._pulse = asyncio.create_task(self._step_venue())
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """End all connections and stop listening."""
        if self._pulse is not None:
            self._pulse.cancel()
        self.venue.disconnect("all", "Server shutdown")
        self.flush()
        for future in self._waiting.values():
            future.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        self.venue.truth.flush()

    def flush(self) -> None:
        """Wake the connections whose sessions have something to send."""
        for session in self.venue.changed:
            connection = self._connections.get(session)
            if connection is not None:
                connection.wake()
        self.venue.changed.clear()

    async def _step_venue(self) -> None:
        """Step the venue at intervals, and send the REST answers that are ready."""
        while True:
            await asyncio.sleep(self._pulse_seconds)
            self.venue.step(self._clock())
            self.flush()
            for exchange in [one for one in self._waiting if one.answer is not None]:
                future = self._waiting.pop(exchange)
                if not future.done() and exchange.answer is not None:
                    future.set_result(exchange.answer)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        """Serve a WebSocket if the client asks for an upgrade, else REST."""
        if request.headers.get("upgrade", "").lower() == "websocket":
            return await self._serve_socket(request)
        return await self._serve_rest(request)

    async def _serve_rest(self, request: web.Request) -> web.StreamResponse:
        """Serve one REST request; a lost request closes the connection without an answer."""
        body = await request.read()
        exchange = self.venue.request(request.method, request.raw_path, dict(request.headers), body, self._clock())
        self.flush()
        answer = exchange.answer
        if answer is None:
            self._waiting[exchange] = asyncio.get_running_loop().create_future()
            answer = await self._waiting[exchange]
        status, headers, text = answer
        if not status:
            if request.transport is not None:  # None when the client closed the connection
                request.transport.abort()
            return web.Response()
        return web.Response(status=status, headers=headers, body=text)

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket connection until its end."""
        try:
            session = self.venue.connect(request.raw_path, self._clock())
        except ValueError as error:
            return web.Response(status=404, text=str(error))
        socket = web.WebSocketResponse(autoping=False, max_msg_size=MESSAGE_MOST, compress=False)
        connection = self._connections[session] = Connection(self.venue, session, socket)
        try:
            await socket.prepare(request)
            connection.wake()
            await connection.run(self._clock, self.flush, self._ping_seconds)
        except ConnectionError:  # the client closed the connection before the answer
            self.venue.disconnect(session)
            return web.Response()
        finally:
            del self._connections[session]
        return socket

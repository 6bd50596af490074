"""One WebSocket connection: frames to the session, the session's messages to the socket, pings at Binance's rate."""

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import WSMsgType, web

from engine.loopback.binance.session import Session
from engine.loopback.binance.venue import BinanceVenue

PONG_WITHIN = 3  # pings without a pong before the close: 60 s at Binance's rate


class Connection:
    """A session and its socket."""

    def __init__(self, venue: BinanceVenue, session: Session, socket: web.WebSocketResponse) -> None:
        """Connect the two."""
        self.session = session
        self._venue, self._socket = venue, socket
        self._wake = asyncio.Event()
        self._unanswered = 0

    def wake(self) -> None:
        """Wake the sender: the session has messages, or was closed."""
        self._wake.set()

    async def run(self, clock: Callable[[], int], flush: Callable[[], None], ping_seconds: float) -> None:
        """Serve until either side closes the connection."""
        tasks = (asyncio.create_task(self._send()), asyncio.create_task(self._ping(clock, ping_seconds)))
        try:
            with contextlib.suppress(ConnectionError):  # the client closed the connection before its pong
                await self._receive(clock, flush)
        finally:
            for task in tasks:
                task.cancel()
            self._venue.disconnect(self.session)

    async def _receive(self, clock: Callable[[], int], flush: Callable[[], None]) -> None:
        """Pass frames to the session."""
        async for message in self._socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._venue.receive(self.session, message.data, clock())
                flush()
            elif message.type == WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type == WSMsgType.PONG:
                self._unanswered = 0

    async def _send(self) -> None:
        """Send the session's messages in order; a closed session closes the socket."""
        while not self._socket.closed:
            await self._wake.wait()
            self._wake.clear()
            for payload in self.session.drain():
                await self._socket.send_frame(payload, WSMsgType.TEXT)
            if self.session.closed:
                code, reason = self.session.close_code, self.session.close_reason
                await self._socket.close(code=code, message=reason.encode())

    async def _ping(self, clock: Callable[[], int], seconds: float) -> None:
        """Ping with the time in milliseconds; close the connection after PONG_WITHIN pings without a pong."""
        while self._unanswered < PONG_WITHIN:
            await asyncio.sleep(seconds)
            self._unanswered += 1
            await self._socket.ping(str(clock() // 1_000_000).encode())
        await self._socket.close(code=1008, message=b"Pong timeout")

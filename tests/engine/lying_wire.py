"""A program between execution and the venue that passes every frame on and rewrites some: real sockets, real lies."""

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import msgspec
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.engine.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

Frames = list[dict[str, Any]]


class LyingWire:
    """Listens on loopback; `lie` gives the frames to send in the place of each frame of the venue."""

    def __init__(self) -> None:
        """Listen; `venue`, the true address, is needed from the first connection on."""
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}/ws-api/v3"
        self.lie: Callable[[dict[str, Any]], Frames] = lambda frame: [frame]
        self.venue = ""
        self._loop = asyncio.new_event_loop()
        self._clients: set[ServerConnection] = set()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()

    def push(self, frame: dict[str, Any]) -> None:
        """Send a frame that the venue did not send now."""
        text = msgspec.json.encode(frame).decode()
        asyncio.run_coroutine_threadsafe(self._push(text), self._loop).result(5)

    def close(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._loop.close()

    async def _push(self, text: str) -> None:
        for client in list(self._clients):
            await client.send(text)

    async def _serve(self) -> None:
        async with serve(self._pass_on, "127.0.0.1", self.port):
            await self._stopped.wait()

    async def _pass_on(self, client: ServerConnection) -> None:
        async with connect(self.venue) as venue:
            self._clients.add(client)
            back = asyncio.create_task(self._bring(venue, client))
            try:
                async for message in client:
                    await venue.send(message)
            except ConnectionClosed:
                pass
            finally:
                self._clients.discard(client)
                back.cancel()

    async def _bring(self, venue: Any, client: ServerConnection) -> None:
        try:
            async for message in venue:
                for frame in self.lie(msgspec.json.decode(message)):
                    await client.send(msgspec.json.encode(frame).decode())
        except ConnectionClosed:
            await client.close()

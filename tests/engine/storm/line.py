"""The network between the engine and the venue, as a program that can lose it: real sockets on loopback."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress

from tests.engine.ports import free_port

CHUNK = 1 << 16


class Line:
    """Listens on loopback and passes bytes on to the venue's port; `cut` ends every connection and refuses new ones."""

    def __init__(self, venue_port: int) -> None:
        """Listen on a port of its own."""
        self.port, self._venue_port = free_port(), venue_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.join()

    def cut(self) -> None:
        """Lose the network."""
        self._do(self._cut())

    def join(self) -> None:
        """Have the network again."""
        self._do(self._join())

    def close(self) -> None:
        """End."""
        self.cut()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._loop.close()

    def _do(self, what: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _join(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(others, timeout=5) if others else None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._venue_port)
            await asyncio.gather(self._pass_on(reader, back_writer), self._pass_on(back_reader, writer))
        writer.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self._writers.add(sink)
        try:
            while data := await source.read(CHUNK):
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(sink)
            sink.transport.abort()

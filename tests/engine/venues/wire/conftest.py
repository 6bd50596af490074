"""What the tests of the wire share: seeds, a certificate, and servers of the `websockets` library on the loopback."""

import asyncio
import os
import random
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from websockets.asyncio.server import ServerConnection, serve

from bench.wire_server import write_certificate
from tests.engine.venues.wire.peers import Peer


@pytest.fixture
def seed() -> int:
    """A seed for a random test; printed, so that a failure can be had again by setting WIRE_SEED."""
    chosen = int(os.environ.get("WIRE_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"WIRE_SEED={chosen}")  # noqa: T201 - pytest shows it with the failure
    return chosen


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A peer for one test."""
    held = Peer()
    yield held
    held.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    return write_certificate(tmp_path_factory.mktemp("certificate"), x509.DNSName("localhost"))


async def answer(connection: ServerConnection) -> None:
    """An echo that can also send 5 MB, close, send a ping and report the pong."""
    async for message in connection:
        if message == "big":
            await connection.send("x" * 5_000_000)
        elif message == "bye":
            await connection.close(1001, "going away")
        elif message == "ping":
            await (await connection.ping("1787733279756"))
            await connection.send("the pong was the same")
        else:
            await connection.send(message)


def run_server(context: ssl.SSLContext | None) -> Iterator[int]:
    """Serve in a thread of its own; gives the port number."""
    loop = asyncio.new_event_loop()
    started: list[int] = []
    stop = asyncio.Event()

    async def main(ready: threading.Event) -> None:
        async with serve(answer, "127.0.0.1", 0, ssl=context, max_size=None, close_timeout=0.1) as server:
            started.append(next(iter(server.sockets)).getsockname()[1])
            ready.set()
            await stop.wait()

    ready = threading.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(main(ready),), daemon=True)
    thread.start()
    assert ready.wait(5)
    yield started[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(5)
    loop.close()


@pytest.fixture(scope="session")
def plain_server() -> Iterator[int]:
    """The `websockets` server without TLS."""
    yield from run_server(None)


@pytest.fixture(scope="session")
def tls_server(certificate: tuple[Path, Path]) -> Iterator[int]:
    """The `websockets` server over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    yield from run_server(context)

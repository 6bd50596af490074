"""Peers on the loopback: a certificate, a server of the `websockets` library, and a socket the test holds itself."""

import asyncio
import base64
import datetime
import hashlib
import os
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.server import ServerConnection, serve

from engine.venues.port import PortState
from engine.venues.wire import Waiter, WebSocketPort, WireOptions
from engine.venues.wire.frames import FrameReader, FrameWriter

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATIENCE = 400  # waits of at most 20 ms


class Peer:
    """The server's end of a connection, held by the test itself: everything happens when the test says so."""

    def __init__(self) -> None:
        """Listen."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(5)
        self.port = self.listener.getsockname()[1]
        self.writer = FrameWriter(server=True)
        self.reader = FrameReader(server=True)
        self.connection: socket.socket | None = None

    @property
    def socket(self) -> socket.socket:
        """The accepted connection."""
        assert self.connection is not None
        return self.connection

    def accept(self) -> None:
        """Take the next connection."""
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(5)

    def read_head(self) -> bytes:
        """A request's head."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(4096)
        return head

    def accept_upgrade(self, head: bytes, rest: bytes = b"") -> None:
        """Say yes to a WebSocket, perhaps with frames in the same breath."""
        key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key.split(b":")[1].strip() + GUID).digest())  # noqa: S324 - the RFC says so
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
        self.socket.sendall(b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + accept, b"", b""]) + rest)

    def open(self, options: WireOptions | None = None) -> WebSocketPort:
        """Bring up one of our ports against this peer."""
        port = WebSocketPort(f"ws://127.0.0.1:{self.port}/", options)
        port.poll(0)
        self.accept()
        poll_until(port, lambda: port.interests()[0].write is False)
        self.accept_upgrade(self.read_head())
        poll_until(port, lambda: port.state is PortState.OPEN)
        return port

    def events(self, count: int = 1) -> list[tuple[int, bytes]]:
        """The next frames that our side sent."""
        found: list[tuple[int, bytes]] = []
        while len(found) < count:
            block = self.socket.recv(65536)
            assert block, "the connection ended early"
            self.reader.feed(block)
            found += self.reader.events()
        return found

    def close(self) -> None:
        """Close both sockets."""
        self.listener.close()
        if self.connection is not None:
            self.connection.close()


def poll_until(port: WebSocketPort, done: Callable[[], bool]) -> list[bytes]:
    """Poll until something is so, asleep in between; fails rather than wait for ever."""
    waiter = Waiter([port])
    messages: list[bytes] = []
    for _ in range(PATIENCE):
        messages += port.poll(0)
        if done():
            waiter.close()
            return messages
        waiter.wait(20_000_000)
    raise AssertionError(f"still not so: {port.state!r} {port.error!r}")


def receive(port: WebSocketPort, count: int) -> list[bytes]:
    """Poll until this many messages came."""
    messages: list[bytes] = []
    waiter = Waiter([port])
    for _ in range(PATIENCE):
        messages += port.poll(0)
        if len(messages) >= count or port.state is PortState.CLOSED:
            break
        waiter.wait(20_000_000)
    waiter.close()
    return messages


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
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    today = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return paths


async def answer(connection: ServerConnection) -> None:
    """An echo that can also send 5 MB, close, and ping and tell the pong."""
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
    """The `websockets` server behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    yield from run_server(context)

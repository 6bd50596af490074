"""The other end of a port, held by the test itself, and how to poll until something is so."""

import base64
import hashlib
import socket
from collections.abc import Callable

from engine.venues.port import PortState
from engine.venues.wire import Waiter, WebSocketPort, WireOptions
from engine.venues.wire.frames import FrameReader, FrameWriter

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATIENCE = 400  # waits of at most 20 ms


class Peer:
    """The server's end of a connection, held by the test itself: nothing happens before the test calls for it."""

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
        """Accept a WebSocket, perhaps with frames in the same write."""
        key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key.split(b":")[1].strip() + GUID).digest())  # noqa: S324 - by the RFC
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

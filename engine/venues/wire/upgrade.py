"""The two handshakes before a WebSocket, made by websocket-client without a socket and without waiting.

websocket-client asks a socket for an answer and waits; a role may not wait. So it talks to a `Script`: an object like a
socket that holds all bytes of the peer so far. The first run ends where the answer is missing and leaves the request;
each later run, with more of the answer, writes the same request again (it is not sent) and reads further. A run that
ends without an error accepts the answer. The cost is a few runs over some hundred bytes, once a connection.

`socket=` and its helpers were chosen over a blocking upgrade with a short timeout, because with twenty
connections in one process even a short wait for one venue is a gap in the books of the others.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from os import urandom
from typing import TYPE_CHECKING, cast

from websocket import WebSocket, WebSocketException
from websocket._http import _tunnel  # the tunnel has no public name; its caller opens a socket itself

from engine.venues.wire.options import Proxy

if TYPE_CHECKING:
    from socket import socket

HEAD_END = b"\r\n\r\n"
ANSWER_LIMIT = 64 << 10


class SilenceError(Exception):
    """The peer's answer is not complete yet; websocket-client does not catch this type."""


class Script:
    """A socket to websocket-client: what it sends is kept, what it receives has arrived before."""

    def __init__(self, received: bytes) -> None:
        """Begin at the start of what has arrived."""
        self.sent = bytearray()
        self.position = 0
        self._received = received

    def gettimeout(self) -> float:
        """Never wait."""
        return 0.0

    def send(self, block: bytes) -> int:
        """Keep what is to be sent."""
        self.sent += block
        return len(block)

    def recv(self, limit: int) -> bytes:
        """The next bytes that have arrived; SilenceError when there are no more."""
        block = self._received[self.position : self.position + limit]
        if not block:
            raise SilenceError
        self.position += len(block)
        return block

    def close(self) -> None:
        """Nothing to close."""


class Conversation:
    """One request and its answer; `request` is to be sent, `read_answer` gets what arrives."""

    def __init__(self, converse: Callable[[Script], None]) -> None:
        """Run once against silence, for the request."""
        self._converse = converse
        self._received = b""
        self.error = ""
        script = Script(b"")
        try:
            converse(script)
        except SilenceError:
            self.request = bytes(script.sent)
        else:
            raise AssertionError("the conversation ended without an answer")

    def read_answer(self, block: bytes) -> bytes | None:
        """Read more of the answer: the bytes after it once it is complete and good, None before; see `error`."""
        self._received += block
        if HEAD_END not in self._received and len(self._received) < ANSWER_LIMIT:
            return None
        script = Script(self._received)
        try:
            self._converse(script)
        except SilenceError:
            self.error = "the answer's head is too long" if len(self._received) >= ANSWER_LIMIT else ""
            return None
        except (WebSocketException, ValueError) as error:
            self.error = str(error) or type(error).__name__
            return None
        return self._received[script.position :]


def upgrade(url: str, headers: Mapping[str, str]) -> Conversation:
    """The WebSocket upgrade of this URL; the key is ours, so that each run asks the same."""
    fixed = dict(headers) | {"Sec-WebSocket-Key": b64encode(urandom(16)).decode()}

    def converse(script: Script) -> None:
        connect: Callable[..., None] = WebSocket().connect
        connect(url, socket=script, header=fixed, suppress_origin=True, redirect_limit=0)

    return Conversation(converse)


def tunnel(host: str, port: int, proxy: Proxy) -> Conversation:
    """The CONNECT through an HTTP proxy."""
    credentials = (proxy.username, proxy.password) if proxy.username else None

    def converse(script: Script) -> None:
        _tunnel(cast("socket", script), host, port, credentials)

    return Conversation(converse)

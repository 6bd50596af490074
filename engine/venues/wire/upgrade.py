"""The two conversations before a WebSocket, spoken by websocket-client without a socket and without waiting.

websocket-client asks a socket for an answer and waits; a role may not wait. So it talks to a `Script`: an object like a
socket that holds all the peer has said so far. The first run ends where the answer is missing and leaves the request;
each later run, with more of the answer, says the same request again (nobody listens) and reads on. A run that ends
well is the answer's verdict. Its whole cost is a few runs over some hundred bytes, once a connection.

`socket=` and the helpers behind it were chosen over a blocking upgrade with a short timeout, because with twenty
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
    """The peer has not said that yet; of no kind that websocket-client catches."""


class Script:
    """A socket to websocket-client: what it sends is kept, what it receives was heard before."""

    def __init__(self, heard: bytes) -> None:
        """Begin at the start of what was heard."""
        self.sent = bytearray()
        self.position = 0
        self._heard = heard

    def gettimeout(self) -> float:
        """Never wait."""
        return 0.0

    def send(self, block: bytes) -> int:
        """Keep what is to be sent."""
        self.sent += block
        return len(block)

    def recv(self, limit: int) -> bytes:
        """Give what was heard next; SilenceError when nothing more was."""
        block = self._heard[self.position : self.position + limit]
        if not block:
            raise SilenceError
        self.position += len(block)
        return block

    def close(self) -> None:
        """Nothing to close."""


class Conversation:
    """One request and its answer; `request` is to be sent, `hear` takes what comes."""

    def __init__(self, speak: Callable[[Script], None]) -> None:
        """Run once against silence, for the request."""
        self._speak = speak
        self._heard = b""
        self.error = ""
        script = Script(b"")
        try:
            speak(script)
        except SilenceError:
            self.request = bytes(script.sent)
        else:
            raise AssertionError("the conversation ended without an answer")

    def hear(self, block: bytes) -> bytes | None:
        """Take more of the answer: what followed it once it is complete and good, None before; see `error`."""
        self._heard += block
        if HEAD_END not in self._heard and len(self._heard) < ANSWER_LIMIT:
            return None
        script = Script(self._heard)
        try:
            self._speak(script)
        except SilenceError:
            self.error = "the answer's head is too long" if len(self._heard) >= ANSWER_LIMIT else ""
            return None
        except (WebSocketException, ValueError) as error:
            self.error = str(error) or type(error).__name__
            return None
        return self._heard[script.position :]


def upgrade(url: str, headers: Mapping[str, str]) -> Conversation:
    """The WebSocket upgrade of this URL; the key is ours, so that each run asks the same."""
    fixed = dict(headers) | {"Sec-WebSocket-Key": b64encode(urandom(16)).decode()}

    def speak(script: Script) -> None:
        connect: Callable[..., None] = WebSocket().connect
        connect(url, socket=script, header=fixed, suppress_origin=True, redirect_limit=0)

    return Conversation(speak)


def tunnel(host: str, port: int, proxy: Proxy) -> Conversation:
    """The CONNECT through an HTTP proxy."""
    credentials = (proxy.username, proxy.password) if proxy.username else None

    def speak(script: Script) -> None:
        _tunnel(cast("socket", script), host, port, credentials)

    return Conversation(speak)

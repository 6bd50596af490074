"""The bytes of one connected socket: plain, or through TLS.

TLS works on memory (`ssl.MemoryBIO`) from the first byte, so that both kinds read with the same large non-blocking
recv(2), and one read brings many records:

    socket --receive--> cipher text --incoming--> SSLObject --read--> the reader's own buffer
    socket <--transmit-- outgoing <-------------- SSLObject <--write-- frames

What a socket does not take at once is kept, up to a bound. Past it the peer is not reading, and the connection is
given up: to queue on would send orders of the past into a market of the present.
"""

import errno
import os
import ssl
from functools import lru_cache
from socket import socket
from typing import TYPE_CHECKING, Protocol

from engine import clock
from engine.venues.wire.descriptor import receive, transmit
from engine.venues.wire.frames import FrameReader
from engine.venues.wire.records import Records

if TYPE_CHECKING:
    from typing_extensions import Buffer

NOTHING = -errno.EAGAIN
LOST = -errno.EPROTO
CIPHER_CAPACITY = 64 << 10
RECORD_LIMIT = 16 << 10


class Transport(Protocol):
    """What the ports need of a connection."""

    error: str

    @property
    def receive_ns(self) -> int:
        """When bytes were last read from the socket."""

    @property
    def unsent(self) -> int:
        """How many bytes wait for the socket."""

    def shake(self) -> bool:
        """Go on with the handshake; True when the connection is ready."""

    def read(self, buffer: "Buffer") -> int:
        """Read once: the bytes read, 0 at the end, NOTHING, or another negative number with `error` set."""

    def fill(self, reader: FrameReader) -> int:
        """Read one large block into a frame reader; the outcome as with `read`."""

    def write(self, block: bytes) -> bool:
        """Send, or keep what the socket does not take; False with `error` set when that is no longer possible."""

    def flush(self) -> bool:
        """Send what was kept; False with `error` set when the connection is lost."""


class PlainTransport:
    """A socket without TLS."""

    def __init__(self, connection: socket, outgoing_limit: int) -> None:
        """Take over a connected, non-blocking socket's bytes; whoever made the socket closes it."""
        self._descriptor = connection.fileno()
        self._outgoing = bytearray()
        self._outgoing_limit = outgoing_limit
        self.error = ""
        self.receive_ns = 0

    @property
    def unsent(self) -> int:
        """How many bytes wait for the socket."""
        return len(self._outgoing)

    def shake(self) -> bool:
        """Nothing to agree on."""
        return True

    def read(self, buffer: "Buffer") -> int:
        """Read once into a buffer."""
        count = receive(self._descriptor, buffer)
        if count > 0:
            self.receive_ns = clock.now_ns()
        elif count not in (0, NOTHING):
            self.error = os.strerror(-count)
        return count

    def fill(self, reader: FrameReader) -> int:
        """Read one large block into a frame reader."""
        count = receive(self._descriptor, reader)
        if count > 0:
            self.receive_ns = clock.now_ns()
            reader.written(count)
        elif count not in (0, NOTHING):
            self.error = os.strerror(-count)
        return count

    def write(self, block: bytes) -> bool:
        """Send at once what the socket takes, keep the rest; what was kept before goes first."""
        if self._outgoing:
            return self._keep(block) and self.flush()
        count = transmit(self._descriptor, block)
        if count == len(block):
            return True
        if count >= 0:
            return self._keep(block[count:])
        return self._keep(block) if count == NOTHING else self._lose(count)

    def flush(self) -> bool:
        """Send what was kept."""
        while self._outgoing:
            count = transmit(self._descriptor, self._outgoing)
            if count == NOTHING:
                return True
            if count < 0:
                return self._lose(count)
            del self._outgoing[:count]
        return True

    def _keep(self, rest: bytes) -> bool:
        """Keep what cannot be sent yet, within the bound."""
        if len(self._outgoing) + len(rest) > self._outgoing_limit:
            self.error = f"the peer does not read: {len(self._outgoing)} bytes wait, limit {self._outgoing_limit}"
            return False
        self._outgoing += rest
        return True

    def _lose(self, count: int) -> bool:
        """Note why the socket can send no more."""
        self.error = os.strerror(-count)
        return False


@lru_cache(maxsize=8)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """The one context for a source of trust; certificates and host names are always verified."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsTransport:
    """A socket with TLS over it."""

    def __init__(self, plain: PlainTransport, context: ssl.SSLContext, host: str) -> None:
        """Begin TLS as the client of `host` over a connection that carries nothing yet but perhaps a proxy's answer."""
        self._plain = plain
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._records = Records(context, self._incoming, self._outgoing, host)
        self._engine = self._records.engine
        self._cipher = bytearray(CIPHER_CAPACITY)
        self._cipher_view = memoryview(self._cipher)
        self._ended = False
        self.error = ""

    @property
    def receive_ns(self) -> int:
        """When bytes were last read from the socket."""
        return self._plain.receive_ns

    @property
    def unsent(self) -> int:
        """How many bytes wait for the socket."""
        return self._plain.unsent

    def shake(self) -> bool:
        """Go on with the handshake as far as the bytes at hand allow."""
        while not self.error:
            try:
                self._engine.do_handshake()
            except ssl.SSLWantReadError:
                if not (self._push() and self._take()):
                    break
            except ssl.SSLError as error:
                self.error = f"TLS: {error}"
                self._push()
            else:
                return self._push()
        if self._ended:
            self.error = self.error or "the peer closed during the TLS handshake"
        return False

    def read(self, buffer: "Buffer") -> int:
        """Read one record into a buffer."""
        while not self.error and not self._ended:
            if self._incoming.pending:
                count = self._decrypt(buffer)
                if count:
                    return count
            elif not self._take():
                break
        return self._outcome()

    def fill(self, reader: FrameReader) -> int:
        """Read one large block of cipher text and decrypt all of it into a frame reader."""
        if self.error or self._ended or not (self._incoming.pending or self._take()):
            return self._outcome()
        before = reader.held
        try:
            self._records.decrypt(reader)
        except ssl.SSLError as error:
            self._note(error)
        self._push()
        return reader.held - before or self._outcome()

    def write(self, block: bytes) -> bool:
        """Encrypt and send."""
        try:
            self._engine.write(block)
        except ssl.SSLError as error:
            self.error = f"TLS: {error}"
            return False
        return self._push()

    def flush(self) -> bool:
        """Send what was kept."""
        return self._push() and self._plain.flush()

    def _decrypt(self, buffer: "Buffer") -> int:
        """Open one record into a buffer; 0 when none is complete, or when there will be no more."""
        try:
            count: int = self._engine.read(RECORD_LIMIT, buffer)  # type: ignore[assignment]  # an int: there is a buffer
        except ssl.SSLError as error:
            self._note(error)
            return 0
        self._ended = count == 0
        return count

    def _note(self, error: ssl.SSLError) -> None:
        """Tell wanting more bytes from the end, and both from a fault."""
        if isinstance(error, ssl.SSLZeroReturnError):
            self._ended = True
        elif not isinstance(error, ssl.SSLWantReadError):
            self.error = f"TLS: {error}"

    def _take(self) -> bool:
        """Bring cipher text from the socket; False when there is none, and why is noted when there will be none."""
        count = self._plain.read(self._cipher)
        if count > 0:
            self._incoming.write(self._cipher_view[:count])
            return True
        self._ended = self._ended or count == 0
        self.error = self.error or self._plain.error
        return False

    def _push(self) -> bool:
        """Hand what TLS has to say to the socket."""
        if not self._outgoing.pending:
            return not self.error
        if self._plain.write(self._outgoing.read()):
            return True
        self.error = self.error or self._plain.error
        return False

    def _outcome(self) -> int:
        """Why no bytes came."""
        if self.error:
            return LOST
        return 0 if self._ended else NOTHING

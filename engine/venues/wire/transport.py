"""The bytes of one connected socket: plain, or through TLS.

TLS works on memory (`ssl.MemoryBIO`) from the first byte, so that both kinds read with the same large non-blocking
recv(2), and one read brings many records:

    socket --receive--> cipher text --incoming--> SSLObject --read--> the reader's own buffer
    socket <--transmit-- outgoing <-------------- SSLObject <--write-- frames

Bytes that the socket does not accept at once are kept, up to a bound. Beyond it the peer does not read, and the
connection is closed: old orders must not be sent later.
"""

import errno
import os
import ssl
from functools import lru_cache
from socket import socket
from typing import TYPE_CHECKING, Protocol

from engine.venues.wire.descriptor import transmit
from engine.venues.wire.frames import FrameReader
from engine.venues.wire.receiver import Receiver, SealedReceiver
from engine.venues.wire.records import Records

if TYPE_CHECKING:
    from typing_extensions import Buffer

NOTHING = -errno.EAGAIN
LOST = -errno.EPROTO


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
        """Send, or keep the bytes that the socket does not accept; False with `error` set when that is not possible."""

    def flush(self) -> bool:
        """Send what was kept; False with `error` set when the connection is lost."""


class PlainTransport(Receiver):
    """A socket without TLS."""

    def __init__(self, connection: socket, outgoing_limit: int) -> None:
        """Move the bytes of a connected, non-blocking socket; the code that opened the socket closes it."""
        super().__init__(connection.fileno())
        self._descriptor = connection.fileno()
        self._outgoing = bytearray()
        self._outgoing_limit = outgoing_limit

    def shake(self) -> bool:
        """Nothing to agree on."""
        return True

    def write(self, block: bytes) -> bool:
        """Send at once what the socket accepts, and keep the rest; bytes kept before go first."""
        if self._outgoing:
            return self._keep(block) and self.flush()
        count = transmit(self._descriptor, block)
        return count == len(block) or self.finish_write(block, count)

    def finish_write(self, block: bytes, count: int) -> bool:
        """Keep what the socket did not accept of a block; False with `error` set when it is lost."""
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
            self.unsent = len(self._outgoing)
        return True

    def _keep(self, rest: bytes) -> bool:
        """Keep what cannot be sent yet, within the bound."""
        if len(self._outgoing) + len(rest) > self._outgoing_limit:
            self.error = f"the peer does not read: {len(self._outgoing)} bytes wait, limit {self._outgoing_limit}"
            return False
        self._outgoing += rest
        self.unsent = len(self._outgoing)
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


class TlsTransport(SealedReceiver):
    """A socket with TLS over it."""

    def __init__(self, plain: PlainTransport, context: ssl.SSLContext, host: str) -> None:
        """Begin TLS as the client of `host` over a connection that carries nothing yet but perhaps a proxy's answer."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        records = Records(context, incoming, outgoing, host)
        super().__init__(plain, records, incoming, outgoing)
        self._plain, self._engine = plain, records.engine

    def shake(self) -> bool:
        """Go on with the handshake as far as the bytes at hand allow."""
        while not self.error:
            try:
                self._engine.do_handshake()
            except ssl.SSLWantReadError:
                if not (self.push() and self.bring()):
                    break
            except ssl.SSLError as error:
                self.error = f"TLS: {error}"
                self.push()
            else:
                return self.push()
        if self.over:
            self.error = self.error or "the peer closed during the TLS handshake"
        return False

    def write(self, block: bytes) -> bool:
        """Encrypt and send."""
        try:
            self._engine.write(block)
        except ssl.SSLError as error:
            self.error = f"TLS: {error}"
            return False
        return self.push()

    def flush(self) -> bool:
        """Send what was kept."""
        return self.push() and self._plain.flush()

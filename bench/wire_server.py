"""The sender of the wire bench: a process that speaks just enough WebSocket to keep a receiver busy.

Frames are made once and sent in large blocks, so that the sender is not what is measured. Over TLS each message is a
record of its own, as a quiet venue sends it, or a record is packed with as many as it holds, as a venue's busy socket
does; a block of records is handed to the socket at once.
"""

import base64
import datetime as dt
import hashlib
import ipaddress
import multiprocessing
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from engine.venues.wire.frames import TEXT, FrameWriter

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FRAMES_A_BLOCK = 64
FRAMES_A_RECORD = 15  # of 1 KB: a record holds 16 KiB


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def write_certificate(folder: Path, host: x509.GeneralName = LOOPBACK, age_days: int = 1) -> tuple[Path, Path]:
    """A certificate for this host, signed by itself so many days ago and valid for two days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    signed = dt.datetime.now(dt.UTC) - dt.timedelta(days=age_days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(signed)
        .not_valid_after(signed + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return paths


class Server:
    """A sender in a process of its own: each connection gets `count` messages of `size` bytes."""

    def __init__(
        self, size: int, count: int, certificate: tuple[Path, Path] | None = None, frames_a_record: int = 1
    ) -> None:
        """Listen, then leave the rest to the other process."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        arguments = (self._listener, size, count, certificate, frames_a_record)
        self._process = multiprocessing.get_context("fork").Process(target=serve, args=arguments, daemon=True)
        self._process.start()

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()
        self._listener.close()


def serve(
    listener: socket.socket, size: int, count: int, certificate: tuple[Path, Path] | None, frames_a_record: int
) -> None:
    """Serve one receiver after another."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    frame = FrameWriter(server=True).encode(TEXT, b"x" * size)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            speak(Channel(connection, context), records(frame, frames_a_record), count)


def records(frame: bytes, frames_a_record: int) -> list[bytes]:
    """One block of frames, as the pieces that become records."""
    full, rest = divmod(FRAMES_A_BLOCK, frames_a_record)
    return [frame * frames_a_record] * full + [frame * rest] * bool(rest)


def speak(channel: "Channel", block: list[bytes], count: int) -> None:
    """Accept the upgrade, send the messages, and wait for the other side to go."""
    try:
        channel.write([switching(channel.read())])
        for _ in range(count // FRAMES_A_BLOCK):
            channel.write(block)
        channel.read()
    except OSError:
        return


def switching(head: bytes) -> bytes:
    """The answer that accepts an upgrade."""
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    accept = base64.b64encode(hashlib.sha1(key.split(b":")[1].strip() + GUID).digest())  # noqa: S324 - RFC 6455 demands SHA-1
    lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
    return b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + accept, b"", b""])


class Channel:
    """A connection that turns each piece of a block into a record of its own where there is TLS."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        """Shake hands."""
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._engine = context.wrap_bio(self._incoming, self._outgoing, server_side=True) if context else None
        while self._engine is not None:
            try:
                self._engine.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._push()
                self._incoming.write(connection.recv(65536))
        self._push()

    def read(self) -> bytes:
        """Read the next bytes from the client."""
        if self._engine is None:
            return self._connection.recv(65536)
        while True:
            try:
                return self._engine.read(65536)
            except ssl.SSLWantReadError:
                block = self._connection.recv(65536)
                if not block:
                    return b""
                self._incoming.write(block)

    def write(self, block: list[bytes]) -> None:
        """Send a block of pieces."""
        if self._engine is None:
            self._connection.sendall(b"".join(block))
            return
        for piece in block:
            self._engine.write(piece)
        self._push()

    def _push(self) -> None:
        """Hand TLS's bytes to the socket."""
        if self._outgoing.pending:
            self._connection.sendall(self._outgoing.read())

"""TLS over a socket: the bytes before a fault are delivered, and the fault keeps its first reason."""

import socket
import ssl
from pathlib import Path

from engine.venues.wire.frames import TEXT, FrameReader, FrameWriter
from engine.venues.wire.transport import LOST, PlainTransport, TlsTransport, tls_context

ROUNDS = 10


def test_a_fault_after_good_records_is_reported_in_its_own_words(certificate: tuple[Path, Path]) -> None:
    """An operator who reads the log must see what was wrong with the bytes, not that no more could be read after it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    incoming, outgoing, writer, reader = ssl.MemoryBIO(), ssl.MemoryBIO(), FrameWriter(server=True), FrameReader()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        transport = TlsTransport(PlainTransport(ours, 1 << 20), tls_context(str(certificate[0])), "localhost")
        shake(transport, server, incoming, outgoing, theirs)
        server.write(writer.encode(TEXT, b"true"))
        good = outgoing.read()
        server.write(writer.encode(TEXT, b"forged"))
        forged = bytearray(outgoing.read())
        forged[-1] ^= 1
        theirs.send(good + forged + forged)
        assert transport.fill(reader) > 0
        assert reader.messages() == [b"true"]
        assert transport.fill(reader) == LOST
        assert "bad record mac" in transport.error.replace("_", " ").lower()


def shake(
    transport: TlsTransport,
    server: ssl.SSLObject,
    incoming: ssl.MemoryBIO,
    outgoing: ssl.MemoryBIO,
    theirs: socket.socket,
) -> None:
    """Carry bytes between the two until both are ready."""
    for _ in range(ROUNDS):
        transport.shake()
        try:
            incoming.write(theirs.recv(1 << 16))
            server.do_handshake()
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        if outgoing.pending:
            theirs.send(outgoing.read())
    assert transport.shake(), transport.error

"""A process that sleeps on a port's descriptor: whatever one poll leaves unread must make it readable again."""

import select
import socket
import ssl
from pathlib import Path

from engine.venues.port import PortState
from engine.venues.wire import WebSocketPort, WireOptions
from engine.venues.wire.frames import TEXT, FrameWriter
from tests.engine.venues.wire.peers import Peer

MESSAGES = [b"%d" % number + b"x" * 1500 for number in range(200)]  # several blocks of the socket, many TLS records


def collect(port: WebSocketPort, at_least: int) -> list[bytes]:
    """Poll only when the descriptor is readable; bytes that it does not announce are never seen."""
    found: list[bytes] = []
    while len(found) < at_least and select.select([port.fileno()], [], [], 2)[0]:
        found += port.poll(0)
    return found


def test_what_came_after_the_upgrade_is_not_left_in_a_buffer(certificate: tuple[Path, Path]) -> None:
    """TLS may hold decrypted or undecrypted records that the kernel no longer shows."""
    peer = Peer()
    port = WebSocketPort(f"wss://localhost:{peer.port}/", WireOptions(ca_file=str(certificate[0])))
    port.poll(0)
    while not select.select([peer.listener], [], [], 0.01)[0]:
        port.poll(0)
    peer.accept()
    peer.connection = Shaken(peer.socket, certificate, port)  # type: ignore[assignment]
    writer = FrameWriter(server=True)
    head = peer.read_head()
    for frame in MESSAGES:
        peer.socket.late.append(writer.encode(TEXT, frame))  # type: ignore[attr-defined]
    peer.accept_upgrade(head)
    assert collect(port, len(MESSAGES)) == MESSAGES
    assert port.state is PortState.OPEN
    port.close()
    peer.close()


class Shaken:
    """The server's end of a TLS connection, shaken in turns with the port; `late` goes out after the first answer."""

    def __init__(self, connection: socket.socket, certificate: tuple[Path, Path], port: WebSocketPort) -> None:
        """Shake hands."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        connection.setblocking(False)
        self._socket = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._engine = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._port = port
        self.late: list[bytes] = []
        self._until(self._engine.do_handshake)

    def recv(self, count: int) -> bytes:
        """The port's messages."""
        return self._until(lambda: self._engine.read(count))  # type: ignore[return-value]

    def sendall(self, block: bytes) -> None:
        """The answer and what is late, each a record of its own, in one block for the socket."""
        for one in (block, *self.late):
            self._engine.write(one)
        self._socket.setblocking(True)
        self._socket.sendall(self._outgoing.read())

    def close(self) -> None:
        """End."""
        self._socket.close()

    def _until(self, step: object) -> object:
        while True:
            try:
                found = step()  # type: ignore[operator]
            except ssl.SSLWantReadError:
                self._push()
                self._port.poll(0)
                if select.select([self._socket], [], [], 0.05)[0]:
                    self._incoming.write(self._socket.recv(1 << 16))
            else:
                self._push()
                return found

    def _push(self) -> None:
        if self._outgoing.pending:
            self._socket.sendall(self._outgoing.read())

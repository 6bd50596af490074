"""A Unix datagram socket: the plainest way the kernel offers, and it keeps records apart."""

import socket

from bench.measure import Receive, Send
from bench.peers.peer import Peer


class DatagramLink:
    """A connected pair; a full receiver blocks the sender, so nothing is lost."""

    def __init__(self, size: int) -> None:
        """One direction."""
        self._writing, self._reading = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._size = size

    def sender(self) -> Send:
        """`socket.send`."""
        return self._writing.send

    def receiver(self) -> Receive:
        """`socket.recv_into` a buffer bound once, spinning: a non-blocking look costs less than being woken."""
        buffer, reading = bytearray(self._size), self._reading
        reading.setblocking(False)

        def receive() -> None:
            while True:
                try:
                    reading.recv_into(buffer)
                except BlockingIOError:
                    continue
                return

        return receive

    def close(self) -> None:
        """Close both ends here."""
        self._writing.close()
        self._reading.close()


PEER = Peer("Unix datagram socket", DatagramLink, records=100_000, gap_ns=100_000)

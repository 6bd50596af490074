"""pyzmq over ipc: PUSH and PULL, which hold the sender back instead of dropping."""

import os
import tempfile

from bench.measure import Receive, Send
from bench.peers.peer import Peer


class ZmqLink:
    """Each side makes its own context after the fork."""

    def __init__(self, _size: int) -> None:
        """An address of our own."""
        self._directory = tempfile.TemporaryDirectory(prefix="bench-zmq-")
        self._address = f"ipc://{self._directory.name}/link"

    def sender(self) -> Send:
        """`Socket.send` without tracking; copying is faster for records this small."""
        import zmq

        socket = zmq.Context().socket(zmq.PUSH)
        socket.bind(self._address)
        return socket.send

    def receiver(self) -> Receive:
        """`Socket.recv`."""
        import zmq

        socket = zmq.Context().socket(zmq.PULL)
        socket.connect(self._address)
        return socket.recv

    def close(self) -> None:
        """Remove the address."""
        if os.path.isdir(self._directory.name):
            self._directory.cleanup()


PEER = Peer("pyzmq ipc", ZmqLink, records=200_000, gap_ns=200_000, modules=("zmq",))

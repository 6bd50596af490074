"""The standard library's own: multiprocessing.Pipe and multiprocessing.Queue."""

import multiprocessing

from bench.measure import Receive, Send
from bench.peers.peer import Peer

FORK = multiprocessing.get_context("fork")


class PipeLink:
    """Both ends are inherited; bytes go as they are, without pickle."""

    def __init__(self, _size: int) -> None:
        """One direction."""
        self._reading, self._writing = FORK.Pipe(duplex=False)

    def sender(self) -> Send:
        """`Connection.send_bytes`."""
        return self._writing.send_bytes

    def receiver(self) -> Receive:
        """`Connection.recv_bytes`."""
        return self._reading.recv_bytes

    def close(self) -> None:
        """Close both ends here."""
        self._reading.close()
        self._writing.close()


class QueueLink:
    """A queue with a feeder thread in the sender, as everyone uses it."""

    def __init__(self, _size: int) -> None:
        """Unbounded: the feeder's pipe holds the sender back no sooner than memory does."""
        self._queue: multiprocessing.Queue[bytes] = FORK.Queue()

    def sender(self) -> Send:
        """`Queue.put`."""
        return self._queue.put

    def receiver(self) -> Receive:
        """`Queue.get`."""
        return self._queue.get

    def close(self) -> None:
        """Let the queue go."""
        self._queue.close()


PIPE = Peer("multiprocessing.Pipe", PipeLink, records=80_000, gap_ns=100_000)
QUEUE = Peer("multiprocessing.Queue", QueueLink, records=30_000, gap_ns=200_000)

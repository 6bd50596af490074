"""faster-fifo: a queue in shared memory under a lock."""

from bench.measure import Receive, Send
from bench.peers.peer import Peer


class FifoLink:
    """Bytes through `put` and `get`, with its own fast path for bytes where it has one."""

    def __init__(self, size: int) -> None:
        """As large as the queue's default."""
        import faster_fifo

        same = {"dumps": lambda value: value, "loads": bytes}
        self._queue = faster_fifo.Queue(max_size_bytes=4 << 20, **same)
        self._size = size

    def sender(self) -> Send:
        """`Queue.put`."""
        return self._queue.put

    def receiver(self) -> Receive:
        """`Queue.get`."""
        return self._queue.get

    def close(self) -> None:
        """Let it go."""
        self._queue.close()


PEER = Peer("faster-fifo", FifoLink, records=60_000, gap_ns=200_000, modules=("faster_fifo",))

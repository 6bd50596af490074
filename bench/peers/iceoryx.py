"""iceoryx2's Python package: publish and subscribe in shared memory, held back rather than overflowing."""

import ctypes
import tempfile
from pathlib import Path
from typing import Any

from bench.measure import Receive, Send
from bench.peers.peer import Peer

BUFFER = 1024
MEMORY = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lives


class IceoryxLink:
    """A service of one publisher and one subscriber; each side makes its own node after the fork.

    It lives under a root and a prefix of its own, so that nothing of it is left when its processes are killed.
    """

    def __init__(self, size: int) -> None:
        """A root of our own."""
        self._size = size
        self._root = tempfile.TemporaryDirectory(prefix="bench-iceoryx-")
        self._prefix = Path(self._root.name).name
        self._kept: list[object] = []

    def _service(self) -> Any:
        import iceoryx2 as iox

        iox.set_log_level(iox.LogLevel.Fatal)
        config = iox.config.default()
        config.global_cfg.root_path = iox.Path.new(self._root.name)
        config.global_cfg.prefix = iox.FileName.new(self._prefix)
        node = iox.NodeBuilder.new().config(config).create(iox.ServiceType.Ipc)
        service = (
            node.service_builder(iox.ServiceName.new("bench")).publish_subscribe(self._record())
            .enable_safe_overflow(False).subscriber_max_buffer_size(BUFFER).open_or_create()
        )  # fmt: skip
        self._kept += [node, service]
        return service

    def _record(self) -> type[ctypes.Structure]:
        return type("BenchRecord", (ctypes.Structure,), {"_fields_": [("body", ctypes.c_uint8 * self._size)]})

    def sender(self) -> Send:
        """`Publisher.send_copy` of a structure that is bound once."""
        import iceoryx2 as iox

        builder = (
            self._service().publisher_builder().backpressure_strategy(iox.BackpressureStrategy.RetryUntilDelivered)
        )
        send_copy, body, size = builder.create().send_copy, self._record()(), self._size
        address = ctypes.addressof(body)

        def send(payload: bytes) -> None:
            ctypes.memmove(address, payload, size)
            send_copy(body)

        return send

    def receiver(self) -> Receive:
        """`Subscriber.receive`, spinning, and a copy of the record as bytes."""
        receive_sample, size = self._service().subscriber_builder().create().receive, self._size

        def receive() -> bytes:
            while (sample := receive_sample()) is None:
                pass
            record = ctypes.string_at(sample.payload_ptr, size)
            sample.delete()
            return record

        return receive

    def close(self) -> None:
        """Remove what its killed processes left."""
        self._root.cleanup()
        for left in MEMORY.glob(f"{self._prefix}*"):
            left.unlink(missing_ok=True)


PEER = Peer("iceoryx2", IceoryxLink, records=60_000, gap_ns=50_000, modules=("iceoryx2",))

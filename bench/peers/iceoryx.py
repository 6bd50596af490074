"""iceoryx2's Python package: publish and subscribe in shared memory, held back rather than overflowing."""

import ctypes
import uuid

from bench.measure import Receive, Send
from bench.peers.peer import Peer

BUFFER = 1024


class IceoryxLink:
    """A service of one publisher and one subscriber; each side makes its own node after the fork."""

    def __init__(self, size: int) -> None:
        """A service name of our own."""
        self._size = size
        self._name = f"bench/{uuid.uuid4().hex}"
        self._kept: list[object] = []

    def _service(self) -> tuple[object, type[ctypes.Structure]]:
        import iceoryx2

        iceoryx2.set_log_level(iceoryx2.LogLevel.Fatal)
        record = type("BenchRecord", (ctypes.Structure,), {"_fields_": [("body", ctypes.c_uint8 * self._size)]})
        node = iceoryx2.NodeBuilder.new().create(iceoryx2.ServiceType.Ipc)
        service = (
            node.service_builder(iceoryx2.ServiceName.new(self._name)).publish_subscribe(record)
            .enable_safe_overflow(False).subscriber_max_buffer_size(BUFFER).open_or_create()
        )  # fmt: skip
        self._kept += [node, service]
        return service, record

    def sender(self) -> Send:
        """`Publisher.send_copy`."""
        import iceoryx2

        service, record = self._service()
        publisher = (
            service.publisher_builder().backpressure_strategy(iceoryx2.BackpressureStrategy.RetryUntilDelivered).create()  # type: ignore[attr-defined]
        )
        body, send_copy = record(), publisher.send_copy
        size, address = self._size, ctypes.addressof(body)

        def send(payload: bytes) -> None:
            ctypes.memmove(address, payload, size)
            send_copy(body)

        return send

    def receiver(self) -> Receive:
        """`Subscriber.receive`, spinning, and a copy of the record as bytes."""
        service, _ = self._service()
        take, size, string_at = service.subscriber_builder().create().receive, self._size, ctypes.string_at  # type: ignore[attr-defined]

        def receive() -> bytes:
            while (sample := take()) is None:
                pass
            record = string_at(sample.payload_ptr, size)
            sample.delete()
            return record

        return receive

    def close(self) -> None:
        """Nothing is held here: the service goes with its processes."""


PEER = Peer("iceoryx2", IceoryxLink, records=60_000, gap_ns=50_000, modules=("iceoryx2",))

"""One request to a venue, and its answer, by the engine's own connections: proxy, trust and TLS are those of a role."""

import time
from typing import Protocol

from engine.venues.port import Response
from engine.venues.wire.http_port import HttpPort
from engine.venues.wire.options import HttpOptions
from engine.venues.wire.waiter import Waiter

LIMIT_NS = 3_000_000_000
WAIT_NS = 50_000_000


class Network(Protocol):
    """Asks venues."""

    def get(self, url: str, target: str, headers: dict[str, str]) -> tuple[Response, int, int]:
        """The answer to a request, and the monotonic times before and after it."""


class RealNetwork:
    """Asks over the network; an answer that does not come in time has status 0."""

    def get(self, url: str, target: str, headers: dict[str, str]) -> tuple[Response, int, int]:
        """Send the request and wait for its answer; the times span the connection's setup, if there is one."""
        port = HttpPort(url, HttpOptions(request_timeout_ns=LIMIT_NS, connect_timeout_ns=LIMIT_NS))
        waiter = Waiter([port])
        try:
            began_ns = time.monotonic_ns()
            port.request("GET", target, headers, b"", began_ns)
            while not (answers := port.poll(time.monotonic_ns())):
                waiter.wait(WAIT_NS)
            return answers[0], began_ns, time.monotonic_ns()
        finally:
            waiter.close()
            port.close()

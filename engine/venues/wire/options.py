"""How a connection to any venue is made: trust, the way out, and the bounds of time and memory.

No key of the configuration sets these; execution sets `loopback_only` by the mode of the system.
"""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that connections go through by CONNECT."""

    host: str
    port: int
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class WireOptions:
    """Where trust comes from, the way out, and the bounds in time and memory."""

    ca_file: str = ""  # empty: the system's certificates
    proxy: Proxy | None = None
    loopback_only: bool = False  # connect to no address but this machine's own, and through no proxy
    connect_timeout_ns: int = 10_000_000_000
    message_limit: int = 16 << 20  # a full book of some venue is 5 MB in one message
    outgoing_limit: int = 1 << 20


@dataclass(frozen=True, slots=True)
class HttpOptions(WireOptions):
    """Bounds of a request port beside those of its connections."""

    request_timeout_ns: int = 10_000_000_000  # from asking to the last byte of the answer
    connection_limit: int = 4
    backlog_limit: int = 256


class Interest(NamedTuple):
    """What a port waits for: one descriptor, whether it also has bytes to get rid of, and which life of it."""

    descriptor: int
    write: bool
    serial: int  # a number the system gives again is another socket

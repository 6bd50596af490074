"""Bringing a connection up, one step at a time and never waiting.

    name -> addresses -> TCP -> [proxy: CONNECT] -> [TLS] -> ready

Each step is tried at each `advance`; the first that is not done ends the call. A name is looked up in a thread of its
own, because the system's resolver only knows how to wait; it touches nothing but its own result.
"""

import errno
import ipaddress
import os
import socket
from dataclasses import dataclass
from itertools import count
from select import POLLOUT, poll
from threading import Thread
from urllib.parse import urlsplit

from engine.venues.wire.options import Interest, WireOptions
from engine.venues.wire.transport import NOTHING, PlainTransport, TlsTransport, Transport, tls_context
from engine.venues.wire.upgrade import tunnel

SECURE_SCHEMES = {"ws": False, "http": False, "wss": True, "https": True}

_serials = count(1)
_turns = count()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads."""

    host: str
    port: int
    secure: bool
    target: str

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @classmethod
    def of(cls, url: str) -> "Place":
        """The parts of a ws, wss, http or https URL; ValueError for any other text."""
        parts = urlsplit(url)
        if parts.scheme not in SECURE_SCHEMES or not parts.hostname:
            message = f"expected a ws, wss, http or https URL, was {url!r}"
            raise ValueError(message)
        secure = SECURE_SCHEMES[parts.scheme]
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, parts.port or (443 if secure else 80), secure, target)


def is_loopback(address: str) -> bool:
    """Whether a numeric address is this machine's own: 127.0.0.0/8 or ::1, also written as IPv6."""
    number = ipaddress.ip_address(address.partition("%")[0])
    mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
    return (mapped or number).is_loopback


Address = tuple[socket.AddressFamily, tuple[str, int]]


class Lookup:
    """The addresses of a name, when the resolver has answered; a numeric address is its own answer."""

    def __init__(self, host: str, port: int) -> None:
        """Ask at once, in a thread unless the host is a number."""
        self.addresses: list[Address] | None = None
        self.error = ""
        self._ask(host, port, socket.AI_NUMERICHOST)
        if self.error:
            self.error = ""
            Thread(target=self._ask, args=(host, port, 0), daemon=True, name=f"lookup-{host}").start()

    def _ask(self, host: str, port: int, flags: int) -> None:
        """Ask the resolver."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
        except (OSError, UnicodeError) as error:
            self.error = f"no address for {host}: {error}"
        else:
            self.addresses = [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


class Dial:
    """One connection on its way up; `transport` is set when `advance` has returned True."""

    def __init__(self, place: Place, options: WireOptions) -> None:
        """Begin with the lookup of the place, or of the proxy before it."""
        self.transport: Transport | None = None
        self.ready = False
        self.error = ""
        self._place = place
        self._options = options
        self._socket: socket.socket | None = None
        self._serial = 0
        self._connecting = False
        first = options.proxy or place
        self._lookup = Lookup(first.host, first.port)
        if options.loopback_only and options.proxy:
            self.error = f"{place.host} would be reached through the proxy {first.host}, only loopback may be"
        self._tunnel = tunnel(place.host, place.port, options.proxy) if options.proxy else None
        self._step = self._look_up

    def advance(self) -> bool:
        """Go as far as possible without waiting; True when the connection is ready."""
        while not self.ready and not self.error and self._step():
            pass
        return self.ready

    def interests(self) -> list[Interest]:
        """What to wait for; nothing while the name is looked up."""
        if self._socket is None:
            return []
        unsent = self._connecting or (self.transport is not None and self.transport.unsent > 0)
        return [Interest(self._socket.fileno(), unsent, self._serial)]

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _look_up(self) -> bool:
        """Wait for the addresses. Each dial begins at another: one that never answers must not hide the others."""
        self.error = self._lookup.error
        self._step = self._connect
        if self._lookup.addresses is None:
            self._step = self._look_up
            return False
        first = next(_turns) % len(self._lookup.addresses)
        self._lookup.addresses = self._lookup.addresses[first:] + self._lookup.addresses[:first]
        return True

    def _connect(self) -> bool:
        """Knock at the next address; the last refusal is the error."""
        assert self._lookup.addresses is not None
        self.close()
        family, address = self._lookup.addresses.pop(0)
        if self._options.loopback_only and not is_loopback(address[0]):
            self.error = f"{self._place.host} is {address[0]}, only loopback addresses may be connected to"
            return False
        try:
            self._socket = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # the resolver returns IPv6 addresses also to a system without IPv6
            return self._refused(error.errno or errno.EAFNOSUPPORT)
        self._serial = next(_serials)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        result = self._socket.connect_ex(address)
        if result not in (0, errno.EINPROGRESS):
            return self._refused(result)
        self._connecting = True
        self._step = self._arrive
        return True

    def _arrive(self) -> bool:
        """Wait for TCP."""
        assert self._socket is not None
        waiting = poll()
        waiting.register(self._socket, POLLOUT)
        if not waiting.poll(0):
            return False
        self._connecting = False
        result = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if result:
            return self._refused(result)
        self._plain = PlainTransport(self._socket, self._options.outgoing_limit)
        self.transport = self._plain
        self._step = self._secure
        if self._tunnel is not None:
            self.transport.write(self._tunnel.request)
            self._step = self._pass_proxy
        return True

    def _refused(self, result: int) -> bool:
        """Go on with the next address, or give up with this one's reason."""
        assert self._lookup.addresses is not None
        self._step = self._connect
        if not self._lookup.addresses:
            self.error = os.strerror(result)
        return True

    def _pass_proxy(self) -> bool:
        """Wait for the proxy to let us through."""
        assert self._tunnel is not None
        block = bytearray(4096)
        count = self._plain.read(block)
        if count == NOTHING:
            return False
        if count <= 0:
            self.error = f"proxy: {self._plain.error or 'closed before it answered'}"
            return False
        rest = self._tunnel.read_answer(bytes(block[:count]))
        self._step = self._secure if rest is not None else self._pass_proxy
        if rest or self._tunnel.error:
            self.error = f"proxy: {self._tunnel.error or 'unexpected bytes after its answer'}"
        return True

    def _secure(self) -> bool:
        """Begin TLS where it is asked for."""
        if self._place.secure:
            try:
                context = tls_context(self._options.ca_file)
            except OSError as error:
                self.error = f"certificates {self._options.ca_file!r}: {error}"
                return False
            self.transport = TlsTransport(self._plain, context, self._place.host)
        self._step = self._shake
        return True

    def _shake(self) -> bool:
        """Wait for TLS."""
        assert self.transport is not None
        self.ready = self.transport.shake()
        self.error = self.transport.error
        return False

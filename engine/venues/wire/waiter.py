"""Sleeping until a port has something to read, or room to send; or not sleeping at all.

A blocking wake costs some 20 µs, so a role with a core of its own spins: then `wait` returns at once and the ports'
own polls ask the sockets. The kernel's wait counts whole milliseconds, so a timeout is rounded up to the next.
"""

import select
from collections.abc import Sequence
from typing import Protocol

from engine.venues.wire.options import Interest

READ = select.EPOLLIN
READ_WRITE = select.EPOLLIN | select.EPOLLOUT


class Waitable(Protocol):
    """A port as the waiter sees it."""

    def interests(self) -> list[Interest]:
        """The descriptors to wait for; empty when there is nothing to wait for."""


class Waiter:
    """Waits for several ports at once; their sockets may come and go between the waits."""

    def __init__(self, ports: Sequence[Waitable] = (), *, spin: bool = False) -> None:
        """Wait for these; `spin` is for a role with a core of its own."""
        self.ports = list(ports)
        self._spin = spin
        self._epoll = select.epoll()
        self._registered: dict[int, Interest] = {}

    def wait(self, timeout_ns: int) -> bool:
        """True when a port is worth a poll, False when the time ran out first."""
        if self._spin:
            return True
        self._register()
        return bool(self._epoll.poll(timeout_ns / 1e9))

    def close(self) -> None:
        """Close the epoll descriptor; the ports stay open."""
        self._epoll.close()

    def _register(self) -> None:
        """Make the kernel's list equal to the ports' interests."""
        wanted = {interest.descriptor: interest for port in self.ports for interest in port.interests()}
        if wanted == self._registered:
            return
        for descriptor in self._registered.keys() - wanted.keys():
            self._forget(descriptor)
        for descriptor, interest in wanted.items():
            self._follow(interest, self._registered.get(descriptor))
        self._registered = wanted

    def _follow(self, interest: Interest, before: Interest | None) -> None:
        """Register one descriptor, or change what is waited for."""
        events = READ_WRITE if interest.write else READ
        if before is not None and before.serial == interest.serial:
            self._epoll.modify(interest.descriptor, events)
            return
        if before is not None:
            self._forget(interest.descriptor)
        self._epoll.register(interest.descriptor, events)

    def _forget(self, descriptor: int) -> None:
        """Remove one descriptor; the kernel has removed it already if the socket was closed."""
        try:
            self._epoll.unregister(descriptor)
        except OSError:
            return

"""The feed role: every venue's feed in one process, advanced together."""

from typing import Protocol

from engine.feed.connection.ports import SocketPorts
from engine.feed.feed import Feed


class Pages(Protocol):
    """A writer of a large ring."""

    def populate(self) -> bool:
        """Map some of its pages now instead of at their first use; False when all are mapped."""


class FeedRole:
    """The feeds of one process, and the sockets that wake it."""

    def __init__(self, name: str, feeds: list[Feed], ports: list[SocketPorts], frames: Pages | None = None) -> None:
        """Advance these feeds over these ports. Steps without work map the pages of `frames`: a start does not wait."""
        self.name, self.feeds, self._ports, self._warm_turn = name, feeds, ports, 0
        self._stepped_ns = 0
        self._unmapped = frames
        self._patience_ns = min((feed.config.stale_ns for feed in feeds), default=0)

    def step(self, now_ns: int) -> int:
        """Step each feed once; after a standstill of the whole process, drop what waits in the sockets first."""
        if now_ns - self._stepped_ns > self._patience_ns and self._stepped_ns:
            for feed in self.feeds:
                feed.resume(now_ns, now_ns - self._stepped_ns)
        self._stepped_ns = now_ns
        work = 0
        for feed in self.feeds:
            work += feed.step(now_ns)
        if not work and self._unmapped is not None and not self._unmapped.populate():
            self._unmapped = None
        return work

    def warm(self, now_ns: int) -> None:
        """Warm one feed, the next one at the next call."""
        self._warm_turn += 1
        if self.feeds:
            self.feeds[self._warm_turn % len(self.feeds)].warm(now_ns)

    def lag(self) -> int:
        """Zero: its inputs are sockets, not lanes."""
        return 0

    def error_count(self) -> int:
        """How many frames could not be read, and how many connections were lost."""
        return sum(feed.error_count() for feed in self.feeds)

    def drain(self, now_ns: int) -> bool:
        """Publish DISCONNECTED for every book of every venue."""
        return all([feed.drain(now_ns) for feed in self.feeds])  # noqa: C419 - each is drained

    def close(self) -> None:
        """Close the connections to the venues."""
        for feed in self.feeds:
            feed.close()

    def filenos(self) -> list[int]:
        """Return the descriptors that wake a sleeping process."""
        return [number for ports in self._ports for number in ports.filenos()]

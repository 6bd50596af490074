"""A venue's own channel of instruments, over a connection of its own: a snapshot, then each change as it happens.

    connect ─▶ subscribe ─▶ snapshot ─▶ updates …         `read` returns the whole listing when it has changed
      ▲           ▲                       │ at intervals: subscribed again, because removals are not announced
      └── fail ◀──┴── no snapshot, silent, closed, rejected

Books have another connection: there are no books before the decimals are known, and a snapshot of all pairs is a large
frame. An update may hold a part of a pair; it is merged into what is known. While the channel fails, `failed` is true
and the last listing stays valid; its user requests the metadata in another way.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from engine.feed.config import SECOND_NS, FeedConfig
from engine.venues.dialect import InstrumentChannel, Listing, Notice, Unreadable, guarded
from engine.venues.pace.backoff import Backoff
from engine.venues.port import PortState, StreamPort

READ_NS = SECOND_NS // 100  # how often the connection is read: no decision needs a status sooner
PING_NS = 5 * SECOND_NS  # a connection without a byte for this long gets a ping
MUTE_NS = 15 * SECOND_NS  # without an answer it is dropped
LOG = logging.getLogger("steelyard.feed")


class InstrumentStream:
    """The channel of one venue, for the symbols of one feed."""

    def __init__(self, config: FeedConfig, channel: InstrumentChannel, stream: Callable[[str], StreamPort]) -> None:
        """Begin without a connection."""
        self._config, self._channel, self._stream = config, channel, stream
        self._backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed + 2)
        self._port: StreamPort | None = None
        self._entries: dict[str, Mapping[str, Any]] = {}
        self._whole = self._open = self._news = self._subscribed = False
        self._next_read_ns = self._begin_ns = self._subscribe_ns = 0
        self._deadline_ns = self._alive_ns = self._ping_ns = self._read_ns = 0
        self.failed = False
        self.venue_closed = False  # the venue accepts no orders, by its last message on this connection or one before

    @property
    def is_live(self) -> bool:
        """Whether it has a snapshot and receives changes."""
        return self._whole and not self.failed

    def read(self, now_ns: int) -> Listing | None:
        """Read and maintain the connection; return the listing if it changed since the last call."""
        if now_ns < self._next_read_ns:
            return None
        self._next_read_ns = now_ns + READ_NS
        if self._port is None:
            if now_ns >= self._begin_ns:
                self._connect(now_ns)
            return None
        self._read_frames(self._port, now_ns)
        if self._port is not None:
            self._maintain(self._port, now_ns)
        if not self._news or not self._whole:
            return None
        self._news = False
        return self._listing()

    def renew(self) -> None:
        """Subscribe again for a snapshot as soon as possible."""
        self._subscribe_ns = 0

    def close(self) -> None:
        """Close the connection."""
        if self._port is not None:
            self._port.close()

    def _connect(self, now_ns: int) -> None:
        self._port = self._stream(self._channel.target)
        self._whole, self._open, self._subscribed, self._subscribe_ns = False, True, False, 0
        self._deadline_ns = now_ns + self._config.subscribe_ns
        self._alive_ns = self._ping_ns = now_ns
        self._read_ns = self._port.receive_ns

    def _read_frames(self, port: StreamPort, now_ns: int) -> None:
        frames = port.poll(now_ns)
        if frames or port.receive_ns != self._read_ns:
            self._alive_ns, self._read_ns = now_ns, port.receive_ns
        for frame in frames:
            notice = guarded(partial(self._read_notice, frame))
            if isinstance(notice, Unreadable):
                self._fail(f"instruments that cannot be read: {notice.text}", now_ns)
            elif notice is not None:
                self._apply(notice, now_ns)
            if self._port is None:
                return

    def _read_notice(self, frame: bytes) -> Notice | None:
        """Read a frame; refuse entries that are not tables."""
        notice = self._channel.notice(frame)
        if notice is not None:
            _check_entries(notice)
        return notice

    def _apply(self, notice: Notice, now_ns: int) -> None:
        if notice.refusal:
            self._fail(notice.refusal, now_ns)
            return
        if notice.open is not None:
            self.venue_closed = not notice.open
        if notice.open is not None and notice.open != self._open:
            self._open, self._news = notice.open, True
            LOG.warning("%s: the venue %s", self._config.name, "is open" if notice.open else "accepts no new orders")
        mine = {symbol: entry for symbol, entry in notice.entries.items() if symbol in self._config.symbols}
        if notice.whole:
            self._entries, self._whole, self._news = mine, True, True
            self.venue_closed = not self._open
            self._deadline_ns = 0
            self.failed = False
            self._backoff.reset()
        elif mine and self._whole:
            self._entries |= {symbol: {**self._entries.get(symbol, {}), **entry} for symbol, entry in mine.items()}
            self._news = True

    def _listing(self) -> Listing:
        """Return the listing; nothing is tradable while the whole venue accepts no orders."""
        listing = self._channel.listing(self._entries, self._config.symbols)
        if self._open:
            return listing
        return replace(listing, instruments=tuple(replace(one, trading=False) for one in listing.instruments))

    def _maintain(self, port: StreamPort, now_ns: int) -> None:
        """Send what is due, and check for silence and the end."""
        if port.state == PortState.CLOSED:
            self._fail(f"closed: {port.error or 'by the venue'}", now_ns)
        elif self._deadline_ns and now_ns > self._deadline_ns:
            self._fail("no instruments in time", now_ns)
        elif now_ns - self._alive_ns > MUTE_NS:
            self._fail("connected, but silent", now_ns)
        elif port.state == PortState.OPEN:
            self._send_next(port, now_ns)

    def _send_next(self, port: StreamPort, now_ns: int) -> None:
        if now_ns >= self._subscribe_ns:
            again, self._subscribed = self._subscribed, True
            self._subscribe_ns = now_ns + self._config.instruments_ns
            if again and port.recorded:  # a recording does not answer
                return
            self._deadline_ns = now_ns + self._config.subscribe_ns
            if (again and not port.send(self._channel.unsubscribe())) or not port.send(self._channel.subscribe()):
                self._fail("a message could not be sent", now_ns)
        elif now_ns - max(self._alive_ns, self._ping_ns) > PING_NS:
            self._ping_ns = now_ns
            port.send(self._channel.ping())

    def _fail(self, reason: str, now_ns: int) -> None:
        """Close the connection; the next one begins after a pause."""
        LOG.warning("%s: the channel of instruments: %s", self._config.name, reason)
        if self._port is not None:
            self._port.close()
        self._port, self.failed = None, True
        self._begin_ns = now_ns + self._backoff.next_ns()


def _check_entries(notice: Notice) -> None:
    """Refuse an entry that is not a table: it could not be merged into another."""
    for symbol, entry in notice.entries.items():
        if not isinstance(entry, dict):
            msg = f"{symbol}: expected a table of an instrument's properties, was {entry!r:.100}"
            raise ValueError(msg)  # noqa: TRY004 - the venue's text is wrong, not the program

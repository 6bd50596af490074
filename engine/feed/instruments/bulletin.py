"""A venue's own channel of instruments, over a connection of its own: a snapshot, then each change when it comes.

    begin ─▶ subscribe ─▶ snapshot ─▶ updates …          `take` returns what changed, as a whole listing
      ▲          ▲                       │ now and then: subscribed anew, for what leaves the list is not announced
      └── fail ◀─┴── no snapshot, mute, closed, refused

Books are not on this connection: whoever waits for decimals has none, and a snapshot of all pairs is a large frame. An
update may hold a part of a pair; it is laid over what was known. While the channel is away `failed` is true, and
what it said last stays what is known: whoever listens asks the venue in another way.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from engine.feed.config import SECOND_NS, FeedConfig
from engine.feed.pace.backoff import Backoff
from engine.venues.dialect import InstrumentChannel, Listing, Notice, Unreadable, guarded
from engine.venues.port import PortState, StreamPort

LOOK_NS = SECOND_NS // 100  # how often frames are looked for: nobody trades faster than this on a status
PING_NS = 5 * SECOND_NS  # a connection this long without a byte is asked whether it lives
MUTE_NS = 15 * SECOND_NS  # and left when it does not say so
LOG = logging.getLogger("steelyard.feed")


class Bulletin:
    """The channel of one venue, for the symbols of one feed."""

    def __init__(self, config: FeedConfig, channel: InstrumentChannel, stream: Callable[[str], StreamPort]) -> None:
        """Nothing begun."""
        self._config, self._channel, self._stream = config, channel, stream
        self._backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed + 2)
        self._port: StreamPort | None = None
        self._entries: dict[str, Mapping[str, Any]] = {}
        self._whole = self._open = self._news = self._asked = False
        self._look_ns = self._begin_ns = self._ask_ns = 0
        self._deadline_ns = self._alive_ns = self._ping_ns = self._read_ns = 0
        self.failed = False
        self.shut = False  # the whole venue takes no orders: what it said last, on this connection or on one before

    @property
    def standing(self) -> bool:
        """Whether it has a snapshot, and hears what changes."""
        return self._whole and not self.failed

    def take(self, now_ns: int) -> Listing | None:
        """Look after the connection; what is listed, when that is not what it was at the last call."""
        if now_ns < self._look_ns:
            return None
        self._look_ns = now_ns + LOOK_NS
        if self._port is None:
            if now_ns >= self._begin_ns:
                self._begin(now_ns)
            return None
        self._read(self._port, now_ns)
        if self._port is not None:
            self._tend(self._port, now_ns)
        if not self._news or not self._whole:
            return None
        self._news = False
        return self._listing()

    def renew(self) -> None:
        """Ask for a snapshot anew as soon as possible."""
        self._ask_ns = 0

    def close(self) -> None:
        """Let the connection go."""
        if self._port is not None:
            self._port.close()

    def _begin(self, now_ns: int) -> None:
        self._port = self._stream(self._channel.target)
        self._whole, self._open, self._asked, self._ask_ns = False, True, False, 0
        self._deadline_ns = now_ns + self._config.subscribe_ns
        self._alive_ns = self._ping_ns = now_ns
        self._read_ns = self._port.receive_ns

    def _read(self, port: StreamPort, now_ns: int) -> None:
        frames = port.poll(now_ns)
        if frames or port.receive_ns != self._read_ns:
            self._alive_ns, self._read_ns = now_ns, port.receive_ns
        for frame in frames:
            notice = guarded(partial(self._read_notice, frame))
            if isinstance(notice, Unreadable):
                self._fail(f"instruments that cannot be read: {notice.text}", now_ns)
            elif notice is not None:
                self._note(notice, now_ns)
            if self._port is None:
                return

    def _read_notice(self, frame: bytes) -> Notice | None:
        """A frame understood, with entries that are tables."""
        notice = self._channel.notice(frame)
        if notice is not None:
            _refuse_strange(notice)
        return notice

    def _note(self, notice: Notice, now_ns: int) -> None:
        if notice.refusal:
            self._fail(notice.refusal, now_ns)
            return
        if notice.open is not None:
            self.shut = not notice.open
        if notice.open is not None and notice.open != self._open:
            self._open, self._news = notice.open, True
            LOG.warning("%s: the venue %s", self._config.name, "is open" if notice.open else "takes no new orders")
        mine = {symbol: entry for symbol, entry in notice.entries.items() if symbol in self._config.symbols}
        if notice.whole:
            self._entries, self._whole, self._news = mine, True, True
            self.shut = not self._open
            self._deadline_ns = 0
            self.failed = False
            self._backoff.reset()
        elif mine and self._whole:
            self._entries |= {symbol: {**self._entries.get(symbol, {}), **entry} for symbol, entry in mine.items()}
            self._news = True

    def _listing(self) -> Listing:
        """What is listed; nothing of it may be traded while the whole venue takes no orders."""
        listing = self._channel.listing(self._entries, self._config.symbols)
        if self._open:
            return listing
        return replace(listing, instruments=tuple(replace(one, trading=False) for one in listing.instruments))

    def _tend(self, port: StreamPort, now_ns: int) -> None:
        """See to what is to be said, to silence and to the end."""
        if port.state == PortState.CLOSED:
            self._fail(f"closed: {port.error or 'by the venue'}", now_ns)
        elif self._deadline_ns and now_ns > self._deadline_ns:
            self._fail("no instruments in time", now_ns)
        elif now_ns - self._alive_ns > MUTE_NS:
            self._fail("connected, but mute", now_ns)
        elif port.state == PortState.OPEN:
            self._speak(port, now_ns)

    def _speak(self, port: StreamPort, now_ns: int) -> None:
        if now_ns >= self._ask_ns:
            again, self._asked = self._asked, True
            self._ask_ns = now_ns + self._config.instruments_ns
            if again and port.recorded:  # a recording does not answer
                return
            self._deadline_ns = now_ns + self._config.subscribe_ns
            if (again and not port.send(self._channel.unsubscribe())) or not port.send(self._channel.subscribe()):
                self._fail("a message could not be sent", now_ns)
        elif now_ns - max(self._alive_ns, self._ping_ns) > PING_NS:
            self._ping_ns = now_ns
            port.send(self._channel.ping())

    def _fail(self, reason: str, now_ns: int) -> None:
        """It cannot go on; begin another one after a while."""
        LOG.warning("%s: the channel of instruments: %s", self._config.name, reason)
        if self._port is not None:
            self._port.close()
        self._port, self.failed = None, True
        self._begin_ns = now_ns + self._backoff.next_ns()


def _refuse_strange(notice: Notice) -> None:
    """An entry that is no table cannot be laid over another."""
    for symbol, entry in notice.entries.items():
        if not isinstance(entry, dict):
            msg = f"{symbol}: expected a table of what is listed, was {entry!r:.100}"
            raise ValueError(msg)  # noqa: TRY004 - the venue's text is wrong, not the program

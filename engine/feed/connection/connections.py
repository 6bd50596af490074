"""The connections of one feed: the first one and its standby, and the change from one to the other.

    connect ─▶ first ──lost──▶ standby there? ── yes ─▶ the standby becomes the first connection
                                              └─ no ──▶ DISCONNECTED, and the next attempt after a pause

The books are those of the pipeline of the listed symbols; a takeover by a shadow pipeline replaces it there.
"""

import logging
from collections.abc import Iterable
from typing import Protocol

from engine.feed.books.pipeline import Pipeline
from engine.feed.config import FeedConfig
from engine.feed.connection.link import Link
from engine.feed.connection.snapshots import Snapshots
from engine.feed.connection.standby import Standby
from engine.feed.instruments.listed_symbols import NOTHING_MISSING, ListedSymbols
from engine.meters import current as meters
from engine.meters.table import place_of
from engine.venues.dialect import Dialect
from engine.venues.pace.backoff import Backoff
from engine.venues.port import RequestPort, StreamPort

LOG = logging.getLogger("steelyard.feed")
CONNECTS, DISCONNECTS = place_of("connects"), place_of("disconnects")


class FeedPorts(Protocol):
    """The network of a feed: connections to its venue."""

    def stream(self, target: str) -> StreamPort:
        """Begin a stream; `target` is path and query."""

    def requests(self) -> RequestPort:
        """Return the requests to the venue's REST side."""


class Connections:
    """The first connection, the standby, and why the last connection was lost (`failure`)."""

    def __init__(
        self,
        config: FeedConfig,
        dialect: Dialect,
        ports: FeedPorts,
        listed: ListedSymbols,
        snapshots: Snapshots,
    ) -> None:
        """Begin without a connection. The books are those of `listed`."""
        self._config, self._dialect, self._ports = config, dialect, ports
        self._listed, self._snapshots = listed, snapshots
        self._backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed)
        self._connect_ns = 0
        self.first: Link | None = None
        self.standby = Standby(config, self._begin)
        self.reconnects = self.successions = 0
        self.failure = ""

    @property
    def lines(self) -> list[tuple[Link, Pipeline]]:
        """The connections there are, each with the pipeline that it feeds."""
        pipeline, lines = self._listed.pipeline, []
        if self.first is not None and pipeline is not None:
            lines.append((self.first, pipeline))
        if self.standby.link is not None and pipeline is not None:
            lines.append((self.standby.link, self.standby.shadow or pipeline))
        return lines

    def connect(self, now_ns: int) -> None:
        """Begin the first connection, when it is missing and the pause is over."""
        if self.first is None and now_ns >= self._connect_ns:
            assert self._listed.pipeline is not None, "a connection before there were books"
            self.first = self._begin(self._listed.pipeline, now_ns)

    def subscribe(self, symbols: Iterable[str]) -> None:
        """Subscribe further symbols on the first connection."""
        if self.first is not None:
            self.first.subscribe(symbols)

    def publish_instruments(self, now_ns: int) -> None:
        """Publish every instrument, with the channels that bring nothing on the first connection."""
        self._listed.publish_all(self.first.missing if self.first is not None else NOTHING_MISSING, now_ns)

    def standby_covers(self, now_ns: int) -> bool:
        """Whether the standby can replace the first connection now without a loss."""
        pipeline = self._listed.pipeline
        return self.first is not None and pipeline is not None and self.standby.covers(self.first, pipeline, now_ns)

    def received_ns(self, link: Link) -> int:
        """Return when the last message of a connection's books arrived, on it or on the other one that feeds them."""
        other = self.standby.link if self.standby.shadow is None else None
        return link.received_ns if other is None else max(link.received_ns, other.received_ns)

    def drop_standby(self, now_ns: int, reason: str = "") -> None:
        """Close the standby; a reason is logged."""
        if reason:
            LOG.warning("%s: the standby connection %s", self._config.name, reason)
        self.standby.drop(self._listed.pipeline, now_ns)

    def drop(self, now_ns: int, reason: str) -> None:
        """Close the first connection: the standby replaces it, or the books are DISCONNECTED."""
        self.failure = reason
        link, self.first = self.first, None
        if link is not None:
            link.close()
            if self.standby.link is not None:
                meters.add(DISCONNECTS)
                self._switch_to_standby(link, now_ns, reason)
                return
        LOG.warning("%s: connection lost, %s", self._config.name, reason)
        self.reconnects += 1
        meters.add(DISCONNECTS)
        self._connect_ns = now_ns + self._backoff.next_ns()
        self._snapshots.forget()
        self.publish_instruments(now_ns)
        if self._listed.pipeline is not None:
            self._listed.pipeline.disconnect(now_ns)

    def reset_backoff(self) -> None:
        """Connect again at once after the next loss: this connection brought good books."""
        self._backoff.reset()

    def close(self) -> None:
        """Close both connections."""
        for link in (self.first, self.standby.link):
            if link is not None:
                link.close()

    def _begin(self, pipeline: Pipeline, now_ns: int) -> Link:
        port = self._ports.stream(self._dialect.stream_target())
        meters.add(CONNECTS)
        link = Link(port, self._dialect, self._config, pipeline, now_ns)
        link.subscribe(self._listed.tracks)
        return link

    def _switch_to_standby(self, lost: Link, now_ns: int, reason: str) -> None:
        """Continue with the standby; if it does not cover the lost connection, the books are reset."""
        pipeline = self._listed.pipeline
        assert pipeline is not None, "a standby before there were books"
        covered = self.standby.covers(lost, pipeline, now_ns)
        self.first, shadow = self.standby.hand_over(pipeline, now_ns)
        self.successions += 1
        name, end = self._config.name, "" if covered else ", not ready yet"
        LOG.warning("%s: %s, and the standby replaces the connection%s", name, reason, end)
        if shadow is not None:
            shadow.replace(pipeline, now_ns)
            self._listed.set_pipeline(shadow)
        elif not covered:
            self._snapshots.forget()
            pipeline.disconnect(now_ns)
        self.publish_instruments(now_ns)

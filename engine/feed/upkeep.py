"""What a feed checks every few milliseconds: subscriptions, books and the standby.

    each subscription     failed: the instrument's channel is missing     works again: it is not
    each book             needs a snapshot: request it                    no news for too long: STALE
                          its snapshot was not contradicted: publish it   a few of its levels again, on LEVELS
    the standby           connect it, measure both lags, drop it          drop the first connection for it

The first connection is dropped only if the standby covers every book, and it lags the standby or must close.
"""

import logging

from engine.feed.books.track import Track
from engine.feed.config import FeedConfig
from engine.feed.connection.connections import Connections
from engine.feed.connection.link import Link
from engine.feed.connection.snapshots import Snapshots
from engine.feed.instruments.listed_symbols import ListedSymbols
from engine.venues.dialect import ChannelKind, Dialect

LOG = logging.getLogger("steelyard.feed")
REPUBLISHED_LEVELS = 16  # of each book at each check: a reader that joins LEVELS late has 5000 levels in three seconds


class Upkeep:
    """The periodic checks of one feed."""

    def __init__(
        self,
        config: FeedConfig,
        dialect: Dialect,
        connections: Connections,
        listed: ListedSymbols,
        snapshots: Snapshots,
    ) -> None:
        """Check these connections and the books of these symbols; request books by `snapshots`."""
        self._config, self._dialect = config, dialect
        self._connections, self._listed, self._snapshots = connections, listed, snapshots
        self._book = next(channel for channel in dialect.channels if channel.kind == ChannelKind.BOOK)
        self._cut: set[str] = set()  # symbols whose worst levels did not fit, as logged

    def check(self, now_ns: int) -> None:
        """Check everything once."""
        pipeline, first = self._listed.pipeline, self._connections.first
        if first is None or pipeline is None:
            return
        self._apply_outcomes(first, now_ns)
        pipeline.expire(now_ns, self._config.hold_ns)
        if first.accepted:
            self._check_standby(first, now_ns)
        first, pipeline = self._connections.first, self._listed.pipeline
        if first is not None and first.accepted and pipeline is not None:
            for track in pipeline.tracks:
                self._check_book(track, first, now_ns)

    def _apply_outcomes(self, link: Link, now_ns: int) -> None:
        """Note each channel of a symbol that brings nothing, or works again; the symbol's other channels continue."""
        for outcome in link.outcomes(now_ns):
            kind, symbol = outcome.channel.kind, outcome.symbol
            if outcome.text:
                LOG.error("%s: %s of %s: %s", self._config.name, outcome.channel.name, symbol, outcome.text)
                link.missing[symbol] = link.missing.get(symbol, 0) | kind
            else:
                LOG.info("%s: %s of %s works again", self._config.name, outcome.channel.name, symbol)
                link.missing[symbol] = link.missing.get(symbol, 0) & ~kind
            if link is not self._connections.first:
                continue
            if kind == ChannelKind.BOOK and symbol not in self._listed.misfits:
                self._set_carried(self._listed.tracks[symbol], now_ns, carried=not outcome.text)
            self._listed.publish_one(symbol, link.missing, now_ns)

    def _set_carried(self, track: Track, now_ns: int, *, carried: bool) -> None:
        """Publish REFUSED for a book whose changes do not come; request it when they come again."""
        if not carried:
            track.mark_refused(now_ns)
        elif not track.has_snapshot:
            track.wants_snapshot = True

    def _check_book(self, track: Track, link: Link, now_ns: int) -> None:
        if track.symbol in self._listed.misfits:
            track.mark_misfit(now_ns)
            return
        if not link.subscriptions.accepted_ns(self._book, track.symbol):
            return
        if track.wants_snapshot:
            self._request_snapshot(track, link, now_ns)
        elif track.has_snapshot and not track.behind_ns and now_ns - track.still_ns > self._config.settle_ns:
            track.confirm(now_ns)
            self._connections.reset_backoff()
            link.resubscriptions.reset(track)
        self._check_age(track, link, now_ns)
        track.republish_levels(now_ns, REPUBLISHED_LEVELS)
        self._log_cut(track)
        if link is self._connections.first and self._listed.spreads.check(track):
            self._listed.publish_one(track.symbol, link.missing, now_ns)

    def _check_age(self, track: Track, link: Link, now_ns: int) -> None:
        """Mark a book stale without news, and subscribe it again if the venue's numbers stay beyond it."""
        config = self._config
        behind_ns = now_ns - track.behind_ns if track.behind_ns else 0
        if track.has_snapshot and behind_ns > max(config.subscribe_ns, config.stale_ns):
            link.subscriptions.mark_silent(self._book, track.symbol, now_ns)
        silent = max(now_ns - self._connections.received_ns(link), behind_ns) > config.stale_ns
        if silent or now_ns - track.news_ns > config.book_stale_ns:
            track.mark_stale(now_ns, silent)
        else:
            track.clear_stale(now_ns)

    def _request_snapshot(self, track: Track, link: Link, now_ns: int) -> None:
        """Request a book over REST, or subscribe it again where its snapshot comes with the subscription."""
        if self._dialect.requests_snapshots:
            wanting = sum(one.wants_snapshot for one in self._listed.tracks.values())
            self._snapshots.request(track, now_ns, wanting)
        elif link.resubscriptions.is_due(track, link.subscriptions.accepted_ns(self._book, track.symbol), now_ns):
            link.resubscriptions.count(track, now_ns)
            link.subscriptions.renew(self._book, track.symbol, now_ns)
            track.mark_requested(now_ns)
            track.wants_snapshot = True

    def _log_cut(self, track: Track) -> None:
        """Log once that a book is cut; it is requested again before the dropped levels are needed."""
        if track.book.is_cut() and track.symbol not in self._cut:
            self._cut.add(track.symbol)
            name, limit = self._config.name, track.book.level_limit
            LOG.warning("%s: %s has more than %d levels a side: the worst are cut", name, track.symbol, limit)
        elif not track.book.is_cut():
            self._cut.discard(track.symbol)

    def _check_standby(self, first: Link, now_ns: int) -> None:
        """Connect a standby where there should be one, check it, and drop for it a connection that must close."""
        standby, pipeline = self._connections.standby, self._listed.pipeline
        assert pipeline is not None, "a standby before there were books"
        if self._config.standby or first.must_close:
            standby.connect(pipeline, None if self._dialect.overlaps else self._listed.make_shadow, now_ns)
        if standby.link is None:
            return
        self._apply_outcomes(standby.link, now_ns)
        for track in standby.shadow.tracks if standby.shadow is not None and standby.link.accepted else ():
            self._check_book(track, standby.link, now_ns)
        standby.measure_lags(first, pipeline, now_ns)
        self._compare(first, standby.link, now_ns)

    def _compare(self, first: Link, second: Link, now_ns: int) -> None:
        """Drop the connection that lags the other one, or that must close."""
        standby, stale_ns = self._connections.standby, self._config.stale_ns
        if second.must_close:
            self._connections.drop_standby(now_ns)
        elif standby.lag_ns > stale_ns:
            self._connections.drop_standby(now_ns, "lags the first one")
        elif standby.first_lag_ns > stale_ns and self._connections.standby_covers(now_ns):
            first.fail("it lags the standby")
        elif self._connections.standby_covers(now_ns):
            standby.reset_backoff()
            if first.must_close:
                self._connections.drop(now_ns, "the connection must close")

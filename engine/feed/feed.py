"""The feed role: one venue's market data, from connections to ticks and books.

Each step, in this order:
1. answers of the REST side: metadata, books;
2. frames of the connection, and of its standby, through their pipelines;
3. now and then, ages: mute, stale, books that want a snapshot.

It never blocks, sleeps or looks at a clock. A lost connection makes its books DISCONNECTED at once, and they come back
through a snapshot. A standby (see there) is connected and subscribed before a connection is left that must close, or
always: then it takes over from one that is lost, mute or has a hole, and nothing is lost or told twice.
"""

import logging
from typing import Protocol

from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.rehearsal import Rehearsal
from engine.feed.books.track import Track
from engine.feed.config import SECOND_NS, FeedConfig
from engine.feed.connection.line import Intake
from engine.feed.connection.link import TEND_NS, Link
from engine.feed.connection.snapshots import Snapshots
from engine.feed.connection.standby import Standby
from engine.feed.instruments.bulletin import Bulletin
from engine.feed.instruments.listings import NOTHING_MISSING, Listings, Show
from engine.feed.instruments.loader import Loader
from engine.feed.pace.backoff import Backoff
from engine.feed.pace.budget import Budget
from engine.model.instrument import Instrument
from engine.venues.border import Border
from engine.venues.catalogue import dialect_of
from engine.venues.dialect import AnswerKind, ChannelKind, Dialect
from engine.venues.port import RequestPort, StreamPort

LOG = logging.getLogger("steelyard.feed")
LOGGED_BYTES = 4096
RETOLD_LEVELS = 16  # at each look at the ages: who joins LEVELS late has a book of 5000 levels whole in three seconds
LOGGED_FRAMES = 100  # a venue that sends rubbish for hours must not fill the disk


class FeedPorts(Protocol):
    """The network of a feed: connections to its venue."""

    def stream(self, target: str) -> StreamPort:
        """Begin a stream; `target` is path and query."""

    def requests(self) -> RequestPort:
        """Requests to the venue's REST side."""


class Feed:
    """One venue's market data."""

    def __init__(
        self,
        config: FeedConfig,
        ports: FeedPorts,
        outbox: Outbox,
        show: Show = lambda *_: None,
        dialect: Dialect | None = None,
    ) -> None:
        """`show` is told of every instrument that is known, and again when something of it changes."""
        self.name, self.config = config.name, config
        self._ports, self._dialect = ports, dialect or dialect_of(config.venue)
        self._border = Border(self._dialect, config.name)
        self._requests = ports.requests()
        self._budget = Budget(config, self._dialect)
        channel = self._dialect.instrument_channel if config.announced and not config.kept_only else None
        bulletin = Bulletin(config, channel, ports.stream) if channel is not None else None
        self._loader = Loader(config, self._dialect, self._requests, self._budget, bulletin)
        self._listings = Listings(config, self._dialect, self._loader, outbox, show)
        self._snapshots = Snapshots(config, self._dialect, self._requests, self._budget)
        self._book = next(channel for channel in self._dialect.channels if channel.kind == ChannelKind.BOOK)
        self._backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed)
        self._link: Link | None = None
        self._standby = Standby(config, self._begin_link)
        self._intake = Intake()
        self._rehearsal: Rehearsal | None = None
        self._connect_ns = self._check_ns = self._whole_ns = 0
        self._begun = self._draining = False
        self.pipeline: Pipeline | None = None
        self.malformed = self.reconnects = self.successions = 0
        self.failure = ""
        self._cut: set[str] = set()  # books whose worst levels do not fit

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is known of the symbols; empty until loaded."""
        return tuple(self._loader.instruments.values())

    @property
    def instruments_old(self) -> bool:
        """Whether the metadata is a copy from disk that the venue has not confirmed."""
        return self._loader.old

    def step(self, now_ns: int) -> int:
        """Take what came, tell it, look after connections and ages; most steps only look whether something came."""
        if now_ns >= self._whole_ns:
            return self._step(now_ns)
        work = self._intake.take(now_ns)
        if self._intake.eventful:
            for link, pipeline in self._lines():
                self._attend(link, pipeline, now_ns)
            work += self._step(now_ns)
        return work

    def _step(self, now_ns: int) -> int:
        """A whole step; where nothing is under way the next ones are short for a while."""
        work = self._step_whole(now_ns)
        quiet = not (self._draining or self._requests.busy)
        lines = self._lines() if quiet else []
        quiet = bool(lines) and all(link.needs_nothing for link, _ in lines)
        self._intake.follow(lines)
        self._whole_ns = min(now_ns + TEND_NS, self._check_ns) if quiet else 0
        return work

    def _step_whole(self, now_ns: int) -> int:
        if not self._begun:
            self._begun = True
            self._listings.begin(now_ns)
        work = self._take_responses(now_ns)
        self._load(now_ns)
        if self.pipeline is None:
            return work
        if self._link is None:
            self._connect(now_ns)
        work += self._take_frames(now_ns)
        if now_ns >= self._check_ns:
            self._check(now_ns)
        return work

    def warm(self, now_ns: int) -> None:
        """Keep the way of a frame in the processor's caches, without a trace; for a process that spins."""
        if now_ns < self._whole_ns and self._link is not None and self.pipeline is not None:
            if self._rehearsal is None:
                self._rehearsal = Rehearsal(self.pipeline.outbox, self._dialect.rule())
            self._rehearsal.warm_up(self._link.port, self.pipeline, now_ns)

    def resume(self, now_ns: int, stood_ns: int) -> None:
        """Leave connections that nobody read for long: what waits in them is old, and would be told as of now."""
        if self._link is not None and stood_ns > self.config.stale_ns:
            self._whole_ns = 0
            self._standby.lose(self.pipeline, now_ns)
            self._drop(now_ns, f"not read for {stood_ns / SECOND_NS:.1f} s, the process stood still")

    def lag(self) -> int:
        """Zero: its inputs are sockets, not lanes."""
        return 0

    def error_count(self) -> int:
        """Frames that could not be read, and connections that were lost."""
        return self.malformed + self.reconnects

    def drain(self, now_ns: int) -> bool:
        """There is nothing to wind down: readers see DISCONNECTED."""
        if not self._draining:
            self._draining = True
            self._whole_ns = 0
            self._standby.lose(self.pipeline, now_ns)
            self._drop(now_ns, "draining")
        return True

    def close(self) -> None:
        """Let go of the network."""
        for link in (self._link, self._standby.link):
            if link is not None:
                link.close()
        self._loader.close()
        self._requests.close()

    def _load(self, now_ns: int) -> None:
        """Look after the metadata, and follow what it has come to be."""
        if not self._listings.news(now_ns):
            return
        added, changed = self._listings.take(now_ns)
        self.pipeline = self._listings.pipeline
        self._show_all(now_ns)
        if self._link is not None and added:
            self._link.want(added)
        if added or changed:
            self._standby.lose(self.pipeline, now_ns)

    def _show_all(self, now_ns: int) -> None:
        self._listings.show_all(self._link.missing if self._link is not None else NOTHING_MISSING, now_ns)

    def _take_responses(self, now_ns: int) -> int:
        responses = self._requests.poll(now_ns)
        for response in responses:
            if not self._loader.take(response, now_ns):
                self._snapshots.take(response, now_ns, lambda index, body: self._seed(index, body, now_ns))
        return len(responses)

    def _seed(self, index: int, body: bytes, now_ns: int) -> bool:
        assert self.pipeline is not None, "a book was answered before there were books"
        if self.pipeline.snapshot(index, body, now_ns, now_ns):
            return True
        symbol = self.pipeline.tracks[index].symbol
        self._log_malformed(body, f"the book of {symbol}")
        self._listings.doubt_book(body, symbol, now_ns)
        return False

    def _connect(self, now_ns: int) -> None:
        if now_ns >= self._connect_ns and not self._draining:
            assert self.pipeline is not None, "a connection before there were books"
            self._link = self._begin_link(self.pipeline, now_ns)

    def _begin_link(self, pipeline: Pipeline, now_ns: int) -> Link:
        port = self._ports.stream(self._dialect.stream_target())
        link = Link(port, self._dialect, self.config, pipeline, now_ns)
        link.want(self._listings.tracks)
        return link

    def _take_frames(self, now_ns: int) -> int:
        assert self.pipeline is not None, "frames came before there were books"
        standby, work = self._standby, 0
        if self._link is not None:
            work += self._take_link(self._link, self.pipeline, now_ns)
        if standby.link is not None:
            work += self._take_link(standby.link, standby.shadow or self.pipeline, now_ns)
            if standby.link.failure:
                LOG.warning("%s: the standby connection is lost, %s", self.name, standby.link.failure)
                standby.lose(self.pipeline, now_ns)
        if self._link is not None and self._link.failure:
            self._drop(now_ns, self._link.failure)
        return work

    def _lines(self) -> list[tuple[Link, Pipeline]]:
        """The connections there are, with the pipeline that each feeds."""
        lines = []
        if self._link is not None and self.pipeline is not None:
            lines.append((self._link, self.pipeline))
        if self._standby.link is not None and self.pipeline is not None:
            lines.append((self._standby.link, self._standby.shadow or self.pipeline))
        return lines

    def _take_link(self, link: Link, pipeline: Pipeline, now_ns: int) -> int:
        count = link.take(pipeline, now_ns)
        self._attend(link, pipeline, now_ns)
        if link.pending is None and (count <= 0 or link.due(now_ns)):  # what came before its end is taken first
            link.tend(now_ns)
        return max(count, 0)

    def _attend(self, link: Link, pipeline: Pipeline, now_ns: int) -> None:
        """See to what a connection brought beside market data, and to what it should have brought."""
        rest, has_gap, link.rest, link.has_gap = link.rest, link.has_gap, None, False
        if rest:
            self._take_rest(link, rest, pipeline, now_ns)
        if has_gap:
            self._blame(link, now_ns)

    def _blame(self, link: Link, now_ns: int) -> None:
        """A connection that loses what it should bring is left, if the other one can do without it."""
        assert self.pipeline is not None, "a hole without books"
        if self._link is not None and self._standby.covers(self._link, self.pipeline, now_ns):
            link.fail("a hole in what it brings")

    def _take_rest(self, link: Link, rest: list[tuple[bytes, bool]], pipeline: Pipeline, now_ns: int) -> None:
        for frame, malformed in rest:
            answer = self._border.answer(frame)
            if malformed or answer.kind == AnswerKind.MALFORMED:
                self._log_malformed(frame, answer.text)
                self._listings.doubt_frame(frame, now_ns)
            if not malformed:
                pipeline.mark_gaps(answer.spoilt, link.receive_ns, now_ns)
            link.hear(answer)

    def _take_outcomes(self, link: Link, now_ns: int) -> None:
        """A subscription that failed is an error with its name; the symbol's other channels go on."""
        for outcome in link.outcomes(now_ns):
            kind = outcome.channel.kind
            if outcome.text:
                LOG.error("%s: %s of %s: %s", self.name, outcome.channel.name, outcome.symbol, outcome.text)
                link.missing[outcome.symbol] = link.missing.get(outcome.symbol, 0) | kind
            else:
                LOG.info("%s: %s of %s stands again", self.name, outcome.channel.name, outcome.symbol)
                link.missing[outcome.symbol] = link.missing.get(outcome.symbol, 0) & ~kind
            if link is not self._link:
                continue
            if kind == ChannelKind.BOOK and outcome.symbol not in self._listings.misfits:
                self._carry(self._listings.tracks[outcome.symbol], now_ns, carried=not outcome.text)
            self._listings.show_one(outcome.symbol, link.missing, now_ns)

    def _carry(self, track: Track, now_ns: int, *, carried: bool) -> None:
        """A book whose changes do not come is not believed, and not asked for."""
        if not carried:
            track.mark_refused(now_ns)
        elif not track.has_snapshot:
            track.wants_snapshot = True

    def _log_malformed(self, frame: bytes, text: str) -> None:
        self.malformed += 1
        if self.malformed <= LOGGED_FRAMES:
            LOG.warning("malformed frame %d, %s: %r", self.malformed, text, frame[:LOGGED_BYTES])

    def _drop(self, now_ns: int, reason: str) -> None:
        """The connection is gone: its standby takes over, or its books wait for another."""
        self.failure = reason
        link, self._link = self._link, None
        if link is not None:
            link.close()
            if self._standby.link is not None:
                self._take_over(link, now_ns, reason)
                return
        LOG.warning("%s: connection lost, %s", self.name, reason)
        self.reconnects += 1
        self._connect_ns = now_ns + self._backoff.next_ns()
        self._snapshots.forget()
        self._show_all(now_ns)
        if self.pipeline is not None:
            self.pipeline.disconnect(now_ns)

    def _take_over(self, lost: Link, now_ns: int, reason: str) -> None:
        """Go on with the standby; what it does not cover begins anew on it."""
        assert self.pipeline is not None, "a standby before there were books"
        covered = self._standby.covers(lost, self.pipeline, now_ns)
        self._link, shadow = self._standby.take(self.pipeline, now_ns)
        self.successions += 1
        LOG.warning("%s: %s, and the standby takes over%s", self.name, reason, "" if covered else ", not ready yet")
        if shadow is not None:
            shadow.take_over(self.pipeline, now_ns)
            self.pipeline = shadow
            self._listings.take_over(shadow)
        elif not covered:
            self._snapshots.forget()
            self.pipeline.disconnect(now_ns)
        self._show_all(now_ns)

    def _check(self, now_ns: int) -> None:
        """Ages and wants."""
        self._check_ns = now_ns + self.config.check_ns
        if self._link is None or self.pipeline is None:
            return
        self._take_outcomes(self._link, now_ns)
        self.pipeline.expire(now_ns, self.config.hold_ns)
        if self._link.accepted:
            self._keep_standby(self._link, self.pipeline, now_ns)
        if self._link is not None and self._link.accepted:
            for track in self.pipeline.tracks:
                self._look_after(track, self._link, now_ns)

    def _look_after(self, track: Track, link: Link, now_ns: int) -> None:
        if track.symbol in self._listings.misfits:
            track.mark_misfit(now_ns)
            return
        if not link.subscriptions.since_ns(self._book, track.symbol):
            return
        if track.wants_snapshot:
            self._want(track, link, now_ns)
        elif track.has_snapshot and not track.behind_ns and now_ns - track.still_ns > self.config.settle_ns:
            track.confirm(now_ns)
            self._backoff.succeed()
            link.resubscriptions.succeed(track)
        behind_ns = now_ns - track.behind_ns if track.behind_ns else 0
        if track.has_snapshot and behind_ns > max(self.config.subscribe_ns, self.config.stale_ns):
            link.subscriptions.fall_silent(self._book, track.symbol, now_ns)
        mute = max(now_ns - self._heard_ns(link), behind_ns) > self.config.stale_ns
        if mute or now_ns - track.news_ns > self.config.book_stale_ns:
            track.mark_stale(now_ns, mute)
        else:
            track.clear_stale(now_ns)
        track.republish_levels(now_ns, RETOLD_LEVELS)
        self._log_cut(track)
        if link is self._link and self._listings.spreads.look(track):
            self._listings.show_one(track.symbol, link.missing, now_ns)

    def _log_cut(self, track: Track) -> None:
        """Say once of each cut book that it is not whole; it is asked for anew before its levels are needed."""
        if track.book.is_cut() and track.symbol not in self._cut:
            self._cut.add(track.symbol)
            limit = track.book.level_limit
            LOG.warning("%s: %s has more than %d levels a side: the worst are cut", self.name, track.symbol, limit)
        elif not track.book.is_cut():
            self._cut.discard(track.symbol)

    def _want(self, track: Track, link: Link, now_ns: int) -> None:
        if self._dialect.requests_snapshots:
            self._snapshots.ask(track, now_ns, sum(one.wants_snapshot for one in self._listings.tracks.values()))
            return
        if link.resubscriptions.is_due(track, link.subscriptions.since_ns(self._book, track.symbol), now_ns):
            link.resubscriptions.note(track, now_ns)
            link.subscriptions.renew(self._book, track.symbol, now_ns)
            track.mark_requested(now_ns)
            track.wants_snapshot = True

    def _heard_ns(self, link: Link) -> int:
        """When a connection, or the other one that feeds the same books, said something last."""
        other = self._standby.link if self._standby.shadow is None else None
        return link.heard_ns if other is None else max(link.heard_ns, other.heard_ns)

    def _keep_standby(self, link: Link, pipeline: Pipeline, now_ns: int) -> None:
        """Make a standby where there is to be one, look after it, and leave for it a connection that must close."""
        standby = self._standby
        if self.config.standby or link.leaving:
            standby.form(pipeline, None if self._dialect.overlaps else self._listings.shadow, now_ns)
        if standby.link is None:
            return
        self._take_outcomes(standby.link, now_ns)
        for track in standby.shadow.tracks if standby.shadow is not None and standby.link.accepted else ():
            self._look_after(track, standby.link, now_ns)
        standby.compare(link, pipeline, now_ns)
        if standby.link.leaving:
            standby.lose(pipeline, now_ns)
        elif standby.lag_ns > self.config.stale_ns:
            LOG.warning("%s: the standby connection does not say what the first one says", self.name)
            standby.lose(pipeline, now_ns)
        elif standby.first_lag_ns > self.config.stale_ns and standby.covers(link, pipeline, now_ns):
            link.fail("it does not say what the standby says")
        elif standby.covers(link, pipeline, now_ns):
            standby.succeed()
            if link.leaving:
                self._drop(now_ns, "the connection must close")

"""The feed role: one venue's market data, from connections to ticks and books.

Each step, in this order:
1. answers of the REST side: metadata, books;
2. frames of the connection, and of its successor while one takes over, through the pipeline;
3. now and then, ages: mute, stale, books that want a snapshot.

It never blocks, sleeps or looks at a clock. A lost connection makes its books DISCONNECTED at once, and they come back
through a snapshot. Where the venue's numbers are its own and not the connection's, a successor is connected and
subscribed before the old connection is left, and both feed the same books meanwhile: nothing is lost or told twice.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from engine.feed.backoff import Backoff
from engine.feed.config import FeedConfig
from engine.feed.link import Link, connect
from engine.feed.loader import Loader
from engine.feed.order_track import OrderTrack
from engine.feed.outbox import Outbox
from engine.feed.pipeline import Pipeline
from engine.feed.resubscriptions import Resubscriptions
from engine.feed.snapshots import Snapshots
from engine.feed.track import Track
from engine.model.instrument import Instrument
from engine.venues.catalogue import dialect_of
from engine.venues.dialect import AnswerKind
from engine.venues.port import FramePort, RequestPort

LOG = logging.getLogger("steelyard.feed")
LOGGED_BYTES = 4096
LOGGED_FRAMES = 100  # a venue that sends rubbish for hours must not fill the disk


class FeedPorts(Protocol):
    """The network of a feed: connections to its venue."""

    def stream(self, target: str) -> FramePort:
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
        show: Callable[[Instrument, int, bool, int], None] = lambda *_: None,
    ) -> None:
        """`show(instrument, cell, whether it is an old copy, now_ns)` is told of every instrument that is known."""
        self.name, self.config = config.name, config
        self._ports, self._dialect, self._show = ports, dialect_of(config.venue), show
        self._outbox = outbox
        self._requests = ports.requests()
        self._loader = Loader(config, self._dialect, self._requests)
        self._snapshots = Snapshots(config, self._dialect, self._requests)
        self._backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed)
        self._link: Link | None = None
        self._successor: Link | None = None
        self._connect_ns = self._check_ns = 0
        self._resubscriptions = Resubscriptions(config)
        self._begun = self._draining = False
        self.pipeline: Pipeline | None = None
        self.malformed = self.refusals = self.reconnects = self.successions = 0
        self.failure = ""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is known of the symbols; empty until loaded."""
        return self._loader.instruments

    @property
    def instruments_old(self) -> bool:
        """Whether the metadata is a copy from disk that the venue has not confirmed."""
        return self._loader.old

    def step(self, now_ns: int) -> int:
        """Take what came, tell it, look after connections and ages."""
        if not self._begun:
            self._begin(now_ns)
        work = self._take_responses(now_ns)
        if self.pipeline is None:
            work += self._load(now_ns)
        if self.pipeline is None:
            return work
        if self._link is None:
            self._connect(now_ns)
        work += self._take_frames(now_ns)
        if now_ns >= self._check_ns:
            self._check(now_ns)
        return work

    def drain(self, now_ns: int) -> bool:
        """There is nothing to wind down: readers see DISCONNECTED."""
        if not self._draining:
            self._draining = True
            self._drop(now_ns, "draining")
        return True

    def close(self) -> None:
        """Let go of the network."""
        for link in (self._link, self._successor):
            if link is not None:
                link.close()
        self._requests.close()

    def _begin(self, now_ns: int) -> None:
        self._begun = True
        for symbol, instrument in self.config.symbols.items():
            self._outbox.void(instrument, self.config.cell(symbol), now_ns)

    def _load(self, now_ns: int) -> int:
        self._loader.ask(now_ns)
        if not self._loader.instruments:
            return 0
        self._build()
        self._show_all(now_ns)
        return 1

    def _show_all(self, now_ns: int) -> None:
        for one in self._loader.instruments:
            self._show(one, self.config.cell(one.symbol), self._loader.old, now_ns)

    def _build(self) -> None:
        market = self._dialect.market()
        self.pipeline = Pipeline(market, self._outbox)
        for index, one in enumerate(self._loader.instruments):
            market.add(one.symbol, one.price_decimals, one.size_decimals)
            self.pipeline.add(self._track(index, one))

    def _track(self, index: int, one: Instrument) -> Track:
        rule, depth, cell = self._dialect.rule(), self._dialect.depth, self.config.cell(one.symbol)
        track = OrderTrack if self._dialect.by_order else Track
        return track(index, one.id, one.symbol, rule, self._outbox, depth, self.config.levels, cell)

    def _take_responses(self, now_ns: int) -> int:
        responses = self._requests.poll(now_ns)
        for response in responses:
            if self._loader.take(response, now_ns):
                self._show_all(now_ns)
            else:
                self._snapshots.take(response, now_ns, lambda index, body: self._seed(index, body, now_ns))
        return len(responses)

    def _seed(self, index: int, body: bytes, now_ns: int) -> bool:
        assert self.pipeline is not None, "a book was answered before there were books"
        if self.pipeline.snapshot(index, body, now_ns, now_ns):
            return True
        self._log_malformed(body, f"the book of {self.pipeline.tracks[index].symbol}")
        return False

    def _connect(self, now_ns: int) -> None:
        if now_ns >= self._connect_ns and not self._draining:
            self._link = self._begin_link(now_ns)

    def _begin_link(self, now_ns: int) -> Link:
        return connect(self._ports.stream, self._dialect, self.config.symbols, now_ns, self.config.subscribe_ns)

    def _take_frames(self, now_ns: int) -> int:
        work = 0
        for link in (self._link, self._successor):
            if link is not None:
                work += self._take_link(link, now_ns)
        if self._link is not None and self._link.failure:
            self._drop(now_ns, self._link.failure)
        return work

    def _take_link(self, link: Link, now_ns: int) -> int:
        frames = link.poll(now_ns)
        if frames:
            assert self.pipeline is not None, "frames came before there were books"
            rest = self.pipeline.take(frames, link.receive_ns, now_ns)
            if rest:
                self._take_rest(link, rest, self.pipeline, now_ns)
        return len(frames)

    def _take_rest(self, link: Link, rest: list[tuple[bytes, bool]], pipeline: Pipeline, now_ns: int) -> None:
        for frame, malformed in rest:
            answer = self._dialect.answer(frame)
            if malformed or answer.kind == AnswerKind.MALFORMED:
                self._log_malformed(frame, answer.text)
            self.refusals += answer.kind == AnswerKind.REFUSED
            pipeline.mistrust(answer.spoilt, link.receive_ns, now_ns)
            link.hear(answer)

    def _log_malformed(self, frame: bytes, text: str) -> None:
        self.malformed += 1
        if self.malformed <= LOGGED_FRAMES:
            LOG.warning("malformed frame %d, %s: %r", self.malformed, text, frame[:LOGGED_BYTES])

    def _drop(self, now_ns: int, reason: str) -> None:
        """The connection is gone: its successor takes over, or its books wait for another."""
        self.failure = reason
        if self._link is not None:
            self._link.close()
        self._link, self._successor = self._successor, None
        if self._link is not None:
            self.successions += 1
            return
        LOG.warning("%s: connection lost, %s", self.name, reason)
        self.reconnects += 1
        self._connect_ns = now_ns + self._backoff.next_ns()
        self._snapshots.forget()
        if self.pipeline is not None:
            self.pipeline.disconnect(now_ns)

    def _check(self, now_ns: int) -> None:
        """Ages and wants."""
        self._check_ns = now_ns + self.config.check_ns
        self._loader.ask(now_ns)
        if self._link is None or self.pipeline is None:
            return
        if self._link.accepted and self._link.leaving:
            self._succeed(now_ns)
        if self._link.accepted:
            for track in self.pipeline.tracks:
                self._look_after(track, self._link, now_ns)

    def _look_after(self, track: Track, link: Link, now_ns: int) -> None:
        if track.wanting:
            self._want(track, link, now_ns)
        elif track.seeded and not track.behind_ns and now_ns - track.seed_ns > self.config.settle_ns:
            track.trust(now_ns)
            self._backoff.succeed()
            self._resubscriptions.succeed(track)
        heard_ns = max(link.heard_ns, self._successor.heard_ns if self._successor else 0)
        silent_ns = max(now_ns - heard_ns, now_ns - track.behind_ns if track.behind_ns else 0)
        if silent_ns > self.config.stale_ns or now_ns - track.news_ns > self.config.book_stale_ns:
            track.grow_stale(now_ns)
        else:
            track.refresh(now_ns)

    def _want(self, track: Track, link: Link, now_ns: int) -> None:
        if self._dialect.requests_snapshots:
            self._snapshots.ask(track, now_ns)
            return
        if self._resubscriptions.is_due(track, link, now_ns):
            self._resubscriptions.note(track, now_ns)
            link.send(self._dialect.resubscribe(track.symbol))
            track.asked(now_ns)
            track.wanting = True

    def _succeed(self, now_ns: int) -> None:
        """Make the successor before the connection is left; leave when the successor's subscription stands."""
        if not self._dialect.overlaps:
            self._drop(now_ns, "the venue is about to close this connection")
        elif self._successor is None:
            self._successor = self._begin_link(now_ns)
        elif self._successor.failure:
            self._successor.close()
            self._successor = None
        elif self._successor.accepted and now_ns - self._successor.accepted_ns > self.config.settle_ns:
            self._drop(now_ns, "its successor took over")

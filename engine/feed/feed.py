"""One venue's market data, from its connections to ticks and books.

Each step, in this order:
1. apply the answers of the REST side: metadata, books;
2. read the frames of the connection and of its standby, through their pipelines;
3. every few milliseconds run the upkeep (see upkeep.py): stale books, due snapshots, subscriptions, the standby.

It never blocks, sleeps or reads a clock. When a connection is lost its books are DISCONNECTED at once, and come back
through a snapshot. A standby (see connection/standby.py) is connected where it is configured, or before a connection
that must close. It replaces a connection that is lost, silent or has a gap; nothing is lost or published twice.
"""

from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.rehearsal import Rehearsal
from engine.feed.config import SECOND_NS, FeedConfig
from engine.feed.connection.answers import Answers
from engine.feed.connection.connections import Connections, FeedPorts
from engine.feed.connection.line import LineReader
from engine.feed.connection.link import MAINTAIN_NS, Link
from engine.feed.connection.snapshots import Snapshots
from engine.feed.instruments.instrument_source import InstrumentSource
from engine.feed.instruments.instrument_stream import InstrumentStream
from engine.feed.instruments.listed_symbols import ListedSymbols, Publish
from engine.feed.upkeep import Upkeep
from engine.model.instrument import Instrument
from engine.venues.border import Border
from engine.venues.catalogue import dialect_of
from engine.venues.dialect import Dialect
from engine.venues.pace.budget import Budget


class Feed:
    """One venue's market data."""

    def __init__(
        self,
        config: FeedConfig,
        ports: FeedPorts,
        outbox: Outbox,
        publish: Publish = lambda *_: None,
        dialect: Dialect | None = None,
    ) -> None:
        """`publish` publishes an instrument: each one that is known, and again when it changes."""
        self.name, self.config = config.name, config
        self._dialect = dialect or dialect_of(config.venue)
        self._requests = ports.requests()
        budget = Budget(config, self._dialect)
        channel = self._dialect.instrument_channel if config.announced and not config.kept_only else None
        stream = InstrumentStream(config, channel, ports.stream) if channel is not None else None
        self._source = InstrumentSource(config, self._dialect, self._requests, budget, stream)
        self._listed = ListedSymbols(config, self._dialect, self._source, outbox, publish)
        self._snapshots = Snapshots(config, self._dialect, self._requests, budget)
        self.connections = Connections(config, self._dialect, ports, self._listed, self._snapshots)
        self._answers = Answers(config.name, Border(self._dialect, config.name), self._listed)
        self._upkeep = Upkeep(config, self._dialect, self.connections, self._listed, self._snapshots)
        self._reader = LineReader()
        self._rehearsal: Rehearsal | None = None
        self._check_ns = self._whole_ns = 0
        self._begun = self._draining = False

    @property
    def pipeline(self) -> Pipeline | None:
        """The pipeline whose books are published; None before the first instrument is known."""
        return self._listed.pipeline

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is known of the symbols; empty until loaded."""
        return tuple(self._source.instruments.values())

    @property
    def instruments_old(self) -> bool:
        """Whether the metadata is a copy from disk that the venue has not confirmed."""
        return self._source.old

    @property
    def malformed(self) -> int:
        """How many frames could not be read."""
        return self._answers.malformed

    def step(self, now_ns: int) -> int:
        """Process what arrived and do what is due; most steps only read the connections."""
        if now_ns >= self._whole_ns:
            return self._step(now_ns)
        work = self._reader.read(now_ns)
        if self._reader.needs_attention:
            for link, pipeline in self.connections.lines:
                self._attend(link, pipeline, now_ns)
            work += self._step(now_ns)
        return work

    def _step(self, now_ns: int) -> int:
        """Run a whole step; until other work is due, the next steps only read the connections."""
        work = self._step_whole(now_ns)
        quiet = not (self._draining or self._requests.busy)
        lines = self.connections.lines if quiet else []
        quiet = bool(lines) and all(link.needs_reading_only for link, _ in lines)
        self._reader.set_lines(lines)
        self._whole_ns = min(now_ns + MAINTAIN_NS, self._check_ns) if quiet else 0
        return work

    def _step_whole(self, now_ns: int) -> int:
        if not self._begun:
            self._begun = True
            self._listed.begin(now_ns)
        work = self._apply_responses(now_ns)
        self._load(now_ns)
        pipeline = self._listed.pipeline
        if pipeline is None:
            return work
        if self.connections.first is None and not self._draining:
            self.connections.connect(now_ns)
        work += self._read_connections(pipeline, now_ns)
        if now_ns >= self._check_ns:
            self._check_ns = now_ns + self.config.check_ns
            self._upkeep.check(now_ns)
        return work

    def warm(self, now_ns: int) -> None:
        """Keep the code of a frame in the processor's caches, for a process that spins; it publishes nothing."""
        first, pipeline = self.connections.first, self.pipeline
        if now_ns < self._whole_ns and first is not None and pipeline is not None:
            if self._rehearsal is None:
                self._rehearsal = Rehearsal(pipeline, self._dialect.rule())
            self._rehearsal.warm_up(first.port, pipeline, now_ns)

    def resume(self, now_ns: int, stood_ns: int) -> None:
        """Drop connections that the process did not read for long: their frames are old, and would look new."""
        if self.connections.first is not None and stood_ns > self.config.stale_ns:
            self._whole_ns = 0
            self.connections.drop_standby(now_ns)
            self.connections.drop(now_ns, f"not read for {stood_ns / SECOND_NS:.1f} s, the process did not run")

    def lag(self) -> int:
        """Zero: its inputs are sockets, not lanes."""
        return 0

    def error_count(self) -> int:
        """How many frames could not be read, and how many connections were lost."""
        return self.malformed + self.connections.reconnects

    def drain(self, now_ns: int) -> bool:
        """Publish DISCONNECTED for every book; the feed has no other work to finish."""
        if not self._draining:
            self._draining = True
            self._whole_ns = 0
            self.connections.drop_standby(now_ns)
            self.connections.drop(now_ns, "draining")
        return True

    def close(self) -> None:
        """Close the connections to the venue."""
        self.connections.close()
        self._source.close()
        self._requests.close()

    def _load(self, now_ns: int) -> None:
        """Request the metadata when it is due, and apply what changed in it."""
        if not self._listed.has_news(now_ns):
            return
        added, changed = self._listed.apply_news(now_ns)
        self.connections.publish_instruments(now_ns)
        if added:
            self.connections.subscribe(added)
        if added or changed:
            self.connections.drop_standby(now_ns)

    def _apply_responses(self, now_ns: int) -> int:
        responses = self._requests.poll(now_ns)
        for response in responses:
            if not self._source.apply(response, now_ns):
                self._snapshots.apply(response, now_ns, lambda index, body: self._seed(index, body, now_ns))
        return len(responses)

    def _seed(self, index: int, body: bytes, now_ns: int) -> bool:
        """Put a requested book in place; return False if it is malformed."""
        assert self.pipeline is not None, "a book was answered before there were books"
        if self.pipeline.snapshot(index, body, now_ns, now_ns):
            return True
        symbol = self.pipeline.tracks[index].symbol
        self._answers.log_malformed(body, f"the book of {symbol}")
        self._listed.check_book(body, symbol, now_ns)
        return False

    def _read_connections(self, pipeline: Pipeline, now_ns: int) -> int:
        """Read both connections; drop each one that failed."""
        connections, work = self.connections, 0
        first, second = connections.first, connections.standby.link
        if first is not None:
            work += self._read(first, pipeline, now_ns)
        if second is not None:
            work += self._read(second, connections.standby.shadow or pipeline, now_ns)
        if second is not None and second.failure:
            connections.drop_standby(now_ns, f"is lost, {second.failure}")
        if first is not None and first.failure:
            connections.drop(now_ns, first.failure)
        return work

    def _read(self, link: Link, pipeline: Pipeline, now_ns: int) -> int:
        """Read one connection; maintain it when it brought no frame or is due, and has no frame left to process."""
        count = link.read(pipeline, now_ns)
        self._attend(link, pipeline, now_ns)
        if link.pending is None and (count <= 0 or link.is_due(now_ns)):
            link.maintain(now_ns)
        return max(count, 0)

    def _attend(self, link: Link, pipeline: Pipeline, now_ns: int) -> None:
        """Apply the frames without market data, and drop a connection with a gap if its standby covers every book."""
        rest, has_gap, link.rest, link.has_gap = link.rest, link.has_gap, None, False
        if rest:
            self._answers.apply(link, rest, pipeline, now_ns)
        if has_gap and self.connections.standby_covers(now_ns):
            link.fail("a gap in its messages")

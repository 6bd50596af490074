"""The second connection of a feed: beside the first always where it is configured, else only while the first leaves.

    numbers are the venue's                   both connections ─▶ one pipeline, which drops what comes second
    numbers are the connection's              standby ─▶ a shadow pipeline, whose books are told to nobody; its prints
                                              go to the first's tracks, for prints have the venue's numbers everywhere

A standby that covers can take over at any moment: all that it subscribed has stood for long enough to be sure that
what the first connection told last lies behind its own beginning, it has said what the first one said, and its shadow
books are believable.
"""

from collections.abc import Callable

from engine.feed.books.connection_lag import ConnectionLag
from engine.feed.books.pipeline import Pipeline
from engine.feed.config import FeedConfig
from engine.feed.connection.link import Link
from engine.feed.pace.backoff import Backoff
from engine.model.words import BookState

TOLD = (BookState.GOOD, BookState.CROSSED, BookState.STALE, BookState.SHUT)


class Standby:
    """A connection in waiting, and its pipeline where it has one of its own."""

    def __init__(self, config: FeedConfig, begin: Callable[[Pipeline, int], Link]) -> None:
        """`begin(pipeline, now_ns)` begins a connection that feeds a pipeline."""
        self._config, self._begin = config, begin
        self._backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed + 1)
        self._not_before_ns = 0
        self.link: Link | None = None
        self.shadow: Pipeline | None = None
        self._lag, self._first_lag = ConnectionLag(), ConnectionLag()
        self.lag_ns = self.first_lag_ns = 0
        self.losses = 0

    def form(self, pipeline: Pipeline, shadow: Callable[[], Pipeline] | None, now_ns: int) -> None:
        """Begin the connection beside `pipeline`, when it is time; `shadow` makes a pipeline for numbers of its own."""
        if self.link is not None or now_ns < self._not_before_ns:
            return
        self.shadow = shadow() if shadow is not None else None
        if self.shadow is not None:
            self.shadow.publish_prints_by(pipeline)
        self.link = self._begin(self.shadow or pipeline, now_ns)
        self._lag, self._first_lag = ConnectionLag(), ConnectionLag()
        self.lag_ns = self.first_lag_ns = 0
        pipeline.set_second_source(present=True)

    def compare(self, first: Link, pipeline: Pipeline, now_ns: int) -> None:
        """See how far one connection is behind the other, where both tell the same books by the venue's numbers."""
        link = self.link
        if self.shadow is None and link is not None and link.ready_ns and first.ready_ns:
            count = len(pipeline.tracks)
            self.lag_ns = self._lag.lag_ns(link.sequence, first.sequence, count, now_ns)
            self.first_lag_ns = self._first_lag.lag_ns(first.sequence, link.sequence, count, now_ns)

    def covers(self, first: Link, pipeline: Pipeline, now_ns: int) -> bool:
        """Whether nothing is lost when the first connection is left at this moment."""
        link = self.link
        if link is None or link.failure or not link.ready_ns:
            return False
        if any(kinds & ~first.missing.get(symbol, 0) for symbol, kinds in link.missing.items()):
            return False
        if now_ns - link.ready_ns <= self._config.settle_ns or self.lag_ns > self._config.settle_ns:
            return False
        return self.shadow is None or all(
            shadow.state in TOLD or track.state not in TOLD
            for shadow, track in zip(self.shadow.tracks, pipeline.tracks, strict=True)
        )

    def succeed(self) -> None:
        """It covers: the next loss is answered at once again."""
        self._backoff.succeed()

    def lose(self, pipeline: Pipeline | None, now_ns: int) -> None:
        """Let the connection go; another one is made after a while."""
        link, _ = self.take(pipeline, now_ns)
        if link is not None:
            self.losses += 1
            link.close()

    def take(self, pipeline: Pipeline | None, now_ns: int) -> tuple[Link | None, Pipeline | None]:
        """Hand over the connection and its shadow; there is none until the next one is made."""
        link, shadow, self.link, self.shadow = self.link, self.shadow, None, None
        if link is not None:
            self._not_before_ns = now_ns + self._backoff.next_ns()
        if pipeline is not None:
            pipeline.set_second_source(present=False)
        return link, shadow

"""The second connection of a feed: always where it is configured, else only while the first connection must close.

    numbers are the venue's                   both connections ─▶ one pipeline, which drops the second copy
    numbers are the connection's              standby ─▶ a shadow pipeline, whose books are not published; its prints
                                              have the venue's numbers, and the first connection's tracks publish them

A standby that covers the first connection can replace it at any moment: all its subscriptions were accepted long enough
ago that it began before the first connection's last message, it does not lag the first connection, and each of its
shadow books is one that readers can follow.
"""

from collections.abc import Callable

from engine.feed.books.connection_lag import ConnectionLag
from engine.feed.books.pipeline import Pipeline
from engine.feed.config import FeedConfig
from engine.feed.connection.link import Link
from engine.model.words import BookState
from engine.venues.pace.backoff import Backoff

FOLLOWED = (BookState.GOOD, BookState.CROSSED, BookState.STALE, BookState.SHUT)


class Standby:
    """The standby connection, and its pipeline where it has one of its own."""

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

    def connect(self, pipeline: Pipeline, make_shadow: Callable[[], Pipeline] | None, now_ns: int) -> None:
        """Begin the connection when it is time; with `make_shadow` it feeds a shadow of `pipeline`."""
        if self.link is not None or now_ns < self._not_before_ns:
            return
        self.shadow = make_shadow() if make_shadow is not None else None
        if self.shadow is not None:
            self.shadow.publish_prints_by(pipeline)
        self.link = self._begin(self.shadow or pipeline, now_ns)
        self._lag, self._first_lag = ConnectionLag(), ConnectionLag()
        self.lag_ns = self.first_lag_ns = 0
        pipeline.set_second_source(present=True)

    def measure_lags(self, first: Link, pipeline: Pipeline, now_ns: int) -> None:
        """Measure how far each connection lags the other, where both bring the same books with the venue's numbers."""
        link = self.link
        if self.shadow is None and link is not None and link.ready_ns and first.ready_ns:
            count = len(pipeline.tracks)
            self.lag_ns = self._lag.lag_ns(link.sequence, first.sequence, count, now_ns)
            self.first_lag_ns = self._first_lag.lag_ns(first.sequence, link.sequence, count, now_ns)

    def covers(self, first: Link, pipeline: Pipeline, now_ns: int) -> bool:
        """Whether nothing is lost when the first connection is dropped at this moment."""
        link = self.link
        if link is None or link.failure or not link.ready_ns:
            return False
        if any(kinds & ~first.missing.get(symbol, 0) for symbol, kinds in link.missing.items()):
            return False
        if now_ns - link.ready_ns <= self._config.settle_ns or self.lag_ns > self._config.settle_ns:
            return False
        return self.shadow is None or all(
            shadow.state in FOLLOWED or track.state not in FOLLOWED
            for shadow, track in zip(self.shadow.tracks, pipeline.tracks, strict=True)
        )

    def reset_backoff(self) -> None:
        """Begin the next standby at once after this one is lost."""
        self._backoff.reset()

    def drop(self, pipeline: Pipeline | None, now_ns: int) -> None:
        """Close the connection; another one begins after a pause."""
        link, _ = self.hand_over(pipeline, now_ns)
        if link is not None:
            self.losses += 1
            link.close()

    def hand_over(self, pipeline: Pipeline | None, now_ns: int) -> tuple[Link | None, Pipeline | None]:
        """Return the connection and its shadow, and be without one until the next connection begins."""
        link, shadow, self.link, self.shadow = self.link, self.shadow, None, None
        if link is not None:
            self._not_before_ns = now_ns + self._backoff.next_ns()
        if pipeline is not None:
            pipeline.set_second_source(present=False)
        return link, shadow

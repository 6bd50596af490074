"""Books requested over REST: one request at a time for a symbol, spaced, with growing pauses after failures."""

import logging
from collections.abc import Callable

from engine.feed.books.track import Track
from engine.feed.config import FeedConfig
from engine.venues.dialect import Dialect
from engine.venues.pace.backoff import Backoff
from engine.venues.pace.budget import Budget
from engine.venues.port import RequestPort, Response

OK = 200
TIMEOUT_NS = 10_000_000_000  # a request without an answer is repeated; the port gives up after `request_timeout_ns`
LOG = logging.getLogger("steelyard.feed")


class Snapshots:
    """The requests for books that are not answered yet."""

    def __init__(self, config: FeedConfig, dialect: Dialect, requests: RequestPort, budget: Budget) -> None:
        """Begin before the first request."""
        self._budget = budget
        self._config, self._dialect, self._requests = config, dialect, requests
        self._pending: dict[int, tuple[Track, int]] = {}
        self._not_before_ns = 0
        self._track_not_before_ns: dict[int, int] = {}
        self._backoffs: dict[int, Backoff] = {}
        self.failures = 0

    def request(self, track: Track, now_ns: int, count: int = 1) -> bool:
        """Request a track's book if it is time; return whether it was requested. `count`: how many tracks need one."""
        if now_ns < max(self._not_before_ns, self._track_not_before_ns.get(track.index, 0)) or self._is_pending(
            track, now_ns
        ):
            return False
        levels = self._budget.levels(now_ns, count)
        if not levels:
            return False
        self._budget.spend(self._budget.weight(levels), now_ns)
        number = self._requests.request("GET", self._dialect.snapshot_target(track.symbol, levels), {}, b"", now_ns)
        self._pending[number] = track, now_ns
        self._not_before_ns = now_ns + self._config.request_ns
        self._track_not_before_ns[track.index] = now_ns + self._backoff(track).next_ns()
        track.mark_requested(now_ns)
        return True

    def apply(self, response: Response, now_ns: int, seed: Callable[[int, bytes], bool]) -> bool:
        """Apply a response; return False if it is not a book's. `seed(index, body)` puts the book in place."""
        pending = self._pending.pop(response.request_id, None)
        if pending is None:
            return False
        self._budget.apply(response, now_ns)
        track = pending[0]
        if response.status == OK and seed(track.index, response.body):
            if not track.wants_snapshot:
                self._backoff(track).reset()
            return True
        self.failures += 1
        track.wants_snapshot = True
        if response.status != OK:
            LOG.warning("the book of %s was not given: %s", track.symbol, response.error or f"status {response.status}")
        return True

    def forget(self) -> None:
        """Ignore the answers to earlier requests: the stream that they belong to is closed."""
        self._pending.clear()
        self._track_not_before_ns.clear()

    def _is_pending(self, track: Track, now_ns: int) -> bool:
        for number, (other, sent_ns) in list(self._pending.items()):
            if now_ns - sent_ns > TIMEOUT_NS:
                del self._pending[number]
            elif other is track:
                return True
        return False

    def _backoff(self, track: Track) -> Backoff:
        if track.index not in self._backoffs:
            config = self._config
            self._backoffs[track.index] = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed + track.index)
        return self._backoffs[track.index]

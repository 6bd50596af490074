"""Books asked for over REST: one at a time for a symbol, spaced, and slower after each failure."""

import logging
from collections.abc import Callable

from engine.feed.books.track import Track
from engine.feed.config import FeedConfig
from engine.feed.pace.backoff import Backoff
from engine.feed.pace.budget import Budget
from engine.venues.dialect import Dialect
from engine.venues.port import RequestPort, Response

OK = 200
TIMEOUT_NS = 10_000_000_000
LOG = logging.getLogger("steelyard.feed")


class Snapshots:
    """The requests for books that are on their way."""

    def __init__(self, config: FeedConfig, dialect: Dialect, requests: RequestPort, budget: Budget) -> None:
        """Nothing asked yet."""
        self._budget = budget
        self._config, self._dialect, self._requests = config, dialect, requests
        self._asked: dict[int, tuple[Track, int]] = {}
        self._not_before_ns = 0
        self._track_not_before_ns: dict[int, int] = {}
        self._backoffs: dict[int, Backoff] = {}
        self.failures = 0

    def ask(self, track: Track, now_ns: int, wanting: int = 1) -> bool:
        """Ask for a track's book if it is time to; whether it was asked for. `wanting`: how many want one."""
        if now_ns < max(self._not_before_ns, self._track_not_before_ns.get(track.index, 0)) or self._is_asked(
            track, now_ns
        ):
            return False
        levels = self._budget.levels(now_ns, wanting)
        if not levels:
            return False
        self._budget.spend(self._budget.weight(levels), now_ns)
        number = self._requests.request("GET", self._dialect.snapshot_target(track.symbol, levels), {}, b"", now_ns)
        self._asked[number] = track, now_ns
        self._not_before_ns = now_ns + self._config.request_ns
        self._track_not_before_ns[track.index] = now_ns + self._backoff(track).next_ns()
        track.mark_requested(now_ns)
        return True

    def take(self, response: Response, now_ns: int, apply: Callable[[int, bytes], bool]) -> bool:
        """Take a response if it is a book that was asked for; `apply` puts it in place."""
        asked = self._asked.pop(response.request_id, None)
        if asked is None:
            return False
        self._budget.hear(response, now_ns)
        track = asked[0]
        if response.status == OK and apply(track.index, response.body):
            if not track.wants_snapshot:
                self._backoff(track).succeed()
            return True
        self.failures += 1
        track.wants_snapshot = True
        if response.status != OK:
            LOG.warning("the book of %s was not given: %s", track.symbol, response.error or f"status {response.status}")
        return True

    def forget(self) -> None:
        """The stream they belonged to is gone; late answers are not for this one."""
        self._asked.clear()
        self._track_not_before_ns.clear()

    def _is_asked(self, track: Track, now_ns: int) -> bool:
        for number, (other, asked_ns) in list(self._asked.items()):
            if now_ns - asked_ns > TIMEOUT_NS:
                del self._asked[number]
            elif other is track:
                return True
        return False

    def _backoff(self, track: Track) -> Backoff:
        if track.index not in self._backoffs:
            config = self._config
            self._backoffs[track.index] = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed + track.index)
        return self._backoffs[track.index]

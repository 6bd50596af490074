"""When to subscribe a book again whose snapshot comes with the subscription: at once, then with growing pauses."""

from engine.feed.books.track import Track
from engine.feed.config import FeedConfig
from engine.model.words import BookState
from engine.venues.pace.backoff import Backoff

WRONG = (BookState.SUSPECT, BookState.MISFIT)


class Resubscriptions:
    """Spaces the attempts, for a venue whose snapshots never match (its precision changed, for example)."""

    def __init__(self, config: FeedConfig) -> None:
        """Begin before the first attempt."""
        self._config = config
        self._attempt_ns: dict[int, int] = {}
        self._not_before_ns: dict[int, int] = {}
        self._backoffs: dict[int, Backoff] = {}

    def is_due(self, track: Track, accepted_ns: int, now_ns: int) -> bool:
        """Whether to try now: the book is wrong, or no snapshot came in time after the subscription or last attempt."""
        attempt_ns = max(accepted_ns, self._attempt_ns.get(track.index, 0))
        if now_ns - attempt_ns > self._config.subscribe_ns:
            return True
        return track.state in WRONG and now_ns >= self._not_before_ns.get(track.index, 0)

    def count(self, track: Track, now_ns: int) -> None:
        """Count an attempt."""
        if track.index not in self._backoffs:
            config = self._config
            self._backoffs[track.index] = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed + track.index)
        self._attempt_ns[track.index] = now_ns
        self._not_before_ns[track.index] = now_ns + self._backoffs[track.index].next_ns()

    def reset(self, track: Track) -> None:
        """Forget the attempts of a book that is good again: the next one is at once."""
        if self._backoffs.pop(track.index, None) is not None:
            del self._not_before_ns[track.index]

"""When a book whose snapshots come with a subscription is subscribed anew: at once, then slower after each failure."""

from engine.feed.books.track import Track
from engine.feed.config import FeedConfig
from engine.feed.pace.backoff import Backoff
from engine.model.words import BookState

DOUBTED = (BookState.SUSPECT, BookState.MISFIT)


class Resubscriptions:
    """A venue whose snapshots never add up (its precision changed, say) must not be asked without a pause."""

    def __init__(self, config: FeedConfig) -> None:
        """Nothing asked yet."""
        self._config = config
        self._asked_ns: dict[int, int] = {}
        self._not_before_ns: dict[int, int] = {}
        self._backoffs: dict[int, Backoff] = {}

    def is_due(self, track: Track, since_ns: int, now_ns: int) -> bool:
        """Whether to ask: the book is known to be wrong, or what was asked for, or stands since then, has not come."""
        asked_ns = max(since_ns, self._asked_ns.get(track.index, 0))
        if now_ns - asked_ns > self._config.subscribe_ns:
            return True
        return track.state in DOUBTED and now_ns >= self._not_before_ns.get(track.index, 0)

    def note(self, track: Track, now_ns: int) -> None:
        """It was asked."""
        if track.index not in self._backoffs:
            config = self._config
            self._backoffs[track.index] = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed + track.index)
        self._asked_ns[track.index] = now_ns
        self._not_before_ns[track.index] = now_ns + self._backoffs[track.index].next_ns()

    def succeed(self, track: Track) -> None:
        """The book holds: the next doubt is answered at once again."""
        if self._backoffs.pop(track.index, None) is not None:
            del self._not_before_ns[track.index]

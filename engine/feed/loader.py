"""The feed's instruments: from the venue, or from disk and marked old while the venue's REST side is down."""

import logging
from collections.abc import Mapping

from engine.feed.backoff import Backoff
from engine.feed.config import FeedConfig
from engine.feed.instruments import load_instruments, save_instruments
from engine.model.instrument import Instrument
from engine.venues.dialect import Dialect
from engine.venues.port import RequestPort, Response

OK = 200
TIMEOUT_NS = 10_000_000_000
LOG = logging.getLogger("steelyard.feed")


class Loader:
    """Asks until the venue has answered; gives what is on disk after the first failure."""

    def __init__(self, config: FeedConfig, dialect: Dialect, requests: RequestPort) -> None:
        """Nothing asked yet."""
        self._config, self._dialect, self._requests = config, dialect, requests
        self._backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed)
        self._asked = -1
        self._deadline_ns = self._not_before_ns = 0
        self.instruments: tuple[Instrument, ...] = ()
        self.old = False
        self.done = False

    def ask(self, now_ns: int) -> None:
        """Ask the venue, again after a failure."""
        if self._config.kept_only:
            self._take_kept()
            return
        if self._asked >= 0 and now_ns > self._deadline_ns:
            self._fail("no answer in time", now_ns)
        if self._asked < 0 and not self.done and now_ns >= self._not_before_ns:
            target = self._dialect.instruments_target(self._config.symbols)
            self._asked = self._requests.request("GET", target, {}, b"", now_ns)
            self._deadline_ns = now_ns + TIMEOUT_NS

    def take(self, response: Response, now_ns: int) -> bool:
        """Take a response if it is the venue's metadata."""
        if response.request_id != self._asked:
            return False
        if response.status != OK:
            self._fail(response.error or f"status {response.status}", now_ns)
            return True
        try:
            fresh = tuple(self._dialect.instruments(response.body, self._config.symbols))
        except (ValueError, KeyError, TypeError) as error:
            self._fail(f"metadata that cannot be read: {error!r}", now_ns)
            return True
        self._asked, self.done = -1, True
        self._accept(fresh, now_ns)
        return True

    def _accept(self, fresh: tuple[Instrument, ...], now_ns: int) -> None:
        if self._config.instruments_path:
            save_instruments(self._config.instruments_path, fresh, now_ns)
        if not self.instruments or decimals_of(self.instruments) == decimals_of(fresh):
            self.instruments, self.old = fresh, False
            return
        LOG.error("decimals changed since the copy on disk was made: it is replaced, this feed must be started anew")

    def _fail(self, reason: str, now_ns: int) -> None:
        self._asked = -1
        self._not_before_ns = now_ns + self._backoff.next_ns()
        LOG.warning("instruments of %s: %s", self._config.venue, reason)
        self._take_kept()

    def _take_kept(self) -> None:
        """The copy on disk, where nothing is known yet and it is of the same symbols."""
        kept = None if self.instruments else load_instruments(self._config.instruments_path)
        wanted = self._config.symbols
        if kept and {one.symbol: one.id for one in kept.instruments} == dict(wanted):
            self.instruments, self.old = kept.instruments, True


def decimals_of(instruments: tuple[Instrument, ...]) -> Mapping[int, tuple[int, int]]:
    """What a book's numbers depend on."""
    return {one.id: (one.price_decimals, one.size_decimals) for one in instruments}

"""The feed's instruments: from the venue, or a copy from disk that is marked old until the venue answers.

    stream      where the venue sends them by itself; while the stream is live nothing is requested
    requests    elsewhere, and while the stream is down: at the start, after a failure, and at intervals
    disk        the last known instruments, while neither answers

A request that the venue rejects as a whole is repeated in halves: this finds the symbol that the venue does not know,
and the others are not affected. Decimals that running roles use never change under them: an instrument whose decimals
the venue changed is a misfit until the system is started again.
"""

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from engine.feed.config import SECOND_NS, FeedConfig
from engine.feed.instruments.instrument_stream import InstrumentStream
from engine.feed.instruments.instruments import load_instruments, save_instruments
from engine.model.instrument import Instrument
from engine.venues.dialect import Dialect, Listing, Unreadable, guarded
from engine.venues.pace.backoff import Backoff
from engine.venues.pace.budget import Budget
from engine.venues.port import RequestPort, Response

OK = 200
WRONG_QUESTION = (400, 404)  # the venue answered, and does not know the requested symbol
TIMEOUT_NS = 10_000_000_000  # a request without an answer has failed; the port gives up after `request_timeout_ns`
WEIGHT = 20  # of exchangeInfo
SHOWN = 200  # characters of a rejection
EAGER_NS = 5 * SECOND_NS  # the longest pause between two requests while nothing is confirmed: other roles wait
GRACE_NS = 5 * SECOND_NS  # how long a stream may be down before anything is requested
BESIDE_NS = 60 * SECOND_NS  # how often the metadata is requested while a stream is down
LOG = logging.getLogger("steelyard.feed")


class InstrumentSource:
    """What is known of the symbols. `revision` rises with every change."""

    def __init__(
        self,
        config: FeedConfig,
        dialect: Dialect,
        requests: RequestPort,
        budget: Budget,
        stream: InstrumentStream | None = None,
    ) -> None:
        """Begin before the first request."""
        self._stream = stream
        self._config, self._dialect, self._requests, self._budget = config, dialect, requests, budget
        self._backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed)
        eager_ns = max(config.retry_min_ns, min(config.retry_max_ns, EAGER_NS))
        self._eager = Backoff(config.retry_min_ns, eager_ns, config.seed)
        self._hurry = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed)
        self._groups: deque[tuple[str, ...]] = deque()
        self._round: list[Listing] = []
        self._request = -1
        self._deadline_ns = self._not_before_ns = 0
        self._hurried = self._renewing = self._was_live = False
        self.instruments: dict[str, Instrument] = {}
        self.refused: dict[str, str] = {}
        self.misfits: dict[str, str] = {}
        self.old = False
        self.revision = 0

    def update(self, now_ns: int) -> None:
        """Read the stream, and request the metadata when it is due."""
        if self._config.kept_only:
            if not self.instruments:
                self._load_copy()
            return
        if self._stream is not None and self._read_stream(self._stream, now_ns):
            return
        if self._request >= 0 and now_ns > self._deadline_ns:
            self._fail("no answer in time", now_ns)
        if self._request >= 0 or now_ns < self._not_before_ns or not self._budget.allows(self._weight, now_ns):
            return
        if not self._groups:
            self._groups.append(tuple(self._config.symbols))
        self._budget.spend(self._weight, now_ns)
        target = self._dialect.instruments_target(self._groups[0])
        self._request = self._requests.request("GET", target, {}, b"", now_ns)
        self._deadline_ns = now_ns + TIMEOUT_NS

    def reload(self, now_ns: int) -> None:
        """Request early because the venue's decimals differ from ours; with growing pauses if that does not help."""
        if not self._hurried:
            self._hurried = True
            self._not_before_ns = min(self._not_before_ns, now_ns + self._hurry.next_ns())

    def apply(self, response: Response, now_ns: int) -> bool:
        """Apply a response; return False if it is not the venue's metadata."""
        if response.request_id != self._request:
            return False
        self._request = -1
        self._budget.apply(response, now_ns)
        group = self._groups[0]
        if response.status in WRONG_QUESTION:
            self._groups.popleft()
            self._split(group, response)
        elif response.status != OK:
            self._fail(response.error or f"status {response.status}", now_ns)
            return True
        elif not self._read(group, response.body, now_ns):
            return True
        if not self._groups:
            self._accept(now_ns)
        return True

    def close(self) -> None:
        """Close the stream."""
        if self._stream is not None:
            self._stream.close()

    def _read_stream(self, stream: InstrumentStream, now_ns: int) -> bool:
        """Read the stream; return whether nothing needs to be requested."""
        listing = stream.read(now_ns)
        if listing is not None:
            self._apply_listing(listing, now_ns)
        if stream.is_live:
            if self._hurried and not self._renewing and now_ns >= self._not_before_ns:
                self._renewing = True
                stream.renew()
        else:
            self._bridge(stream, now_ns)
        self._was_live = stream.is_live
        return not stream.failed

    def _bridge(self, stream: InstrumentStream, now_ns: int) -> None:
        """Continue while the stream is down; its last word on the whole venue stays valid."""
        if self._was_live:
            self._renewing = False
            self._not_before_ns = min(self._not_before_ns, now_ns + GRACE_NS)
        if stream.venue_closed and any(one.trading for one in self.instruments.values()):
            self._close_all()
            self.revision += 1

    def _close_all(self) -> None:
        """Mark every instrument as not tradable."""
        self.instruments = {symbol: replace(one, trading=False) for symbol, one in self.instruments.items()}

    def _apply_listing(self, listing: Listing, now_ns: int) -> None:
        """Apply a listing of the stream; it is newer than any answer to a pending request."""
        self._request = -1
        self._groups.clear()
        self._round[:] = [listing]
        if self._renewing:
            self._hurried = self._renewing = False
            self._not_before_ns = now_ns + self._config.instruments_ns
        elif not self._hurried and now_ns >= self._not_before_ns:
            self._hurry.reset()
            self._not_before_ns = now_ns + self._config.instruments_ns
        self._apply_round(now_ns)

    @property
    def _weight(self) -> int:
        return WEIGHT if self._dialect.weight_limit else 0

    def _split(self, group: tuple[str, ...], response: Response) -> None:
        """Halve a rejected group; a group of one is the unknown symbol."""
        if len(group) == 1:
            text = response.body[:SHOWN].decode(errors="replace")
            self._round.append(Listing((), {group[0]: f"status {response.status}: {text}"}))
            return
        half = (len(group) + 1) // 2
        self._groups.extend((group[:half], group[half:]))

    def _read(self, group: tuple[str, ...], body: bytes, now_ns: int) -> bool:
        ids = self._config.symbols
        listing = guarded(lambda: self._dialect.instruments(body, {symbol: ids[symbol] for symbol in group}))
        if isinstance(listing, Unreadable):
            self._fail(f"metadata that cannot be read: {listing.text}", now_ns)
            return False
        self._groups.popleft()
        self._round.append(listing)
        return True

    def _accept(self, now_ns: int) -> None:
        """Apply the answers once everything requested is answered."""
        self._not_before_ns = now_ns + (BESIDE_NS if self._stream else self._config.instruments_ns)
        if not self._hurried:
            self._hurry.reset()
        self._hurried = False
        self._apply_round(now_ns)

    def _apply_round(self, now_ns: int) -> None:
        """Apply the listings of this round."""
        fresh = [one for listing in self._round for one in listing.instruments]
        refused = {symbol: text for listing in self._round for symbol, text in listing.refused.items()}
        self._round.clear()
        self._backoff.reset()
        self._eager.reset()
        self.old = False
        if self._config.instruments_path and fresh:
            self._keep(fresh, now_ns)
        self._place(fresh)
        self._apply_missing(refused)
        if self._stream is not None and self._stream.venue_closed:
            self._close_all()  # an answer to a request does not contain the venue's own status
        self.revision += 1

    def _keep(self, fresh: list[Instrument], now_ns: int) -> None:
        """Keep a copy on disk; without one, only a later start without the venue fails."""
        try:
            save_instruments(self._config.instruments_path, fresh, now_ns)
        except OSError as error:
            LOG.error("%s: cannot keep a copy of the instruments on disk: %s", self._config.name, error)  # noqa: TRY400 - no trace

    def _place(self, fresh: Iterable[Instrument]) -> None:
        """Apply what has the decimals in use; with `relist`, or where none are in use, apply any decimals."""
        for one in fresh:
            self.refused.pop(one.symbol, None)
            self.misfits.pop(one.symbol, None)
            known = self.instruments.get(one.symbol)
            in_use = decimals_of(known) if known else self._config.pinned.get(one.symbol)
            if in_use in (None, decimals_of(one)):
                self.instruments[one.symbol] = replace(one, version=known.version if known else 1)
            elif self._config.relist:
                self.instruments[one.symbol] = replace(one, version=known.version + 1 if known else 1)
            else:
                text = f"decimals are {decimals_of(one)}, the roles of this system use {in_use}"
                self.misfits[one.symbol] = text

    def _apply_missing(self, refused: dict[str, str]) -> None:
        """Refuse unlisted symbols. A delisted one becomes not tradable; its stream decides about its book."""
        for symbol, text in refused.items():
            known = self.instruments.get(symbol)
            if known is None:
                self.refused[symbol] = text
            elif known.trading:
                LOG.error("%s: %s of %s: %s", self._config.name, symbol, self._config.venue, text)
                self.instruments[symbol] = replace(known, trading=False)

    def _fail(self, reason: str, now_ns: int) -> None:
        self._request = -1
        self._groups.clear()
        self._round.clear()
        unconfirmed = self.old or not self.instruments
        self._not_before_ns = now_ns + (self._eager if unconfirmed else self._backoff).next_ns()
        LOG.warning("instruments of %s: %s", self._config.venue, reason)
        if not self.instruments:
            self._load_copy()

    def _load_copy(self) -> None:
        """Use the copy on disk for the symbols that it has; a copy of another product has other numbers."""
        kept = load_instruments(self._config.instruments_path)
        wanted, venue = self._config.symbols, self._config.venue
        copies = [one for one in kept.instruments if one.venue == venue] if kept else []
        known = [replace(one, id=wanted[one.symbol]) for one in copies if one.symbol in wanted]
        if known:
            self.old = True
            self._place(known)
            self.revision += 1


def decimals_of(instrument: Instrument) -> tuple[int, int]:
    """Return the decimals of an instrument's prices and sizes."""
    return instrument.price_decimals, instrument.size_decimals

"""The feed's instruments: from the venue, or from disk and marked old while nothing can be had of the venue.

    bulletin    where the venue tells them by itself; while it stands nothing is asked
    requests    elsewhere, and while the bulletin is away: at the start, after a failure, and now and then for ever
    disk        what was known last, while neither answers

A request that the venue refuses as a whole is asked again in halves, so that a symbol it does not know is found and
hurts no other. Decimals that living roles believe never change under them: an instrument whose venue changed them is a
misfit until the system is brought up anew.
"""

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from engine.feed.config import SECOND_NS, FeedConfig
from engine.feed.instruments.bulletin import Bulletin
from engine.feed.instruments.instruments import load_instruments, save_instruments
from engine.feed.pace.backoff import Backoff
from engine.feed.pace.budget import Budget
from engine.model.instrument import Instrument
from engine.venues.dialect import Dialect, Listing, Unreadable, guarded
from engine.venues.port import RequestPort, Response

OK = 200
WRONG_QUESTION = (400, 404)  # the venue answered, and does not know what it was asked for
TIMEOUT_NS = 10_000_000_000
WEIGHT = 20  # of exchangeInfo
SHOWN = 200  # characters of an answer that says no
EAGER_NS = 5 * SECOND_NS  # at most this between two questions while the venue has confirmed nothing: somebody waits
GRACE_NS = 5 * SECOND_NS  # a bulletin that stood may take so long to come back before anything is asked
BESIDE_NS = 60 * SECOND_NS  # how often is asked what a bulletin would have told
LOG = logging.getLogger("steelyard.feed")


class Loader:
    """What is known of the symbols. `revision` rises with every change of it."""

    def __init__(
        self,
        config: FeedConfig,
        dialect: Dialect,
        requests: RequestPort,
        budget: Budget,
        bulletin: Bulletin | None = None,
    ) -> None:
        """Nothing asked yet."""
        self._bulletin = bulletin
        self._config, self._dialect, self._requests, self._budget = config, dialect, requests, budget
        self._backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed)
        eager_ns = max(config.retry_min_ns, min(config.retry_max_ns, EAGER_NS))
        self._eager = Backoff(config.retry_min_ns, eager_ns, config.seed)
        self._hurry = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed)
        self._groups: deque[tuple[str, ...]] = deque()
        self._round: list[Listing] = []
        self._asked = -1
        self._deadline_ns = self._not_before_ns = 0
        self._hurried = self._renewing = self._stood = False
        self.instruments: dict[str, Instrument] = {}
        self.refused: dict[str, str] = {}
        self.misfits: dict[str, str] = {}
        self.old = False
        self.revision = 0

    def ask(self, now_ns: int) -> None:
        """Ask the venue when it is time to."""
        if self._config.kept_only:
            if not self.instruments:
                self._remember()
            return
        if self._bulletin is not None and self._listen(self._bulletin, now_ns):
            return
        if self._asked >= 0 and now_ns > self._deadline_ns:
            self._fail("no answer in time", now_ns)
        if self._asked >= 0 or now_ns < self._not_before_ns or not self._budget.allows(self._weight, now_ns):
            return
        if not self._groups:
            self._groups.append(tuple(self._config.symbols))
        self._budget.spend(self._weight, now_ns)
        target = self._dialect.instruments_target(self._groups[0])
        self._asked = self._requests.request("GET", target, {}, b"", now_ns)
        self._deadline_ns = now_ns + TIMEOUT_NS

    def reload(self, now_ns: int) -> None:
        """Ask before the time: the venue's numbers are not what was loaded. Ever later when that does not help."""
        if not self._hurried:
            self._hurried = True
            self._not_before_ns = min(self._not_before_ns, now_ns + self._hurry.next_ns())

    def take(self, response: Response, now_ns: int) -> bool:
        """Take a response if it is the venue's metadata."""
        if response.request_id != self._asked:
            return False
        self._asked = -1
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
        """Let go of the network."""
        if self._bulletin is not None:
            self._bulletin.close()

    def _listen(self, bulletin: Bulletin, now_ns: int) -> bool:
        """Hear what the venue tells by itself; whether nothing need be asked beside it."""
        listing = bulletin.take(now_ns)
        if listing is not None:
            self._hear(listing, now_ns)
        if bulletin.standing:
            if self._hurried and not self._renewing and now_ns >= self._not_before_ns:
                self._renewing = True
                bulletin.renew()
        else:
            self._go_without(bulletin, now_ns)
        self._stood = bulletin.standing
        return not bulletin.failed

    def _go_without(self, bulletin: Bulletin, now_ns: int) -> None:
        """Go on without a bulletin; what it says of the whole venue is heeded even so."""
        if self._stood:
            self._renewing = False
            self._not_before_ns = min(self._not_before_ns, now_ns + GRACE_NS)
        if bulletin.shut and any(one.trading for one in self.instruments.values()):
            self._shut()
            self.revision += 1

    def _shut(self) -> None:
        """Let nothing be traded."""
        self.instruments = {symbol: replace(one, trading=False) for symbol, one in self.instruments.items()}

    def _hear(self, listing: Listing, now_ns: int) -> None:
        """Take what the venue told; it is newer than any answer that is under way."""
        self._asked = -1
        self._groups.clear()
        self._round[:] = [listing]
        if self._renewing:
            self._hurried = self._renewing = False
            self._not_before_ns = now_ns + self._config.instruments_ns
        elif not self._hurried and now_ns >= self._not_before_ns:
            self._hurry.reset()
            self._not_before_ns = now_ns + self._config.instruments_ns
        self._adopt(now_ns)

    @property
    def _weight(self) -> int:
        return WEIGHT if self._dialect.weight_limit else 0

    def _split(self, group: tuple[str, ...], response: Response) -> None:
        """Find who is not known; a group of one is."""
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
        """The venue has told everything that was asked for."""
        self._not_before_ns = now_ns + (BESIDE_NS if self._bulletin else self._config.instruments_ns)
        if not self._hurried:
            self._hurry.reset()
        self._hurried = False
        self._adopt(now_ns)

    def _adopt(self, now_ns: int) -> None:
        """Take over what was told."""
        fresh = [one for listing in self._round for one in listing.instruments]
        refused = {symbol: text for listing in self._round for symbol, text in listing.refused.items()}
        self._round.clear()
        self._backoff.reset()
        self._eager.reset()
        self.old = False
        if self._config.instruments_path and fresh:
            self._keep(fresh, now_ns)
        self._place(fresh)
        self._miss(refused)
        if self._bulletin is not None and self._bulletin.shut:
            self._shut()  # requests tell of symbols alone
        self.revision += 1

    def _keep(self, fresh: list[Instrument], now_ns: int) -> None:
        """Keep a copy on disk; a disk that takes none costs a start without the venue, and not this feed."""
        try:
            save_instruments(self._config.instruments_path, fresh, now_ns)
        except OSError as error:
            LOG.error("%s: no copy of the instruments is kept: %s", self._config.name, error)  # noqa: TRY400 - no trace

    def _place(self, fresh: Iterable[Instrument]) -> None:
        """Take what fits the decimals that are believed, or anything where nobody believes any."""
        for one in fresh:
            self.refused.pop(one.symbol, None)
            self.misfits.pop(one.symbol, None)
            known = self.instruments.get(one.symbol)
            believed = decimals_of(known) if known else self._config.pinned.get(one.symbol)
            if believed in (None, decimals_of(one)):
                self.instruments[one.symbol] = replace(one, version=known.version if known else 1)
            elif self._config.relist:
                self.instruments[one.symbol] = replace(one, version=known.version + 1 if known else 1)
            else:
                text = f"decimals are {decimals_of(one)}, the roles of this system live by {believed}"
                self.misfits[one.symbol] = text

    def _miss(self, refused: dict[str, str]) -> None:
        """What is not listed is refused; what was, may be traded no more, and its book is the stream's own affair."""
        for symbol, text in refused.items():
            known = self.instruments.get(symbol)
            if known is None:
                self.refused[symbol] = text
            elif known.trading:
                LOG.error("%s: %s of %s: %s", self._config.name, symbol, self._config.venue, text)
                self.instruments[symbol] = replace(known, trading=False)

    def _fail(self, reason: str, now_ns: int) -> None:
        self._asked = -1
        self._groups.clear()
        self._round.clear()
        waited_for = self.old or not self.instruments
        self._not_before_ns = now_ns + (self._eager if waited_for else self._backoff).next_ns()
        LOG.warning("instruments of %s: %s", self._config.venue, reason)
        if not self.instruments:
            self._remember()

    def _remember(self) -> None:
        """Take the copy on disk, of the symbols it has; one of another product has other numbers."""
        kept = load_instruments(self._config.instruments_path)
        wanted, venue = self._config.symbols, self._config.venue
        copies = [one for one in kept.instruments if one.venue == venue] if kept else []
        known = [replace(one, id=wanted[one.symbol]) for one in copies if one.symbol in wanted]
        if known:
            self.old = True
            self._place(known)
            self.revision += 1


def decimals_of(instrument: Instrument) -> tuple[int, int]:
    """What a book's numbers depend on."""
    return instrument.price_decimals, instrument.size_decimals

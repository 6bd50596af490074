"""The symbols of a feed as their venue lists them: which are followed, by which decimals, and why the others are not.

    loader ─▶ take ─┬─▶ a track of the pipeline      listed, and read by its decimals
                    ├─▶ MISFIT                       its numbers are not what readers live by, or finer than was told
                    ├─▶ REFUSED                      not listed, or not to be taken exactly
                    └─▶ show                         whatever is known, in the cells that everybody reads numbers by

It knows nothing of connections: which symbols to subscribe is what `take` returns.
"""

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType

from engine.feed.books.order_track import OrderTrack
from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.spread import SpreadAlarms
from engine.feed.books.track import Track
from engine.feed.config import FeedConfig
from engine.feed.instruments.loader import Loader, decimals_of
from engine.feed.instruments.precision import misfits_of, misfits_of_book
from engine.model.instrument import Instrument
from engine.model.words import BookState
from engine.venues.border import Border
from engine.venues.dialect import Dialect

LOG = logging.getLogger("steelyard.feed")
NOTHING_MISSING: Mapping[str, int] = MappingProxyType({})

# instrument, cell, an old copy, channels missing, the spread alarm that is raised, now_ns
Show = Callable[[Instrument, int, bool, int, float, int], None]


class Listings:
    """What is followed. `pipeline` is made for the first symbol, and everything in it is told to the outbox."""

    def __init__(self, config: FeedConfig, dialect: Dialect, loader: Loader, outbox: Outbox, show: Show) -> None:
        """Nothing is followed until the loader knows something."""
        self._config, self._dialect, self._loader, self._outbox = config, dialect, loader, outbox
        self._border = Border(dialect, config.name)
        self.show = show
        self._listed: dict[str, tuple[int, int]] = {}  # the decimals that the scanner reads a symbol by
        self._missed: dict[str, str] = {}
        self._revision = 0
        self._misfit_check_ns = 0
        self.misfits: dict[str, str] = {}
        self.spreads = SpreadAlarms(config.name, config.alarm_spreads)
        self.tracks: dict[str, Track] = {}
        self.pipeline: Pipeline | None = None

    def begin(self, now_ns: int) -> None:
        """Say that there is no book yet."""
        for symbol, instrument in self._config.symbols.items():
            self._outbox.void(instrument, self._config.cell(symbol), now_ns)

    def news(self, now_ns: int) -> bool:
        """Look after the metadata; whether there is something to `take`."""
        self._loader.ask(now_ns)
        return self._loader.revision != self._revision

    def take(self, now_ns: int) -> tuple[list[str], bool]:
        """Take over what the metadata has come to be: the symbols that are new, and whether others changed decimals."""
        self._revision = self._loader.revision
        added, changed = [], False
        for symbol in self._config.symbols:
            one = self._loader.instruments.get(symbol)
            if one is None:
                self._miss(symbol, now_ns)
            elif symbol not in self.tracks:
                self._add(one)
                added.append(symbol)
            elif decimals_of(one) != self._listed[symbol]:
                self._relist(one, now_ns)
                changed = True
        self._shut(now_ns)
        self._release(now_ns)
        return added, changed

    def doubt(self, symbol: str, text: str, now_ns: int) -> None:
        """The venue's numbers do not fit the instrument: say so, ask for its metadata, and not for the book."""
        if symbol not in self.misfits:
            self.misfits[symbol] = text
            LOG.error("%s: %s: %s", self._config.name, symbol, text)
            self.tracks[symbol].mark_misfit(now_ns)
            self._loader.reload(now_ns)

    def doubt_frame(self, frame: bytes, now_ns: int) -> None:
        """See whether a frame was refused for a number finer than its instrument; parsing it is dear, so not each."""
        if now_ns >= self._misfit_check_ns:
            self._misfit_check_ns = now_ns + self._config.check_ns
            for symbol, text in misfits_of(frame, self._dialect, self._loader.instruments).items():
                self.doubt(symbol, text, now_ns)

    def doubt_book(self, body: bytes, symbol: str, now_ns: int) -> None:
        """The same of a book that was asked for."""
        for misfit, text in misfits_of_book(body, symbol, self._loader.instruments).items():
            self.doubt(misfit, text, now_ns)

    def show_all(self, missing: Mapping[str, int], now_ns: int) -> None:
        """Show every symbol; `missing` are the channels that do not come."""
        for symbol in self._config.symbols:
            self.show_one(symbol, missing, now_ns)

    def show_one(self, symbol: str, missing: Mapping[str, int], now_ns: int) -> None:
        """Show what is known of a symbol, and of one that the venue does not list that nothing can be traded."""
        one = self._loader.instruments.get(symbol)
        if one is None and symbol in self._loader.refused:
            one = unlisted(self._config.venue, symbol, self._config.symbols[symbol])
        if one is not None:
            alarm_bps = self.spreads.raised.get(symbol, 0.0)
            self.show(one, self._config.cell(symbol), self._loader.old, missing.get(symbol, 0), alarm_bps, now_ns)

    def shadow(self) -> Pipeline:
        """A pipeline like the first, told to nobody."""
        assert self.pipeline is not None, "a shadow of nothing"
        shadow = self._make_pipeline(Outbox())
        for first in self.pipeline.tracks:
            shadow.market.add(first.symbol, *self._listed[first.symbol])
            shadow.add(self._track(first.index, self._loader.instruments[first.symbol], shadow.outbox))
        return shadow

    def take_over(self, shadow: Pipeline) -> None:
        """A shadow is the first from here on."""
        self.pipeline = shadow
        self.tracks = {track.symbol: track for track in shadow.tracks}

    def _miss(self, symbol: str, now_ns: int) -> None:
        """A symbol that cannot be followed is told with its reason, once, and hurts no other."""
        misfit, refused = self._loader.misfits.get(symbol, ""), self._loader.refused.get(symbol, "")
        if (misfit or refused) and self._missed.get(symbol) != misfit + refused:
            self._missed[symbol] = misfit + refused
            LOG.error("%s: %s is not followed: %s", self._config.name, symbol, misfit or refused)
            state = BookState.MISFIT if misfit else BookState.REFUSED
            self._outbox.void(self._config.symbols[symbol], self._config.cell(symbol), now_ns, state)

    def _add(self, one: Instrument) -> None:
        if self.pipeline is None:
            self.pipeline = self._make_pipeline(self._outbox)
        index = self.pipeline.market.add(one.symbol, one.price_decimals, one.size_decimals)
        self.tracks[one.symbol] = self._track(index, one, self._outbox)
        self._listed[one.symbol] = decimals_of(one)
        self.pipeline.add(self.tracks[one.symbol])

    def _relist(self, one: Instrument, now_ns: int) -> None:
        """The venue changed its decimals, and nobody decides by the old ones."""
        assert self.pipeline is not None, "a listing without a pipeline"
        name, before, self._listed[one.symbol] = self._config.name, self._listed[one.symbol], decimals_of(one)
        LOG.warning("%s: the decimals of %s were %s and are %s", name, one.symbol, before, decimals_of(one))
        self.pipeline.relist(self.tracks[one.symbol].index, one.price_decimals, one.size_decimals, now_ns)

    def _shut(self, now_ns: int) -> None:
        """Say of each book whether the venue takes orders for it; a recording without metadata does not know."""
        if not self._config.kept_only:
            for symbol, track in self.tracks.items():
                track.set_accepting_orders(self._loader.instruments[symbol].trading, now_ns)

    def _release(self, now_ns: int) -> None:
        """The venue was asked anew: a misfit is tried again, unless the metadata says that it stays one."""
        for symbol in list(self.misfits):
            text = self._loader.misfits.get(symbol)
            if text is None:
                del self.misfits[symbol]
                self.tracks[symbol].wants_snapshot = True
            elif self.misfits[symbol] != text:
                self.misfits[symbol] = text
                LOG.error("%s: %s: %s; engine-ctl down and up takes them over", self._config.name, symbol, text)
        for symbol in set(self._loader.misfits) & set(self.tracks):
            self.doubt(symbol, self._loader.misfits[symbol], now_ns)

    def _make_pipeline(self, outbox: Outbox) -> Pipeline:
        return Pipeline(self._dialect.market(), outbox, self._spoilt_by)

    def _spoilt_by(self, frame: bytes) -> tuple[str, ...]:
        """The books that a malformed frame spoils: asked before the frames after it are taken."""
        return self._border.spoilt(frame, self.tracks)

    def _track(self, index: int, one: Instrument, outbox: Outbox) -> Track:
        rule, depth, cell = self._dialect.rule(), self._dialect.depth, self._config.cell(one.symbol)
        track = OrderTrack if self._dialect.by_order else Track
        made = track(index, one.id, one.symbol, rule, outbox, depth, self._config.levels, cell)
        made.set_accepting_orders(one.trading or self._config.kept_only, 0)
        return made


def unlisted(venue: str, symbol: str, number: int) -> Instrument:
    """What stands for a symbol that the venue does not list: nothing of it can be traded, and nobody waits for it."""
    return Instrument(number, venue, symbol, "", "", 0, 0, 1, 1, 1, 1, 0, trading=False, kind="unlisted")

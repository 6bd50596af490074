"""The symbols of a feed as their venue lists them: which are followed, by which decimals, and why the others are not.

    source ─▶ apply_news ─┬─▶ a track of the pipeline   listed, and read by its decimals
                          ├─▶ MISFIT                    its decimals are not those in use, or its numbers are finer
                          ├─▶ REFUSED                   not listed, or it has a number that does not fit
                          └─▶ publish                   what is known, in the cells from which roles read decimals

It has no connections: `apply_news` returns the symbols to subscribe.
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
from engine.feed.instruments.instrument_source import InstrumentSource, decimals_of
from engine.feed.instruments.precision import misfits_of, misfits_of_book
from engine.model.instrument import Instrument
from engine.model.words import BookState
from engine.venues.border import Border
from engine.venues.dialect import Dialect

LOG = logging.getLogger("steelyard.feed")
NOTHING_MISSING: Mapping[str, int] = MappingProxyType({})

# instrument, cell, whether it is an old copy, channels missing, the raised spread alarm, now_ns
Publish = Callable[[Instrument, int, bool, int, float, int], None]


class ListedSymbols:
    """What is followed. `pipeline` is made for the first symbol, and publishes to the outbox."""

    def __init__(
        self, config: FeedConfig, dialect: Dialect, source: InstrumentSource, outbox: Outbox, publish: Publish
    ) -> None:
        """Follow nothing until the source knows an instrument."""
        self._config, self._dialect, self._source, self._outbox = config, dialect, source, outbox
        self._border = Border(dialect, config.name)
        self._publish = publish
        self._listed: dict[str, tuple[int, int]] = {}  # the decimals by which the scanner reads each symbol
        self._reported: dict[str, str] = {}
        self._revision = 0
        self._misfit_check_ns = 0
        self.misfits: dict[str, str] = {}
        self.spreads = SpreadAlarms(config.name, config.alarm_spreads)
        self.tracks: dict[str, Track] = {}
        self.pipeline: Pipeline | None = None

    def begin(self, now_ns: int) -> None:
        """Publish that there is no book yet."""
        for symbol, instrument in self._config.symbols.items():
            self._outbox.void(instrument, self._config.cell(symbol), now_ns)

    def has_news(self, now_ns: int) -> bool:
        """Update the metadata; return whether there is something to apply."""
        self._source.update(now_ns)
        return self._source.revision != self._revision

    def apply_news(self, now_ns: int) -> tuple[list[str], bool]:
        """Apply the metadata; return the new symbols, and whether the decimals of another one changed."""
        self._revision = self._source.revision
        added, changed = [], False
        for symbol in self._config.symbols:
            one = self._source.instruments.get(symbol)
            if one is None:
                self._publish_missing(symbol, now_ns)
            elif symbol not in self.tracks:
                self._add(one)
                added.append(symbol)
            elif decimals_of(one) != self._listed[symbol]:
                self._relist(one, now_ns)
                changed = True
        self._apply_trading(now_ns)
        self._retry_misfits(now_ns)
        return added, changed

    def mark_misfit(self, symbol: str, text: str, now_ns: int) -> None:
        """Publish MISFIT for a symbol whose numbers do not fit its decimals; request its metadata, not its book."""
        if symbol not in self.misfits:
            self.misfits[symbol] = text
            LOG.error("%s: %s: %s", self._config.name, symbol, text)
            self.tracks[symbol].mark_misfit(now_ns)
            self._source.reload(now_ns)

    def check_frame(self, frame: bytes, now_ns: int) -> None:
        """Look for a number finer than its instrument in a malformed frame; parsing is slow, so not in each one."""
        if now_ns >= self._misfit_check_ns:
            self._misfit_check_ns = now_ns + self._config.check_ns
            for symbol, text in misfits_of(frame, self._dialect, self._source.instruments).items():
                self.mark_misfit(symbol, text, now_ns)

    def check_book(self, body: bytes, symbol: str, now_ns: int) -> None:
        """Look for such a number in a malformed book."""
        for misfit, text in misfits_of_book(body, symbol, self._source.instruments).items():
            self.mark_misfit(misfit, text, now_ns)

    def publish_all(self, missing: Mapping[str, int], now_ns: int) -> None:
        """Publish every instrument; `missing` are the channels that bring nothing, by symbol."""
        for symbol in self._config.symbols:
            self.publish_one(symbol, missing, now_ns)

    def publish_one(self, symbol: str, missing: Mapping[str, int], now_ns: int) -> None:
        """Publish a symbol's instrument; one that the venue does not list is published as not tradable."""
        one = self._source.instruments.get(symbol)
        if one is None and symbol in self._source.refused:
            one = unlisted(self._config.venue, symbol, self._config.symbols[symbol])
        if one is not None:
            alarm_bps = self.spreads.raised.get(symbol, 0.0)
            self._publish(one, self._config.cell(symbol), self._source.old, missing.get(symbol, 0), alarm_bps, now_ns)

    def make_shadow(self) -> Pipeline:
        """Return a pipeline with the same symbols that publishes nothing."""
        assert self.pipeline is not None, "a shadow needs a pipeline"
        shadow = self._make_pipeline(Outbox())
        for first in self.pipeline.tracks:
            shadow.market.add(first.symbol, *self._listed[first.symbol])
            shadow.add(self._track(first.index, self._source.instruments[first.symbol], shadow.outbox))
        return shadow

    def set_pipeline(self, shadow: Pipeline) -> None:
        """Use a shadow as the pipeline from now on."""
        self.pipeline = shadow
        self.tracks = {track.symbol: track for track in shadow.tracks}

    def _publish_missing(self, symbol: str, now_ns: int) -> None:
        """Log once why a symbol cannot be followed, and publish its state; the others are not affected."""
        misfit, refused = self._source.misfits.get(symbol, ""), self._source.refused.get(symbol, "")
        if (misfit or refused) and self._reported.get(symbol) != misfit + refused:
            self._reported[symbol] = misfit + refused
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
        """Read a symbol by its new decimals; no running role uses the old ones."""
        assert self.pipeline is not None, "decimals changed before there was a pipeline"
        name, before, self._listed[one.symbol] = self._config.name, self._listed[one.symbol], decimals_of(one)
        LOG.warning("%s: the decimals of %s were %s and are %s", name, one.symbol, before, decimals_of(one))
        self.pipeline.relist(self.tracks[one.symbol].index, one.price_decimals, one.size_decimals, now_ns)

    def _apply_trading(self, now_ns: int) -> None:
        """Set for each book whether the venue accepts orders; a recording without metadata does not contain it."""
        if not self._config.kept_only:
            for symbol, track in self.tracks.items():
                track.set_accepting_orders(self._source.instruments[symbol].trading, now_ns)

    def _retry_misfits(self, now_ns: int) -> None:
        """Request the book of each misfit again, unless the new metadata shows that it stays a misfit."""
        for symbol in list(self.misfits):
            text = self._source.misfits.get(symbol)
            if text is None:
                del self.misfits[symbol]
                self.tracks[symbol].wants_snapshot = True
            elif self.misfits[symbol] != text:
                self.misfits[symbol] = text
                LOG.error("%s: %s: %s; run engine-ctl down and up to use the new ones", self._config.name, symbol, text)
        for symbol in set(self._source.misfits) & set(self.tracks):
            self.mark_misfit(symbol, self._source.misfits[symbol], now_ns)

    def _make_pipeline(self, outbox: Outbox) -> Pipeline:
        return Pipeline(self._dialect.market(), outbox, self._spoilt_by)

    def _spoilt_by(self, frame: bytes) -> tuple[str, ...]:
        """Return the books that a malformed frame could have changed."""
        return self._border.spoilt(frame, self.tracks)

    def _track(self, index: int, one: Instrument, outbox: Outbox) -> Track:
        rule, depth, cell = self._dialect.rule(), self._dialect.depth, self._config.cell(one.symbol)
        track = OrderTrack if self._dialect.by_order else Track
        made = track(index, one.id, one.symbol, rule, outbox, depth, self._config.levels, cell)
        made.set_accepting_orders(one.trading or self._config.kept_only, 0)
        return made


def unlisted(venue: str, symbol: str, number: int) -> Instrument:
    """Return the instrument of a symbol that the venue does not list: not tradable, so that no role waits for it."""
    return Instrument(number, venue, symbol, "", "", 0, 0, 1, 1, 1, 1, 0, trading=False, kind="unlisted")

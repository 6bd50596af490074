"""Alarms on spreads: logged and published while a book's spread is wider than its alarm.

    quiet ── spread > alarm ─▶ raised ── spread < 4/5 of it ─▶ quiet

The number is `spread_bps` of the book's best prices, as BOOKS has it for risk's gate. A book that is not GOOD, or has
one side only, has no spread: its alarm does not change.
"""

import logging
from collections.abc import Mapping

from engine.book import spread_bps
from engine.feed.books.track import Track
from engine.model.words import BookState

LOG = logging.getLogger("steelyard.feed")
QUIET_SHARE = 0.8  # of the alarm: a spread that moves around the alarm is logged once


class SpreadAlarms:
    """The alarms of one feed, by symbol."""

    def __init__(self, name: str, alarms: Mapping[str, float]) -> None:
        """Begin without a raised alarm. `raised`: the alarms by symbol, in basis points."""
        self._name, self._alarms = name, alarms
        self.raised: dict[str, float] = {}

    def check(self, track: Track) -> bool:
        """Compare a book's spread with its alarm; return whether the alarm begins or ends."""
        alarm = self._alarms.get(track.symbol)
        if not alarm or track.state != BookState.GOOD:
            return False
        bid, ask = track.book.best(1), track.book.best(-1)
        if bid is None or ask is None:
            return False
        spread = spread_bps(bid[0], ask[0])
        if track.symbol not in self.raised and spread > alarm:
            self.raised[track.symbol] = alarm
            LOG.warning("%s: the spread of %s is %.2f bps, its alarm is %g", self._name, track.symbol, spread, alarm)
            return True
        if track.symbol in self.raised and spread < alarm * QUIET_SHARE:
            del self.raised[track.symbol]
            LOG.warning("%s: the spread of %s is %.2f bps again", self._name, track.symbol, spread)
            return True
        return False

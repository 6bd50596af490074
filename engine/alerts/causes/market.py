"""Market data: books that cannot be traded on, and spreads that are too wide."""

from collections.abc import Iterator

from engine.alerts.causes.cause import Cause, Since, cause, seconds
from engine.alerts.episodes import Finding
from engine.alerts.message import Severity
from engine.alerts.scene import MS, Scene, rows
from engine.model.text import word
from engine.model.words import BookState

USABLE = (BookState.GOOD, BookState.SHUT)  # SHUT: the venue has closed the market, the book is right


@cause
class BookNotGood(Cause):
    """A book is suspect, stale, disconnected or refused for longer than the limit."""

    name = "book_not_good"
    severity = Severity.WARNING
    to_do = "engine-ctl book SYMBOL shows it, engine-ctl log feed why; strategies do not trade on it meanwhile"

    def __init__(self) -> None:
        """Begin with every book good."""
        self._since = Since()

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each book of a feed; a book without a row has not been published yet."""
        for feed, cells in scene.lanes.book_tops.items():
            for row in rows(cells, len(scene.config.instruments)):
                found = row.state not in USABLE
                age_ns = self._since.age_ns((feed, row.instrument), scene.now_ns, found=found)
                if age_ns > scene.limits.book_ms * MS:
                    name, state = scene.instrument(row.instrument), word(BookState, row.state).lower()
                    what = f"The book of {name} has not been good for {seconds(age_ns)}: it is {state}."
                    yield self.finding(name, what, self.to_do.replace("SYMBOL", name))


@cause
class WideSpread(Cause):
    """The spread alarm of an instrument is raised."""

    name = "wide_spread"
    severity = Severity.WARNING
    to_do = "engine-ctl book SYMBOL shows the market; alarm_spread_bps of [[instruments]] is the limit"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each instrument whose alarm the feed has raised."""
        for cells in scene.lanes.instruments.values():
            for row in rows(cells, len(scene.config.instruments)):
                if row.spread_alarm_bps:
                    name = scene.instrument(row.id)
                    what = f"The spread of {name} is wider than allowed: {row.spread_alarm_bps:.1f} bps."
                    yield self.finding(name, what, self.to_do.replace("SYMBOL", name))

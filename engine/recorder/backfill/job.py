"""A backfill: a venue's past over REST into the history, day by day.

Of each day of the range, unless the ledger has it as complete and it was not removed since:
1. Read what the history has of the symbol in this day.
2. Request page after page. What the history has is compared; the rest is collected.
3. Every `FLUSH_ROWS` rows, and at the end of the day: write what was collected, then note in the ledger how far it is.

A death at any point loses at most the requests since the last note: rows that were written are found by step 1.
The newest minute is left out, because the recorder may not have written it yet.
"""

import contextlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.model.instrument import Instrument
from engine.recorder.backfill.ledger import Day, Ledger
from engine.recorder.backfill.rows import bar_rows, tick_rows
from engine.recorder.backfill.stored import BARS, SHOWN, TICKS, Compared, Stored, day_span
from engine.recorder.backfill.writer import Writer
from engine.recorder.locks import STORE
from engine.recorder.part import Rows
from engine.recorder.store.columns import day_text
from engine.recorder.store.manifest import Manifest
from engine.recorder.store.run import run as seal_and_compact
from engine.venues.history import SECOND_NS, TRADES, Fetch, HistoryError, Mark, VenueHistory

FLUSH_ROWS = 50_000
SETTLED_NS = 60 * SECOND_NS


class Order(NamedTuple):
    """What to request: days [first, after) since 1970 of a venue's symbol. `interval_s`: of candles."""

    venue: str
    symbol: str
    instrument: int  # our number of it; 0 where no configuration names it
    kind: str
    interval_s: int
    first: int
    after: int
    again: bool = False  # request complete days too, and compare them


class Job:
    """One order. `report` is called with each day as it is done."""

    def __init__(self, directory: Path, history: VenueHistory, fetch: Fetch, order: Order, now_ns: int) -> None:
        """Request the symbol's metadata."""
        self._directory, self._history, self._fetch, self._order = directory, history, fetch, order
        self._now_ns = now_ns
        with self._reading():
            found = history.instrument(fetch, order.symbol)
        self._instrument: Instrument = replace(found, id=order.instrument, venue=order.venue)
        self._form, self._interval_s = (TICKS, 0) if order.kind == TRADES else (BARS, order.interval_s)
        self._writer = Writer(directory, self._form.kind, self._instrument, self._interval_s)
        self._ledger = Ledger(directory)

    @property
    def is_trades(self) -> bool:
        """Whether the rows are trades."""
        return self._form is TICKS

    def run(self, report: Callable[[Day], None]) -> list[Day]:
        """Do every day."""
        days = []
        try:
            for number in range(self._order.first, self._order.after):
                days.append(self._day(number))
                report(days[-1])
        finally:
            with contextlib.suppress(BlockingIOError):  # the run of another process compacts as well
                seal_and_compact(self._directory, self._now_ns)
        return days

    def _day(self, number: int) -> Day:
        """Do one day, or the rest of it."""
        order, (start_ns, end_ns) = self._order, day_span(number)
        blank = Day(
            venue=order.venue, symbol=order.symbol, kind=order.kind, interval_s=self._interval_s, day=day_text(number)
        )
        day = blank if order.again or self._is_removed(blank) else self._ledger.of(blank)
        if day.complete:
            return day
        settled_ns = self._now_ns - SETTLED_NS
        _Run(self, day, (start_ns, min(end_ns, settled_ns))).run()
        day.complete = end_ns <= settled_ns
        self._ledger.save(day)
        return day

    def _is_removed(self, day: Day) -> bool:
        """Whether retention removed what the history had of this day, whatever the ledger has of it."""
        manifest = Manifest.load(self._directory / STORE / self._form.kind)
        removed, there = (
            any((one.venue, one.day) == (day.venue, day.day) and day.symbol in one.symbols for one in rows)
            for rows in (manifest.pruned, manifest.files.values())
        )
        return removed and not there

    def pages(self, span: tuple[int, int], after: Mark | None) -> Iterator[tuple[Rows, Instrument]]:
        """The venue's pages as rows; ValueError for an answer that cannot be read."""
        found = self._pages(span, after)
        while True:
            with self._reading():
                if (page := next(found, None)) is None:
                    return
                rows = self._rows(page)
            yield rows

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """The venue's text decides which exception its reader raises: each is one error that names the symbol."""
        try:
            yield
        except HistoryError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(
                f"{self._order.venue} {self._order.symbol}: an answer of the venue cannot be read ({error!r}): is the"
                " address right?"
            ) from error

    def _pages(self, span: tuple[int, int], after: Mark | None) -> Iterator[Any]:
        if self._form is TICKS:
            return self._history.trades(self._fetch, self._order.symbol, after, *span)
        whole = span[1] - span[1] % (self._interval_s * SECOND_NS)
        return self._history.candles(self._fetch, self._order.symbol, self._interval_s, span[0], whole)

    def _rows(self, page: Any) -> tuple[Rows, Instrument]:
        if self._form is TICKS:
            return tick_rows(page, self._instrument)
        return bar_rows(page, self._instrument, self._interval_s)

    def stored(self, span: tuple[int, int]) -> Stored:
        """What the history has in a span."""
        name = self._order.venue, self._order.symbol
        return Stored.read(self._directory, self._form, name, span, self._interval_s * SECOND_NS)

    def write(self, rows: Rows, instrument: Instrument) -> None:
        """Write rows."""
        self._writer.append(rows, instrument)

    def note(self, day: Day) -> None:
        """Note how far a day is."""
        self._ledger.save(day)


class _Run:
    """The requests of one day."""

    def __init__(self, job: Job, day: Day, span: tuple[int, int]) -> None:
        """Begin where the day's last run ended."""
        self._job, self._day, self._span = job, day, span
        self._stored = job.stored(span)
        self._held: list[Rows] = []
        self._instrument: Instrument | None = None  # of the rows that are held

    def run(self) -> None:
        """Read every page."""
        mark = Mark(self._day.last_id, self._day.last_ns) if self._day.last_id >= 0 else None
        for rows, instrument in self._job.pages(self._span, mark):
            if self._instrument is not None and instrument != self._instrument:
                self._flush()  # the rows of a part have the same decimals
            self._instrument = instrument
            self._count(rows, self._stored.compare(rows, (instrument.price_decimals, instrument.size_decimals)))
            if sum(map(len, self._held)) >= FLUSH_ROWS:
                self._flush()
        self._flush()

    def _count(self, rows: Rows, found: Compared) -> None:
        """Count what was compared, and hold what is new."""
        day = self._day
        day.equal += found.equal
        day.different += len(found.different)
        day.differences = [*day.differences, *found.different][:SHOWN]
        day.venue_crc = zlib.crc32(found.venue_crc.to_bytes(4), day.venue_crc)
        day.stored_crc = zlib.crc32(found.stored_crc.to_bytes(4), day.stored_crc)
        if self._job.is_trades:
            day.last_id, day.last_ns = int(rows["detail"][-1]), int(rows["venue_ns"][-1])
        self._held.append(rows[found.new])

    def _flush(self) -> None:
        """Write what is held, and note how far the day is."""
        rows = np.concatenate(self._held) if self._held else np.empty(0)
        self._held = []
        if len(rows):
            assert self._instrument is not None, "rows of no page"
            self._job.write(rows, self._instrument)
            self._day.written += len(rows)
        self._job.note(self._day)

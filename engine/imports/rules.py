"""What a report finds in good rows: steps back in time, gaps, outliers, crossed quotes, values off the steps.

Each rule is stated in `report.RULES`; nothing here changes or drops a row.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from engine.imports.listing import Listed
from engine.imports.numbers import shown
from engine.imports.report import Found, Report, SymbolReport
from engine.imports.tables import Array
from engine.model.fixed import to_text
from engine.model.words import BUY, SELL, Flag, TickKind
from engine.recorder.store.columns import DAY_NS, day_text
from engine.recorder.store.seal import Gaps

RETURN_LEAST = 0.01


class Limits(NamedTuple):
    """From when on something is found."""

    gap_ns: int = 60 * 10**9
    outlier: float = 20.0


class Series(NamedTuple):
    """One price of a symbol over time."""

    name: str
    places: Array
    prices: Array


class Checks:
    """Checks every symbol of an import."""

    def __init__(self, report: Report, limits: Limits) -> None:
        """Write into this report."""
        self._report, self._limits = report, limits
        self._of: dict[tuple[str, str], SymbolReport] = {}
        self._times: dict[tuple[str, str], int] = {}  # in the order of the file
        self._last: dict[tuple[str, str, str], int] = {}
        self.gaps: dict[tuple[str, str, str], Gaps] = defaultdict(Gaps)  # by kind, venue, day; for the manifest

    def symbol(self, kind: str, one: Listed) -> SymbolReport:
        """The report of a symbol."""
        if (kind, one.name) not in self._of:
            self._of[kind, one.name] = SymbolReport(kind, one.venue, one.symbol, trading=one.trading)
            self._report.symbols.append(self._of[kind, one.name])
        return self._of[kind, one.name]

    def in_file_order(self, kind: str, one: Listed, rows: Array, lines: Array) -> None:
        """Find the steps back in time."""
        times = rows["publish_ns"]
        steps = np.diff(times, prepend=self._times.get((kind, one.name), times[0]))
        self._times[kind, one.name] = int(times[-1])
        back = np.flatnonzero(steps < 0)
        found = self.symbol(kind, one)
        found.steps_back += len(back)
        for place in back.tolist():
            found.step_back_most_seconds = max(found.step_back_most_seconds, -int(steps[place]) / 1e9)
            self._list(int(lines[place]), "time", shown(int(times[place])),
                       f"is {-int(steps[place]) / 1e9:g} s before the row before it")  # fmt: skip

    def in_time_order(self, kind: str, one: Listed, rows: Array, lines: Array) -> None:
        """Find everything else."""
        found = self.symbol(kind, one)
        times = rows["publish_ns"]
        found.first_ns = min(found.first_ns or int(times[0]), int(times[0]))
        found.last_ns, found.rows = max(found.last_ns, int(times[-1])), found.rows + len(rows)
        self._find_gaps(kind, one, rows, lines)
        self._find_off_step(one, found, rows)
        for series in _series(kind, rows):
            self._find_outliers(kind, one, series, lines)
        if kind == "ticks":
            self._find_missing(one, found, rows)
            self._find_crossed(one, rows, lines)

    def cross(self, kind: str, one: Listed, found: Found) -> None:
        """Count a crossed book."""
        self.symbol(kind, one).crossed += 1
        self._report.add_finding(found)

    def _list(self, line: int, column: str, value: str, text: str) -> None:
        self._report.add_finding(Found(line, column, value, text))

    def _before(self, kind: str, one: Listed, name: str, first: int, last: int) -> int:
        """The last value of the batch before; keep this one's."""
        key = (kind, one.name, name)
        found = self._last.get(key, first)
        self._last[key] = last
        return found

    def _find_gaps(self, kind: str, one: Listed, rows: Array, lines: Array) -> None:
        name, least = ("start_ns", 0) if kind == "bars" else ("publish_ns", self._limits.gap_ns)
        times = rows[name]
        steps = np.diff(times, prepend=self._before(kind, one, name, int(times[0]), int(times[-1])))
        if kind == "bars":
            interval = rows["interval_ns"]
            first = self._before(kind, one, "interval_ns", int(interval[0]), int(interval[-1]))
            steps = steps - np.append(first, interval[:-1])
        for place in np.flatnonzero(steps > least).tolist():
            self._add_gap(kind, one, rows[place], int(lines[place]), int(steps[place]))

    def _add_gap(self, kind: str, one: Listed, row: Array, line: int, ns: int) -> None:
        found, at_ns = self.symbol(kind, one), int(row["publish_ns"])
        missing = ns // int(row["interval_ns"]) if kind == "bars" else 0
        found.gaps, found.gap_seconds, found.missing = (
            found.gaps + 1,
            found.gap_seconds + ns / 1e9,
            found.missing + missing,
        )
        if kind != "ticks" or row["kind"] != TickKind.PRINT:  # a quiet market has no prints, and lost none
            key = kind, one.venue, day_text(at_ns // DAY_NS)
            self.gaps[key] = self.gaps[key].plus(Gaps(1, missing, ns))
        self._list(line, "time", shown(at_ns), f"comes after a gap of {ns / 1e9:g} s")

    def _find_off_step(self, one: Listed, found: SymbolReport, rows: Array) -> None:
        for names, step in ((("price", "open", "high", "low", "close"), one.price_step), (("size",), one.size_step)):
            for name in names:
                if step > 1 and name in (rows.dtype.names or ()):
                    found.off_step += int(np.count_nonzero(rows[name] % step))

    def _find_outliers(self, kind: str, one: Listed, series: Series, lines: Array) -> None:
        prices = series.prices
        first = self._before(kind, one, series.name, int(prices[0]), int(prices[-1]))
        before = np.append(first, prices[:-1])
        returns = prices / before - 1
        limit = max(RETURN_LEAST, self._limits.outlier * float(np.median(np.abs(returns - np.median(returns)))))
        for place in np.flatnonzero(np.abs(returns) > limit).tolist():
            self.symbol(kind, one).outliers += 1
            self._list(int(lines[series.places[place]]), series.name, to_text(int(prices[place]), one.price_decimals),
                       f"is {returns[place]:+.2%} from the one before, the limit is {limit:.2%}")  # fmt: skip

    def _find_missing(self, one: Listed, found: SymbolReport, rows: Array) -> None:
        ids = rows["detail"][(rows["kind"] == TickKind.PRINT) & (rows["detail"] > 0)]
        if len(ids):
            steps = np.diff(ids, prepend=self._before("ticks", one, "id", int(ids[0]), int(ids[-1])))
            found.missing += int((steps[steps > 1] - 1).sum())

    def _find_crossed(self, one: Listed, rows: Array, lines: Array) -> None:
        """A quote is the bid, then the ask, of one event."""
        best = np.flatnonzero((rows["kind"][:-1] == TickKind.BEST) & (rows["side"][:-1] == BUY))
        after = rows[best + 1]
        best = best[(after["kind"] == TickKind.BEST) & (after["side"] == SELL) & (rows["flags"][best] & Flag.LAST == 0)]
        bids, asks = rows["price"][best], rows["price"][best + 1]
        for place in np.flatnonzero((bids >= asks) & (asks > 0) & (bids > 0)).tolist():
            text = f"is at or over the ask {to_text(int(asks[place]), one.price_decimals)}"
            value = to_text(int(bids[place]), one.price_decimals)
            self.cross("ticks", one, Found(int(lines[best[place]]), "bid_price", value, text))


def _series(kind: str, rows: Array) -> Iterator[Series]:
    """The prices whose returns are looked at."""
    if kind == "bars":
        yield Series("close", np.arange(len(rows)), rows["close"])
    if kind != "ticks":
        return
    for name, tick, side in (
        ("price", TickKind.PRINT, 0),
        ("bid_price", TickKind.BEST, BUY),
        ("ask_price", TickKind.BEST, SELL),
    ):
        places = np.flatnonzero((rows["kind"] == tick) & ((side == 0) | (rows["side"] == side)) & (rows["price"] > 0))
        if len(places):
            yield Series(name, places, rows["price"][places])

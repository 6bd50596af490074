"""Which rows of a file the history has already: one row for each key, and a conflict for a key with another value.

    a row with a key of its own     bars by interval and start, prints by the venue's number, bands by time and percent
    a row without one               best prices, levels, prints without a number: where two sources of a symbol have
                                    rows less than 60 seconds apart around a time, both must have the same rows there

A conflict names the row. `replace` then removes the row of an earlier import; what a recorder wrote is never removed.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.imports.listing import Listed
from engine.imports.numbers import shown
from engine.imports.report import Report
from engine.imports.tables import Array
from engine.model.words import TickKind
from engine.recorder.store.manifest import File, Manifest

WINDOW_NS = 60 * 10**9  # rows with one key are so near in time; rows nearer than this are one stretch
CLOCK_NS = 10**7  # the resolution of times of which two sources may have one in milliseconds, one in microseconds
IDENTITY = ("lane", "stream", "sequence")
PLAIN = (TickKind.PRINT, TickKind.BEST, TickKind.STATE)
PREFIX = "import."  # of the lane of an imported row

Values = tuple[Any, ...]
Entry = tuple[Values, tuple[Values, int]]


class Rule(NamedTuple):
    """What identifies a row, and what it says."""

    key: tuple[str, ...]
    value: tuple[str, ...]


KEYED = {
    "bars": Rule(("interval_ns", "start_ns"), ("open", "high", "low", "close", "volume_high", "volume_low")),
    "depth_bands": Rule(("venue_ns", "percent_hundredths"), ("size", "notional_high", "notional_low")),
    "ticks": Rule(("detail",), ("price", "size", "side")),
}
WHOLE = ("publish_ns", "kind", "side", "price", "size")  # of a row without a key of its own


class Keys:
    """Compares the rows of one kind of an import with the history and with the rows before them."""

    def __init__(
        self, kind: str, place: Path, mine: tuple[str, str], report: Report, *, replace: bool,
        ignored: Collection[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        """`place` is the kind's directory; `mine`: lane and stream of this import, whose earlier runs are read too.

        Rows of the `ignored` lanes and streams are about to be removed.
        """
        self._ignored = frozenset(ignored)
        self.kind, self._place, self._mine, self._report, self._replace = kind, place, mine, report, replace
        self._files = list(Manifest.load(place).files.values())
        self.runs: list[File] = []  # of this import, complete
        self.removed: set[tuple[str, str, int]] = set()
        self._newest: dict[str, int] = {}
        self._batch: dict[str, tuple[Array, Array]] = {}  # the one before, of each symbol
        self._before: dict[tuple[str, int], int] = {}  # the last time of rows without a key of their own

    def new(self, one: Listed, rows: Array, lines: Array) -> Array:
        """Which rows of an instrument are to be written. They are in the order of time."""
        keep = np.ones(len(rows), bool)
        for places, keyed in self._parts(rows):
            if not len(places):
                continue
            fresh = self._first_of(one, rows[places], lines[places]) if keyed else np.ones(len(places), bool)
            chosen = places[fresh]
            keep[places[~fresh]] = False
            old = self._existing(one, rows[chosen], keyed=keyed) if len(chosen) else None
            if old is not None:
                compare = self._compare_keys if keyed else self._compare_rows
                keep[chosen] = compare(one, rows[chosen], lines[chosen], old)
            if not keyed:
                self._before[one.name, int(rows["kind"][places[0]])] = int(rows["publish_ns"][places[-1]])
        return keep

    def _parts(self, rows: Array) -> list[tuple[Array, bool]]:
        """Rows with a key of their own, and rows without."""
        if self.kind != "ticks":
            return [(np.arange(len(rows)), self.kind in KEYED)]
        numbered = (rows["kind"] == TickKind.PRINT) & (rows["detail"] != 0)
        plain = [
            np.flatnonzero(~numbered & (rows["kind"] == kind))
            for kind in (TickKind.PRINT, TickKind.BEST, TickKind.STATE)
        ]
        return [(np.flatnonzero(numbered), True), *((one, False) for one in plain)]

    def _first_of(self, one: Listed, rows: Array, lines: Array) -> Array:
        """The first row of each key in the file; a later one is a duplicate, or a conflict."""
        rule = KEYED[self.kind]
        last, newest = rows[rule.key[-1]], self._newest.get(one.name, -1)
        before = self._batch.get(one.name)
        self._newest[one.name], self._batch[one.name] = max(newest, int(last.max())), (rows, lines)
        if (np.diff(last) > 0).all() and int(last[0]) > newest:
            return np.ones(len(rows), bool)
        seen = {} if before is None else dict(_entries(rule, *before))
        return np.array([self._is_first(one, rule, entry, seen) for entry in _entries(rule, rows, lines)], bool)

    def _is_first(self, one: Listed, rule: Rule, entry: Entry, seen: dict[Values, tuple[Values, int]]) -> bool:
        key, (value, line) = entry
        before = seen.setdefault(key, (value, line))
        if before[1] == line:
            return True
        if before[0] == value:
            self._report.duplicates_in_file += 1
        else:
            self._conflict(one, line, rule, key, value, before[0], f"line {before[1]} of this file")
        return False

    def _compare_keys(self, one: Listed, rows: Array, lines: Array, old: dict[str, Any]) -> Array:
        rule, keep = KEYED[self.kind], np.ones(len(rows), bool)
        places = {key: place for place, key in enumerate(_tuples(old, rule.key))}
        values = list(_tuples(old, rule.value))
        for row, (key, value) in enumerate(zip(_tuples(rows, rule.key), _tuples(rows, rule.value), strict=True)):
            place = places.get(key)
            if place is None:
                continue
            if values[place] == value:
                keep[row] = False
                self._count_duplicate(old, place)
            else:
                keep[row] = self._differ(one, int(lines[row]), rule, key, value, values[place], old, place)
        if self.kind == "ticks":
            self._check_numbering(one, rows, lines, old, np.array([key in places for key in _tuples(rows, rule.key)]))
        return keep

    def _differ(
        self, one: Listed, line: int, rule: Rule, key: tuple[Any, ...], value: tuple[Any, ...], other: tuple[Any, ...],
        old: dict[str, Any], place: int,
    ) -> bool:  # fmt: skip
        """A conflict with the history: whether the new row replaces the old one."""
        if self._replace and self._remove(old, [place]):
            return True
        self._conflict(one, line, rule, key, value, other, f"the history ({old['lane'][place]})")
        return False

    def _check_numbering(self, one: Listed, rows: Array, lines: Array, old: dict[str, Any], matched: Array) -> None:
        """Prints between known ones have numbers between theirs; others are counted otherwise, as aggregated ones."""
        order = np.argsort(old["venue_ns"], kind="stable")
        times, ids = old["venue_ns"][order], old["detail"][order]
        at = rows["venue_ns"]
        low = np.searchsorted(times, at - CLOCK_NS, "left") - 1
        high = np.searchsorted(times, at + CLOCK_NS, "right")
        between = ~matched & (low >= 0) & (high < len(times))
        low, high = np.maximum(low, 0), np.minimum(high, len(times) - 1)
        near = between & (times[high] - times[low] < WINDOW_NS)
        wrong = near & ((rows["detail"] < ids[low]) | (rows["detail"] > ids[high]))
        for place in np.flatnonzero(wrong)[:1].tolist():
            self._report.conflicts += int(wrong.sum()) - 1
            self._report.add_conflict(
                f"line {lines[place]}: print {rows['detail'][place]} of {one.name} at {shown(int(at[place]))} lies"
                f" between prints {ids[low[place]]} and {ids[high[place]]} of {old['lane'][0]}: they are numbered"
                " otherwise, as trades and aggregated trades are, and both would count the volume twice: import one of"
                " them"
            )

    def _compare_rows(self, one: Listed, rows: Array, lines: Array, old: dict[str, Any]) -> Array:
        """Where both have rows near one another, both have the same."""
        before = self._before.get((one.name, int(rows["kind"][0])), -1)
        times = rows["publish_ns"] if before < 0 else np.append(before, rows["publish_ns"])
        mine, theirs = _inside(rows["publish_ns"], old["publish_ns"]), _inside(old["publish_ns"], times)
        theirs &= old["publish_ns"] > before
        new_rows = Counter(_tuples(rows[mine], WHOLE))
        old_rows = Counter(_tuples({name: old[name][theirs] for name in WHOLE}, WHOLE))
        if new_rows == old_rows:
            for place in np.flatnonzero(theirs).tolist():
                self._count_duplicate(old, place)
            return ~mine
        if self._replace and self._remove(old, np.flatnonzero(theirs).tolist()):
            return np.ones(len(rows), bool)
        different = (new_rows - old_rows) + (old_rows - new_rows)
        self._report.conflicts += sum(different.values()) - 1
        at, line = int(min(different)[0]), int(lines[np.argmax(mine)])
        self._report.add_conflict(
            f"line {line} and after: {self.kind} of {one.name}: {sum(different.values())} rows from {shown(at)} on"
            f" differ from those of {old['lane'][np.argmax(theirs)]} in the history"
        )
        return np.zeros(len(rows), bool)

    def _conflict(self, one: Listed, line: int, rule: Rule, key: Any, value: Any, other: Any, where: str) -> None:
        names, values = ", ".join(f"{n}={v}" for n, v in zip(rule.key, key, strict=True)), ", ".join(rule.value)
        self._report.add_conflict(
            f"line {line}: {self.kind} {one.name} {names}: ({values}) is {value}, {where} has {other}"
        )

    def _count_duplicate(self, old: dict[str, Any], place: int) -> None:
        if (old["lane"][place], old["stream"][place]) == self._mine:
            self._report.duplicates_in_file += 1
        else:
            self._report.duplicates_in_history += 1

    def _remove(self, old: dict[str, Any], places: Sequence[int]) -> bool:
        """Note rows of earlier imports for removal; False when one is recorded, or of this import."""
        found = [(old["lane"][place], old["stream"][place], int(old["sequence"][place])) for place in places]
        if any(not one[0].startswith(PREFIX) or one[:2] == self._mine for one in found):
            return False
        self.removed.update(found)
        return True

    def _existing(self, one: Listed, rows: Array, *, keyed: bool) -> dict[str, Any] | None:
        """The rows of the history, and of complete runs, near these; None without one."""
        low, high = int(rows["publish_ns"].min()) - WINDOW_NS, int(rows["publish_ns"].max()) + WINDOW_NS
        files = [*self._files, *(self.runs if keyed else ())]
        near = [file for file in files if file.venue == one.venue and one.symbol in file.symbols
                and file.first_ns <= high and file.last_ns >= low]  # fmt: skip
        names = _columns_of(self.kind)
        tables = [read_rows(self._place / file.path, one.symbol, low, high, names) for file in near]
        tables = [table for table in tables if len(table)]
        return self._wanted(_arrays(pa.concat_tables(tables), names), rows, keyed=keyed) if tables else None

    def _wanted(self, old: dict[str, Any], rows: Array, *, keyed: bool) -> dict[str, Any] | None:
        """Of ticks those of the same kind; without the rows that are removed."""
        keep = np.array(
            [one not in self.removed and one[:2] not in self._ignored for one in _tuples(old, IDENTITY)], bool
        )
        if "kind" in old:
            keep &= old["kind"] == rows["kind"][0] if self.kind == "ticks" else True
        if self.kind == "ticks" and rows["kind"][0] == TickKind.PRINT:
            keep &= (old["detail"] != 0) == keyed
        order = np.flatnonzero(keep)[np.argsort(old["publish_ns"][keep], kind="stable")]
        return {name: column[order] for name, column in old.items()} if len(order) else None


def read_rows(path: Path, symbol: str, low: int, high: int, names: Sequence[str]) -> pa.Table:
    """The rows of one symbol with times in [low, high], from the row groups that may have them."""
    with pq.ParquetFile(path) as file:
        column = file.schema_arrow.names.index("publish_ns")
        statistics = [file.metadata.row_group(group).column(column).statistics for group in range(file.num_row_groups)]
        groups = [group for group, one in enumerate(statistics)
                  if one is None or not one.has_min_max or (one.min <= high and one.max >= low)]  # fmt: skip
        table = file.read_row_groups(groups, columns=[*names, "symbol"], use_threads=False)
    times = table.column("publish_ns")
    mine = pc.and_(pc.greater_equal(times, low), pc.less_equal(times, high))
    table = table.filter(pc.and_(mine, pc.equal(table.column("symbol").cast(pa.string()), symbol))).drop(["symbol"])
    return table.set_column(0, "lane", table.column("lane").cast(pa.string())).set_column(
        1, "stream", table.column("stream").cast(pa.string())
    )


def _columns_of(kind: str) -> list[str]:
    rule = KEYED.get(kind, Rule((), ()))
    plain = (*WHOLE, "venue_ns") if kind in ("ticks", "levels") else ("publish_ns",)
    return list(dict.fromkeys((*IDENTITY, *plain, *rule.key, *rule.value)))


def _arrays(table: pa.Table, names: Sequence[str]) -> dict[str, Any]:
    return {name: np.asarray(table.column(name).to_pylist(), object) if name in ("lane", "stream")
            else table.column(name).to_numpy() for name in names}  # fmt: skip


def _entries(rule: Rule, rows: Array, lines: Array) -> Iterator[Entry]:
    """Each row's key, with its value and its line."""
    values = zip(_tuples(rows, rule.value), lines.tolist(), strict=True)
    return zip(_tuples(rows, rule.key), values, strict=True)


def _tuples(rows: Any, names: Sequence[str]) -> Any:
    """The values of some columns, row by row."""
    return zip(*(rows[name].tolist() for name in names), strict=True)


def _inside(times: Array, others: Array) -> Array:
    """Which times lie in a stretch of other times, which are sorted: between two that are near one another."""
    if not len(others):
        return np.zeros(len(times), bool)
    low, high = np.searchsorted(others, times, "right") - 1, np.searchsorted(others, times, "left")
    known = (low >= 0) & (high < len(others))
    low, high = np.maximum(low, 0), np.minimum(high, len(others) - 1)
    inside: Array = known & (others[high] - others[low] < WINDOW_NS)
    return inside

"""One import: a file of another's becomes rows of the history.

1. Hash the file: the history that has it already is left as it is.
2. Read it batch by batch: text to exact records, in the order of time.
3. Check each batch, and compare it with the history: one row for each key.
4. Write the files and the report, then replace the manifests. A file that is refused changes nothing.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from engine.imports.errors import ImportRefusedError
from engine.imports.keys import PREFIX, Keys
from engine.imports.listing import Listed
from engine.imports.report import Refusals, Report
from engine.imports.rules import Checks, Limits
from engine.imports.shapes import Rows
from engine.imports.source import Source
from engine.imports.stage import Books, Stage
from engine.imports.write import SHORT, Writer, commit
from engine.recorder.locks import STORE, locked
from engine.recorder.store.compact import compact
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import Manifest, kinds

REPORTS = "imports"  # the directory of the reports, in the store
LANE, STREAM = 16, 32  # letters of a hash
SHOWN = 3


class Format(Protocol):
    """Reads a file of one format."""

    options: dict[str, Any]  # what the rows depend on, beside the file's bytes
    complete: bool  # whether the rows of levels have the marks of their events already
    snapshots_join: bool  # whether snapshots in a row are one, whatever their times

    def read(self, source: Source, refusals: Refusals, report: Report) -> Iterator[list[Rows]]:
        """The rows, some at once; `report.read` counts the file's."""


class Options(NamedTuple):
    """How a file is imported."""

    limits: Limits = Limits()
    strict: bool = False
    replace: bool = False
    dry_run: bool = False


class Result(NamedTuple):
    """What an import did."""

    report: Report
    path: Path | None  # of the report's JSON; None of a dry run
    known: bool = False  # the history had this import


def run(
    source: Source, form: Format, directory: Path, options: Options, now_ns: int,
    *, disk: Disk | None = None, progress: Callable[[int], None] = lambda _: None,
) -> Result:  # fmt: skip
    """Import a file into the history of a recorder's directory. BlockingIOError while another process writes there."""
    store, disk = directory / STORE, disk or Disk()
    if not options.dry_run:
        store.mkdir(mode=0o750, parents=True, exist_ok=True)
    with contextlib.nullcontext() if options.dry_run else locked(store):
        work = Import(source, form, store, options, disk)
        result = work.known() or work.run(progress)
        if not options.dry_run:
            compact(store, disk, now_ns)
        return result


class Import:
    """One file on its way into the history."""

    def __init__(self, source: Source, form: Format, store: Path, options: Options, disk: Disk) -> None:
        """Find what the history has of this file."""
        self._source, self._form, self._store, self._options, self._disk = source, form, store, options, disk
        text = msgspec.json.encode(form.options, order="sorted")
        self.lane, self.stream = PREFIX + source.hash[:LANE], hashlib.sha256(text).hexdigest()[:STREAM]
        self.report = Report([path.name for path in source.paths], source.hashes, source.size, form.options)
        self._refusals, self._checks = Refusals(), Checks(self.report, options.limits)
        self._listed: dict[int, Listed] = {}
        self._numbers: dict[str, int] = {}
        self._stages: dict[str, Stage] = {}
        self._writers: dict[str, Writer] = {}
        self._keys: dict[str, Keys] = {}
        self._books = Books(self._listed, self._checks, snapshots_join=form.snapshots_join)
        sources = [(kind, one) for kind in kinds(store) for one in Manifest.load(store / kind).sources.values()]
        self._done = {kind for kind, one in sources if (one.lane, one.stream) == (self.lane, self.stream)}
        others = [(kind, one) for kind, one in sources if one.lane == self.lane and one.stream != self.stream]
        self._others = {(kind, one.stream) for kind, one in others}
        self._others_rows = sum(one.rows for _, one in others)

    @property
    def path(self) -> Path:
        """Of the report."""
        return self._store / REPORTS / f"{self.lane.removeprefix(PREFIX)}-{self.stream[:SHORT]}.json"

    def known(self) -> Result | None:
        """The earlier import of this file with these options; None without a complete one."""
        if self._done and self.path.exists():
            report = msgspec.json.decode(self.path.read_bytes(), type=Report)
            if set(report.kinds) <= self._done:
                self._expect_days(report)
                return Result(report, self.path, known=True)
        if self._others and not self._options.replace:
            before = ", ".join(sorted(f"{self.lane}-{stream[:SHORT]}" for _, stream in self._others))
            raise ImportRefusedError(
                f"{self._source.path}: this file was imported with other options ({before}): --replace imports it anew"
                " in place of that"
            )
        return None

    def _expect_days(self, report: Report) -> None:
        """Refuse a file of whose rows retention has removed some: they are not in the history any more."""
        manifests = {kind: Manifest.load(self._store / kind) for kind in report.kinds}
        removed = {
            (one.venue, one.day) for found in report.symbols if found.kind in manifests
            for one in manifests[found.kind].pruned if found.venue == one.venue and found.symbol in one.symbols
            and found.first_ns <= one.last_ns and found.last_ns >= one.first_ns
        }  # fmt: skip
        if removed:
            days = ", ".join(f"{venue} {day}" for venue, day in sorted(removed))
            raise ImportRefusedError(
                f"{self._source.path}: it was imported, and retention has removed rows of it since ({days}): import it"
                " into a directory of its own (--directory), where every day is kept"
            )

    def run(self, progress: Callable[[int], None]) -> Result:
        """Import; a file that is refused leaves nothing."""
        try:
            self._read(progress)
            return self._finish()
        except (ValueError, OSError):
            self._remove()
            raise

    def _read(self, progress: Callable[[int], None]) -> None:
        """Read every row."""
        for pieces in self._form.read(self._source, self._refusals, self.report):
            for piece in pieces:
                self._add(piece)
            for kind in dict.fromkeys(piece.kind for piece in pieces):
                self._release(kind)
            progress(self.report.read)
        for kind in self._stages:
            self._release(kind, every=True)
        self._source.check_unchanged()

    def _finish(self) -> Result:
        """Make the rows the history, or refuse the file."""
        self.report.finish(self._refusals)
        self.report.kinds = sorted(self._writers)
        self.report.accepted = sum(one.rows for one in self._writers.values())
        self.report.replaced = sum(len(one.removed) for one in self._keys.values()) + self._others_rows
        for writer in self._writers.values():
            writer.finish()
        why = "" if self._options.dry_run else self._fault()
        if why:
            raise ImportRefusedError(f"{self._source.path}: {why}; nothing was imported")
        return Result(self.report, None) if self._options.dry_run else self._commit()

    def _add(self, piece: Rows) -> None:
        if not len(piece.rows) or piece.kind in self._done:
            return
        piece.rows["instrument"] = self._number(piece.one)
        self._checks.in_file_order(piece.kind, piece.one, piece.rows, piece.lines)
        if piece.kind not in self._stages:
            self._begin(piece.kind)
        self._stages[piece.kind].add(piece.rows, piece.lines)

    def _begin(self, kind: str) -> None:
        disk = None if self._options.dry_run else self._disk
        place, mine = self._store / kind, (self.lane, self.stream[:SHORT])
        ignored = {(self.lane, stream[:SHORT]) for found, stream in self._others if found == kind}
        self._stages[kind] = Stage()
        self._writers[kind] = Writer(kind, place, self.lane, self.stream, self._listed, self._checks.gaps, disk)
        self._keys[kind] = Keys(kind, place, mine, self.report, replace=self._options.replace, ignored=ignored)

    def _release(self, kind: str, *, every: bool = False) -> None:
        """Write what is in the order of time."""
        batch = self._stages[kind].ready(every=every) if kind in self._stages else None
        if batch is None:
            return
        rows, lines = self._books.finish(*batch) if kind == "levels" and not self._form.complete else batch
        keys, writer = self._keys[kind], self._writers[kind]
        keys.runs = writer.begin(int(rows["publish_ns"][0]))
        keep = np.zeros(len(rows), bool)
        for number in np.unique(rows["instrument"]).tolist():
            mine = np.flatnonzero(rows["instrument"] == number)
            self._checks.in_time_order(kind, self._listed[number], rows[mine], lines[mine])
            keep[mine[keys.new(self._listed[number], rows[mine], lines[mine])]] = True
        if keep.any():
            writer.add(rows[keep])

    def _number(self, one: Listed) -> int:
        """The number of an instrument in this import."""
        if one.name not in self._numbers:
            self._numbers[one.name] = len(self._numbers) + 1
            self._listed[self._numbers[one.name]] = one
        return self._numbers[one.name]

    def _fault(self) -> str:
        """Why the file is refused; "" when it is not."""
        report = self.report
        if report.conflicts:
            listed = "; ".join(report.conflict_rows[:SHOWN])
            return f"{report.conflicts} conflicts: {listed}; --replace replaces rows of earlier imports"
        if self._options.strict and report.faults:
            shown = "; ".join(map(str, [*report.refused_rows, *report.findings][:SHOWN]))
            return f"--strict: {', '.join(report.faults)}: {shown}"
        if not self._writers and not self._done:
            shown = "; ".join(map(str, report.refused_rows[:SHOWN])) or "it has no row"
            return f"no row can be imported: {shown}"
        return ""

    def _commit(self) -> Result:
        """The report first: it is there when a manifest names the import. A completed import keeps the first one."""
        if not self._done:
            self._disk.replace(self.path, self.report.json())
            self._disk.replace(self.path.with_suffix(".txt"), self.report.text().encode())
        for kind, writer in self._writers.items():
            dropped = {(self.lane, stream[:SHORT]) for found, stream in self._others if found == kind}
            commit(writer, self._keys[kind].removed, dropped, self._disk)
        for kind in {kind for kind, _ in self._others} - self._writers.keys() - self._done:
            writer = Writer(kind, self._store / kind, self.lane, self.stream, {}, {}, self._disk)
            commit(writer, set(), {(self.lane, s[:SHORT]) for found, s in self._others if found == kind}, self._disk)
        return Result(self.report, self.path)

    def _remove(self) -> None:
        """Remove the files of a refused import, except those that a manifest names."""
        for kind, writer in self._writers.items():
            known = Manifest.load(self._store / kind).files
            for path in writer.discard():
                if path not in known:
                    self._disk.remove(writer.place / path)

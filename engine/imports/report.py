"""The validation report of an import: what was read, refused and found, as JSON and as text.

    store/imports/<content>-<options>.json, .txt      beside the kinds of the history

It holds no time of day, so the same import writes the same bytes.
"""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

LISTED = 100  # of each kind of finding; all are counted

RULES = {
    "refused": "a row with a value that is no number, finer than the instrument, zero or negative, of an unknown symbol"
    " or at an impossible time is not imported",
    "duplicates": "a row whose key the file or the history already has with the same value is imported once",
    "conflicts": "a row whose key the history has with another value refuses the file, unless --replace",
    "steps_back": "a row whose time is before the row before it is imported in the order of time",
    "gaps": "no row of a symbol for longer than --gap seconds; of bars: missing intervals; of prints: missing numbers",
    "outliers": "a price whose return to the one before is over --outlier times the median absolute return of its"
    " block, and over 1 percent, is imported and listed",
    "crossed": "a book whose best bid is at or over its best ask is imported and listed",
    "off_step": "a price or size that is no multiple of the instrument's step is imported and counted",
    "kept": "a symbol that is not traded any more, or that ends before the file does, is imported as every other",
}


class Found(msgspec.Struct):
    """One finding."""

    line: int  # of the file, from 1; of Parquet: the row
    column: str
    value: str
    text: str

    def __str__(self) -> str:
        """As a line of the text report."""
        return f"line {self.line}: {self.column} {self.value!r} {self.text}"


class SymbolReport(msgspec.Struct):
    """One symbol in one kind."""

    kind: str
    venue: str
    symbol: str
    rows: int = 0
    first_ns: int = 0
    last_ns: int = 0
    steps_back: int = 0
    step_back_most_seconds: float = 0.0
    gaps: int = 0
    gap_seconds: float = 0.0
    missing: int = 0  # intervals of bars, numbers of prints
    outliers: int = 0
    crossed: int = 0
    off_step: int = 0
    trading: bool = True  # False: the venue does not list it any more


class Refusals:
    """The rows that are not imported: counted by reason, listed to a bound."""

    def __init__(self) -> None:
        """Begin without one."""
        self.rows = self.lines = 0  # lines: of another length, which are no rows
        self.by_reason: dict[str, int] = {}
        self.listed: list[Found] = []

    def add(self, line: int, column: str, value: str | None, text: str) -> None:
        """Count a row."""
        self.rows, self.lines = self.rows + 1, self.lines + (column == "line")
        reason = f"{column} {text.partition(',')[0]}"
        name = reason if reason in self.by_reason or len(self.by_reason) < LISTED else "other"
        self.by_reason[name] = self.by_reason.get(name, 0) + 1
        if len(self.listed) < LISTED:
            self.listed.append(Found(line, column, "" if value is None else value, text))


class Report(msgspec.Struct):
    """Everything about one import."""

    files: list[str]
    sha256: list[str]
    size: int
    options: dict[str, Any]
    rules: dict[str, str] = {}
    kinds: list[str] = []
    read: int = 0  # rows of the file
    accepted: int = 0  # rows of the history that it became: a quote is two, a row of a book its changes
    refused: int = 0
    refused_by_reason: dict[str, int] = {}
    refused_rows: list[Found] = []
    duplicates_in_file: int = 0
    duplicates_in_history: int = 0
    conflicts: int = 0
    conflict_rows: list[str] = []
    replaced: int = 0  # rows of earlier imports
    findings: list[Found] = []
    symbols: list[SymbolReport] = []
    kept: list[str] = []
    notes: list[str] = []

    def add_conflict(self, text: str) -> None:
        """Count a conflict."""
        self.conflicts += 1
        if len(self.conflict_rows) < LISTED:
            self.conflict_rows.append(text)

    def add_finding(self, found: Found) -> None:
        """List a finding, to the bound."""
        if len(self.findings) < LISTED:
            self.findings.append(found)

    def finish(self, refusals: Refusals) -> None:
        """Take over what was refused, and name the symbols that ended early."""
        self.refused, self.refused_by_reason = refusals.rows, dict(sorted(refusals.by_reason.items()))
        self.refused_rows, self.rules = refusals.listed, RULES
        self.symbols.sort(key=lambda one: (one.kind, one.venue, one.symbol))
        latest = max((one.last_ns for one in self.symbols), default=0)
        self.kept = list(_kept(self.symbols, latest))

    @property
    def faults(self) -> list[str]:
        """What `--strict` refuses a file for."""
        counts = {"refused": self.refused, "conflicts": self.conflicts, "duplicates": self.duplicates_in_file}
        for name in ("steps_back", "gaps", "outliers", "crossed", "off_step"):
            counts[name] = sum(getattr(one, name) for one in self.symbols)
        return [f"{count} {name}" for name, count in counts.items() if count]

    def json(self) -> bytes:
        """As JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def text(self) -> str:
        """As text."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterable[str]:
        yield from (f"{name}  sha256 {one}" for name, one in zip(self.files, self.sha256, strict=True))
        yield f"{self.read} rows read, {self.accepted} rows of history, {self.refused} refused"
        yield from (f"  refused: {count} rows: {why}" for why, count in self.refused_by_reason.items())
        yield f"{self.duplicates_in_file} duplicates in the file, {self.duplicates_in_history} in the history"
        yield f"{self.conflicts} conflicts, {self.replaced} rows of earlier imports replaced"
        for one in self.symbols:
            yield _summary(one)
        yield from (f"  kept: {one}" for one in self.kept)
        yield from (f"  note: {one}" for one in self.notes)
        for title, listed in (
            ("refused", self.refused_rows),
            ("conflict", self.conflict_rows),
            ("found", self.findings),
        ):
            yield from (f"{title}: {one}" for one in listed)
        yield from (f"rule {name}: {text}" for name, text in self.rules.items())


class Progress(Protocol):
    """What shows how far an import is."""

    def __call__(self, rows: int) -> None:
        """So many rows are read."""


def _summary(one: SymbolReport) -> str:
    from engine.imports.numbers import shown  # noqa: PLC0415 - reports are read without pyarrow

    span = f"{shown(one.first_ns)} to {shown(one.last_ns)}" if one.rows else "no row"
    counts = {
        "steps back": one.steps_back, "gaps": one.gaps, "missing": one.missing, "outliers": one.outliers,
        "crossed": one.crossed, "off step": one.off_step,
    }  # fmt: skip
    found = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    gap = f" ({one.gap_seconds:g} s)" if one.gaps else ""
    return f"  {one.kind} {one.venue}:{one.symbol}: {one.rows} rows, {span}; {found or 'nothing found'}{gap}"


def _kept(symbols: list[SymbolReport], latest: int) -> Iterable[str]:
    """Symbols that a survivor's list would not have."""
    day = 86_400 * 10**9
    for one in symbols:
        if not one.trading:
            yield f"{one.venue}:{one.symbol} is not traded any more"
        elif one.rows and latest - one.last_ns > day:
            yield f"{one.venue}:{one.symbol} ends {(latest - one.last_ns) // day} days before the file: delisted?"

"""A history in a file, or in a recorder's directory (`recorded.py`).

A file is CSV, or Parquet by its suffix `.parquet` (needs the extra `parquet`):

    time_ms,symbol,close,volume         the begin of a bar (Unix time), what was traded, the last price, and how much
    1700006400000,BTCUSDT,37713.57,12.5

Columns may be in any order, and further ones are not read. A user of the history names the column that it needs. Bars
of a symbol are in the order of their times; of which length they are is free.
"""

import csv
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Protocol

from engine.model.fixed import INT64_MAX
from engine.risk.history.bars import NONE, Bar
from engine.risk.history.lines import Column, Line
from engine.risk.history.recorded import DAY_NS, PREFIX, recorded_lines

MS = 1_000_000
PARQUET = ".parquet"
BATCH = 256  # rows of a Parquet file that are read at once


class Traded(Protocol):
    """An instrument, of the configuration or of the engine."""

    @property
    def id(self) -> int:
        """Our number."""

    @property
    def venue(self) -> str:
        """The venue's name."""

    @property
    def symbol(self) -> str:
        """The venue's text."""


class FileHistory:
    """The bars of a file that belong to these instruments."""

    def __init__(self, instruments: Iterable[Traded]) -> None:
        """Begin without a bar."""
        self._names = {one.id: (one.venue, one.symbol) for one in instruments}
        names = [*self._names.values(), *(("", symbol) for _, symbol in self._names.values())]
        self._bars: dict[tuple[str, str], list[Bar]] = {name: [] for name in names}

    def add(self, line: Line) -> None:
        """Add the next bar of the file; ValueError if it is not after the symbol's bar before it."""
        bars = self._bars.get((line.venue, line.symbol))
        if bars is None:
            return
        if bars and line.bar.start_ns <= bars[-1].start_ns:
            found, before = line.bar.start_ns // MS, bars[-1].start_ns // MS
            raise ValueError(
                f"{line.place} has time_ms {found} of {line.symbol}, expected one after {before}, its bar before:"
                " sort the file by time and delete bars that it has twice"
            )
        bars.append(line.bar)

    def bars(self, instrument: int, first_ns: int, end_ns: int) -> Sequence[Bar]:
        """The instrument's bars that begin in this time, the oldest first."""
        name = self._names.get(instrument, ("", ""))
        all_bars = self._bars.get(name) or self._bars.get(("", name[1]), [])
        first, end = (bisect_left(all_bars, at_ns, key=_start) for at_ns in (first_ns, end_ns))
        return all_bars[first:end]


def read_history(path: str, instruments: Iterable[Traded], needs: Column) -> FileHistory:
    """The history in a file; a ValueError names the line, what was found and what was expected."""
    history = FileHistory(instruments)
    for line in lines_of(path, needs):
        history.add(line)
    return history


def lines_of(path: str, needs: Column) -> Iterator[Line]:
    """The bars of a file, or of a recorder's directory, one by one, as the reader asks for them."""
    if path.startswith(PREFIX):
        yield from recorded_lines(path.removeprefix(PREFIX), today_text(), needs)
        return
    try:
        yield from (_parquet if path.endswith(PARQUET) else _csv)(path, needs)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: cannot be read ({error}): expected a CSV or Parquet file of bars") from error


def today_text() -> str:
    """The present day of UTC: a recorder's files of it are not whole."""
    return datetime.fromtimestamp(time.time_ns() // DAY_NS * 86_400, UTC).strftime("%Y-%m-%d")


def _csv(path: str, needs: Column) -> Iterator[Line]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        columns = _columns(f"{path}: the first line", next(rows, []), needs)
        for row in rows:
            yield _line(f"{path}: line {rows.line_num}", row, columns, needs)


def _parquet(path: str, needs: Column) -> Iterator[Line]:
    try:
        import pyarrow.parquet as parquet  # noqa: PLC0415, PLR0402 - an extra, needed only for such a file
    except ImportError as error:
        raise ValueError(f"{path}: needs pyarrow: pip install 'steelyard[parquet]', or use CSV") from error
    try:
        file = parquet.ParquetFile(path)
    except ValueError as error:  # ArrowInvalid is one
        raise ValueError(f"{path}: cannot be read ({error}): expected a CSV or Parquet file of bars") from error
    with file:
        columns, number = _columns(f"{path}: the schema", file.schema_arrow.names, needs), 0
        for batch in file.iter_batches(BATCH):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield _line(f"{path}: row {number}", row, columns, needs)


def _columns(place: str, names: Sequence[str], needs: Column) -> dict[str, int]:
    """The places of the columns that are read."""
    columns = {name: index for index, name in enumerate(names) if name in ("time_ms", "symbol", needs)}
    if len(columns) < 3 or len(set(names)) < len(names):  # noqa: PLR2004 - the three names above
        raise ValueError(f"{place} is {','.join(names)!r}, expected the columns time_ms, symbol and {needs}, each once")
    return columns


def _line(place: str, row: Sequence[Any], columns: dict[str, int], needs: Column) -> Line:
    """The bar of a row: its price is over 0, its volume at least 0."""
    try:
        time_ms, symbol = int(row[columns["time_ms"]]), str(row[columns["symbol"]])
        number = Decimal(str(row[columns[needs]]))
        if 0 <= time_ms <= INT64_MAX // MS and number.is_finite() and number >= 0 and (number or needs == "volume"):
            start_ns = time_ms * MS
            return Line(place, symbol, Bar(start_ns, number) if needs == "close" else Bar(start_ns, NONE, number))
    except (ValueError, TypeError, IndexError, InvalidOperation):
        pass
    least = "over 0" if needs == "close" else "from 0 on"
    text = ",".join(map(str, row))
    raise ValueError(f"{place} is {text!r}, expected a time_ms in ms since 1970, a symbol and a {needs} {least}")


def _start(bar: Bar) -> int:
    return bar.start_ns

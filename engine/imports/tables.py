"""A file as batches of text columns with the number of each row's line, whatever its size.

A float of a Parquet file or of a database becomes the shortest decimal text that gives the same float: 0.1 is "0.1".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from engine.imports.errors import ImportRefusedError
from engine.imports.report import Refusals
from engine.imports.source import DAMAGED, unpacked

Array = np.ndarray[Any, np.dtype[Any]]
BLOCK = 4 << 20  # bytes of a CSV that are read at once
ROWS = 1 << 16  # of a Parquet file
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Table:
    """Some rows: each column as text, and the line of each row in its file (of a Parquet file: the row, from 1)."""

    columns: dict[str, pa.Array]
    lines: Array

    def __len__(self) -> int:
        """How many rows."""
        return len(self.lines)

    def of(self, places: Array) -> "Table":
        """Some of the rows."""
        chosen = pa.array(places)
        return Table({name: one.take(chosen) for name, one in self.columns.items()}, self.lines[places])


def first_line(path: Path) -> list[str]:
    """The fields of a CSV's first line."""
    try:
        with unpacked(path) as stream:
            line = stream.read(1 << 16).split(b"\n", 1)[0]
    except DAMAGED as error:
        raise ImportRefusedError(f"{path}: the file cannot be read: {error}") from error
    if not line.strip():
        raise ImportRefusedError(f"{path}: the file is empty, expected lines of CSV")
    return [one.strip().strip('"') for one in line.decode("utf-8-sig", "replace").split(",")]


def is_header(fields: Sequence[str]) -> bool:
    """Whether a line names columns: none of its fields is a number."""
    return not any(re.fullmatch(r"-?[0-9.]+", one) for one in fields)


def read_csv(path: Path, refusals: Refusals, names: Sequence[str] = (), *, header: bool = True) -> Iterator[Table]:
    """The rows of a CSV, with its own names of columns or these. A line of another length is refused."""
    columns = list(names) or first_line(path)
    if len(set(columns)) != len(columns):
        raise ImportRefusedError(f"{path}: the header names a column twice: {', '.join(columns)[:SHOWN]}")
    wrong: list[int] = []

    def refuse(row: Any) -> str:
        wrong.append(int(row.number))
        refusals.add(int(row.number), "line", row.text[:SHOWN], f"has {row.actual_columns} fields, expected"
                     f" {row.expected_columns}")  # fmt: skip
        return "skip"

    options = {
        "read_options": csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=columns, skip_rows=header),
        "parse_options": csv.ParseOptions(invalid_row_handler=refuse),
        "convert_options": csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    }
    try:
        with unpacked(path) as stream:
            yield from _tables(csv.open_csv(stream, **options), columns, wrong, first=1 + header)
    except DAMAGED as error:
        if "Empty CSV" not in str(error):
            raise ImportRefusedError(f"{path}: the file cannot be read: {error}") from error


def read_parquet(path: Path) -> Iterator[Table]:
    """The rows of a Parquet file."""
    try:
        with pq.ParquetFile(path) as file:
            first = 1
            for batch in file.iter_batches(ROWS, use_threads=False):
                columns = {name: as_text(batch.column(name)) for name in batch.schema.names}
                yield Table(columns, np.arange(first, first + len(batch)))
                first += len(batch)
    except DAMAGED as error:
        raise ImportRefusedError(f"{path}: the file cannot be read as Parquet: {error}") from error


def columns_of(path: Path) -> list[str]:
    """The columns of a Parquet file."""
    try:
        return list(pq.read_schema(path).names)
    except DAMAGED as error:
        raise ImportRefusedError(f"{path}: the file cannot be read as Parquet: {error}") from error


def as_text(column: Any) -> Any:
    """A column as text: floats as their shortest decimal text, times as nanoseconds."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ns", getattr(column.type, "tz", None))).cast(pa.int64())
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def renamed(tables: Iterator[Table], columns: dict[str, str]) -> Iterator[Table]:
    """Tables with our names of columns; the others are left out."""
    for table in tables:
        yield Table({ours: table.columns[theirs] for ours, theirs in columns.items()}, table.lines)


def _tables(batches: Any, columns: Sequence[str], wrong: list[int], *, first: int) -> Iterator[Table]:
    """Batches with the line of each row: lines of another length lie between."""
    for batch in batches:
        lines = _lines(first, len(batch), wrong)
        if len(lines):
            first = int(lines[-1]) + 1
            yield Table({name: batch.column(name) for name in columns}, lines)


def _lines(first: int, count: int, wrong: list[int]) -> Array:
    """The next lines that have a row."""
    skipped = [line for line in wrong if line >= first]
    lines = np.arange(first, first + count + len(skipped))
    return lines[~np.isin(lines, skipped)][:count]

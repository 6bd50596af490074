"""The recorded history, read lazily: batches of Arrow, or numpy, pandas, polars and SQL.

    from research import history

    ticks = history("ticks", "BTCUSDT", venue="binance", start="2026-11-30", columns=["price"], system="demo")
    for batch in ticks: ...                       # pyarrow.RecordBatch, in the order of time, whatever the range
    ticks.pandas()                                # the whole range, if it fits memory_mib
    ticks.sql("select avg(price) from history")   # DuckDB reads the files itself

By default prices, sizes and fees are floats and times are timestamps, as in `research.lanes.frame`: a float is the one
nearest to the exact decimal number. With `floats=False` values are the recorded ones, fixed point in int64 beside the
columns `price_decimals` and `size_decimals`. docs/history.md describes the files.
"""

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.config import Paths
from research.extras import need
from research.views import View

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from engine.recorder.store.manifest import File, Pruned

Moment = str | int | date | datetime | np.datetime64
MIB = 1 << 20
COPIES = 8  # of a batch that exist at once: decoded, converted, sorted, the row group that it came from
BATCH_MOST, BATCH_LEAST = 1 << 16, 1 << 7
PAGE = 1 << 20  # bytes of a column that are decoded at once, at most
READ = 1 << 13  # bytes of a column that are read at once, where many files are open
FILE = 64 << 10  # bytes of an open file beside its columns: its footer and its schema
END = (1 << 63) - 1


class TooLargeError(MemoryError):
    """The whole of a range does not fit the memory that the caller allows."""


def history(
    kind: str, symbols: str | Iterable[str] = (), venue: str | Iterable[str] = (), start: Moment | None = None,
    end: Moment | None = None, *, columns: Sequence[str] = (), system: str = "", directory: str | Path = "",
    floats: bool = True, memory_mib: int = 256,
) -> "History":  # fmt: skip
    """The rows of a kind with times in [start, end), of all symbols and venues or of some.

    `system` names the system that recorded it, `directory` instead the recorder's directory. `memory_mib` bounds what
    reading needs, whatever the range.
    """
    need("pyarrow")
    found = History(
        place_of(system, directory), kind, _texts(symbols), _texts(venue), nanoseconds(start, 0), nanoseconds(end, END),
        memory_mib,
    )  # fmt: skip
    return found.view(columns, floats=floats)


def place_of(system: str, directory: str | Path) -> Path:
    """The directory of the recorder: the one that is given, else that of the system."""
    return Path(directory) if directory else Paths.known(_named(system)).history()


class PrunedWarning(UserWarning):
    """A part of the range was removed by retention."""


class History:
    """A range of one kind. Nothing is read before it is asked for."""

    def __init__(
        self, directory: Path, kind: str, symbols: tuple[str, ...], venues: tuple[str, ...], start: int, end: int,
        memory_mib: int,
    ) -> None:  # fmt: skip
        """Find the files; ValueError names what does not exist."""
        from engine.recorder.store.manifest import Manifest, kinds  # noqa: PLC0415 - loads what only this needs

        store = directory / "store"
        if not (store / kind).is_dir():
            known = ", ".join(kinds(store)) or "nothing is sealed there: engine-ctl data seal"
            raise ValueError(f"{store}: no history of {kind!r}: expected one of {known}")
        self.kind, self.symbols, self._place = kind, symbols, store / kind
        self._start, self._end, self._memory = start, end, memory_mib * MIB
        manifest = Manifest.load(self._place)
        every = manifest.files.values()
        known_rows: list[File | Pruned] = [*every, *manifest.pruned]
        _expect("venue", venues, {one.venue for one in known_rows})
        _expect("symbol", symbols, {symbol for one in known_rows for symbol in one.symbols})
        removed = (one for one in manifest.pruned if not venues or one.venue in venues)
        self.pruned = tuple(f"{one.venue} {one.day}" for one in removed if self._has(one))
        if self.pruned:
            warnings.warn(self._removed(), PrunedWarning, stacklevel=3)
        chosen = (file for file in every if not venues or file.venue in venues)
        self.files = tuple(sorted(filter(self._has, chosen), key=lambda file: (file.first_ns, file.path)))
        self._view = View.of(self._schema, (), floats=True)

    def view(self, columns: Sequence[str] = (), *, floats: bool = True) -> "History":
        """Choose columns and whether they are floats; ValueError for a column that the kind does not have."""
        self._view = View.of(self._schema, columns, floats=floats)
        return self

    @property
    def rows_most(self) -> int:
        """The rows of the files: at least as many as the range has."""
        return sum(file.rows for file in self.files)

    @property
    def gaps(self) -> dict[str, tuple[int, int, float]]:
        """Of each file with gaps: how many, the records lost, and for how many seconds."""
        return {file.path: (file.gaps, file.lost, file.lost_ns / 1e9) for file in self.files if file.gaps}

    def __iter__(self) -> Iterator["pa.RecordBatch"]:
        """The batches in the order of time."""
        return self.batches()

    def batches(self) -> Iterator["pa.RecordBatch"]:
        """The batches in the order of time."""
        from engine.recorder.store.merge import Stream, merge  # noqa: PLC0415 - loads pyarrow

        rows = self._batch_rows()
        streams = [Stream(file.first_ns, partial(self._read, file, rows)) for file in self.files]
        raw = merge(streams, self._time) if self._overlaps else (one for stream in streams for one in stream.open())
        return map(self._view.convert, raw)

    def reader(self) -> "pa.RecordBatchReader":
        """The batches as a stream of Arrow, for every tool that reads one."""
        import pyarrow as pa  # noqa: PLC0415 - an extra

        empty = self._view.convert(self._empty())
        return pa.RecordBatchReader.from_batches(empty.schema, self.batches())

    def arrow(self) -> "pa.Table":
        """The whole range; TooLargeError when it may not fit."""
        size = self.rows_most * self._view.width
        if size > self._memory:
            raise TooLargeError(
                f"{self.kind}: up to {self.rows_most} rows of {self._view.width} bytes are {size // MIB} MiB,"
                f" memory_mib is {self._memory // MIB}: read it by batches, name fewer columns or a shorter range, or"
                " raise it"
            )
        return self.reader().read_all()

    def numpy(self) -> dict[str, "np.ndarray[Any, np.dtype[Any]]"]:
        """The whole range as an array for each column."""
        table = self.arrow()
        return {name: _array(table.column(name)) for name in table.column_names}

    def pandas(self) -> "pd.DataFrame":
        """The whole range as a frame of pandas."""
        need("pandas")
        return self.arrow().to_pandas()

    def polars(self) -> "pl.DataFrame":
        """The whole range as a frame of polars."""
        frame: pl.DataFrame = need("polars").from_arrow(self.arrow())
        return frame

    def sql(self, query: str) -> "duckdb.DuckDBPyRelation":
        """What DuckDB answers to a query of the table `history`, within memory_mib; it reads the files itself."""
        duck = need("duckdb")
        connection = duck.connect(config={"memory_limit": f"{self._memory // MIB}MB"})
        paths = [str(self._place / file.path) for file in self.files]
        if not paths:
            connection.register("history", self.arrow())
        else:
            connection.execute(f"create view history as {self._view.sql(paths, self._conditions())}")
        relation: duckdb.DuckDBPyRelation = connection.sql(query)
        return relation

    def hot(self, columns: Sequence[str]) -> Iterator[Mapping[str, "np.ndarray[Any, np.dtype[Any]]"]]:
        """Columns of the hot tier, mapped: for each file one array a column, of every symbol, with exact values."""
        from engine.recorder.store.hot import map_columns  # noqa: PLC0415 - loads pyarrow

        for file in self.files:
            if self._is_whole(file):
                yield map_columns(self._place, file, tuple(columns))
                continue
            mapped = map_columns(self._place, file, tuple(dict.fromkeys((*columns, self._time))))
            rows = _rows_between(mapped[self._time], self._start, self._end)
            yield {name: mapped[name][rows] for name in columns}

    @cached_property
    def _schema(self) -> "pa.Schema":
        """The columns of the newest file, and those of earlier versions."""
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415

        by_schema = {file.schema: file for file in self.files}
        schemas = [parquet.read_schema(self._place / file.path) for file in by_schema.values()]
        if not schemas:
            why = self._removed() if self.pruned else f"{self.kind}: nothing is recorded in this range"
            raise ValueError(f"{why}: engine-ctl data ls shows the days")
        return pa.unify_schemas(schemas).with_metadata(schemas[0].metadata)

    @property
    def _time(self) -> str:
        time: bytes = self._schema.metadata[b"steelyard.time"]
        return time.decode()

    @property
    def _overlaps(self) -> bool:
        """Whether rows of two files may lie between one another."""
        latest = 0
        for file in self.files:
            if file.first_ns <= latest:
                return True
            latest = max(latest, file.last_ns)
        return False

    def _removed(self) -> str:
        """Which days of the range were removed."""
        return f"{self.kind}: removed by retention, not in this range any more: {', '.join(self.pruned)}"

    def _has(self, file: "File | Pruned") -> bool:
        in_time = file.first_ns < self._end and file.last_ns >= self._start
        return in_time and (not self.symbols or not set(self.symbols).isdisjoint(file.symbols))

    def _is_whole(self, file: "File") -> bool:
        """Whether every row of a file is in the range."""
        return self._start <= file.first_ns and file.last_ns < self._end

    def _batch_rows(self) -> int:
        """As many rows as the memory allows for each file that is open; TooLargeError where it allows too few."""
        most, held = self._open_at_once()
        rows = min(BATCH_MOST, (self._memory - held) // (COPIES * most * self._view.width))
        if rows < BATCH_LEAST and most > 1:
            raise TooLargeError(
                f"{self.kind}: {most} files overlap in time, and reading them together needs over memory_mib, which is"
                f" {self._memory // MIB}: engine-ctl data seal merges them into one a day; or name fewer columns, or"
                " raise memory_mib"
            )
        return max(BATCH_LEAST, rows)

    def _open_at_once(self) -> tuple[int, int]:
        """The most files that are open at the same time, and the bytes that they hold beside their batches."""
        if not self._overlaps:
            return 1, 0
        edges = [(file.first_ns, 0, file) for file in self.files] + [(file.last_ns, 1, file) for file in self.files]
        opened = held = most = most_held = 0
        for _, ends, file in sorted(edges, key=lambda edge: edge[:2]):
            sign = -1 if ends else 1
            opened, held = opened + sign, held + sign * self._held(file)
            most, most_held = max(most, opened), max(most_held, held)
        return most, most_held

    def _held(self, file: "File") -> int:
        """The bytes that an open file holds: a page of each column that is read, in both forms."""
        columns = len(self._view.sources) + 2
        return FILE + columns * (READ + min(PAGE, file.rows * self._view.width // columns))

    def _read(self, file: "File", rows: int) -> Iterator["pa.RecordBatch"]:
        """The rows of one file that are in the range, with every column that the view, the order or a filter needs."""
        from engine.recorder.store.columns import fit  # noqa: PLC0415 - loads pyarrow

        whole = self._is_whole(file)
        extra = [] if whole and not self._overlaps else [self._time]
        extra += ["symbol"] if self.symbols and set(file.symbols) - set(self.symbols) else []
        names = list(dict.fromkeys((*self._view.sources, *extra)))
        schema = self._empty(names).schema
        with _opened(self._place / file.path, READ if self._overlaps else 0) as source:
            groups = range(source.num_row_groups) if whole else self._groups(source)
            have = [name for name in names if name in source.schema_arrow.names]
            for batch in source.iter_batches(rows, row_groups=list(groups), columns=have, use_threads=False):
                yield self._kept(fit(batch, schema), whole=whole)

    def _groups(self, source: Any) -> Iterator[int]:
        """The row groups whose times are in the range."""
        column = source.schema_arrow.names.index(self._time)
        for group in range(source.num_row_groups):
            found = source.metadata.row_group(group).column(column).statistics
            if found is None or not found.has_min_max or (found.min < self._end and found.max >= self._start):
                yield group

    def _kept(self, batch: "pa.RecordBatch", *, whole: bool) -> "pa.RecordBatch":
        """The rows of a batch that are in the range, and of the symbols."""
        import pyarrow.compute as pc  # noqa: PLC0415 - an extra

        if not whole:
            times = batch.column(self._time)
            after, before = pc.greater_equal(times, self._start), pc.less(times, self._end)
            batch = batch.filter(pc.and_(after, before))
        if self.symbols and "symbol" in batch.schema.names:
            column = batch.column("symbol")
            wanted = np.isin(np.array(column.dictionary.to_pylist(), object), self.symbols)
            keep = wanted[column.indices.to_numpy(zero_copy_only=False)]
            batch = batch if keep.all() else batch.filter(_booleans(keep))
        return batch

    def _conditions(self) -> list[str]:
        """The range and the symbols as conditions of SQL."""
        found = [f"{self._time} >= {self._start}", f"{self._time} < {self._end}"]
        if self.symbols:
            texts = ", ".join("'" + one.replace("'", "''") + "'" for one in self.symbols)
            found.append(f"symbol in ({texts})")
        return found

    def _empty(self, names: Sequence[str] = ()) -> "pa.RecordBatch":
        """No row, with the columns that are read."""
        import pyarrow as pa  # noqa: PLC0415 - an extra

        schema = pa.schema([self._schema.field(name) for name in names or self._view.sources])
        return pa.RecordBatch.from_arrays([pa.nulls(0, one.type) for one in schema], schema=schema)


def _opened(path: Path, buffer: int) -> Any:
    """A file of the history, read by so many bytes of a column at once; 0: a column's part of a row group as a whole.

    A file that was merged into another an hour ago is gone.
    """
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    try:
        return parquet.ParquetFile(path, buffer_size=buffer)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: merged into another file, or removed by retention, since this history was opened: open it again"
        ) from error


def _booleans(keep: "np.ndarray[Any, np.dtype[np.bool_]]") -> Any:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    return pa.array(keep)


def _array(column: Any) -> "np.ndarray[Any, np.dtype[Any]]":
    """A column as an array; a list of a fixed length is a second dimension."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    if pa.types.is_fixed_size_list(column.type):
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat).reshape(len(column), column.type.list_size)
    return np.asarray(column.to_numpy())


def _texts(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) * bool(given) if isinstance(given, str) else tuple(given)


def _expect(name: str, given: Sequence[str], known: set[str]) -> None:
    for one in given:
        if one not in known:
            raise ValueError(f"{name} {one!r}: nothing is recorded of it: expected one of {', '.join(sorted(known))}")


def nanoseconds(moment: Moment | None, default: int) -> int:
    """A moment as nanoseconds; a text and a time without a zone are UTC."""
    if moment is None or isinstance(moment, int):
        return default if moment is None else moment
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        whole, rest = divmod(moment.timestamp(), 1)
        return int(whole) * 1_000_000_000 + round(rest * 1e6) * 1_000
    try:
        return int(np.datetime64(cast("str", moment), "ns").astype(np.int64))
    except ValueError as error:
        raise ValueError(f"{moment!r}: expected a day or a time as 2026-11-30T12:00, in UTC") from error


def _named(system: str) -> str:
    found = system or os.environ.get("STEELYARD_SYSTEM", "")
    if not found:
        raise ValueError("expected system= (its name) or directory= (that of the recorder), or STEELYARD_SYSTEM")
    return found


def _rows_between(times: "np.ndarray[Any, np.dtype[Any]]", start: int, end: int) -> "slice | np.ndarray[Any, Any]":
    """Which rows are of a half-open range of time: a slice without a copy, unless a time steps back."""
    if (times[1:] < times[:-1]).any():
        rows: np.ndarray[Any, Any] = (times >= start) & (times < end)
        return rows
    low, high = np.searchsorted(times, (start, end))
    return slice(low, high)

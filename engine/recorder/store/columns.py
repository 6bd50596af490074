"""Rows of a part as columns of Arrow: the fields of the record under their own names, and what makes them readable.

    sequence, lane, stream               which record of which lane
    symbol, price_decimals, size_decimals of the row's instrument, where the record names one

Values are the exact ones: fixed point in int64, bytes as they are, spare fields left out.
"""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from engine.recorder.part import Head, Rows, names_instrument
from engine.recorder.sources import TIMES

DAY_NS = 86_400_000_000_000
NO_VENUE = "engine"  # of rows without an instrument, or whose instrument no feed has published
UNKNOWN = (NO_VENUE, "", 0, 0)
TIME_KEY = b"steelyard.time"  # in the schema: the column by which the rows are ordered
WORD = pa.dictionary(pa.int32(), pa.string())
BATCH_ROWS = 1 << 16


def time_of(names: tuple[str, ...]) -> str:
    """The column by which rows are ordered: of cells when they were read, else when the record was published."""
    return next(name for name in ("read_ns", *TIMES) if name in names)


def split(head: Head, rows: Rows, first: int) -> Iterator[tuple[str, str, pa.RecordBatch]]:
    """Give rows as one batch for each venue and day."""
    time = rows[time_of(rows.dtype.names or ())]
    venues = _venues(head, rows)
    days = time // DAY_NS
    for venue in dict.fromkeys(venues.tolist()):
        of_venue = venues == venue
        for day in np.unique(days[of_venue]).tolist():
            places = np.flatnonzero(of_venue & (days == day))
            yield venue, day_text(day), batch_of(head, rows[places], first + places)


def batch_of(head: Head, rows: Rows, sequence: Rows) -> pa.RecordBatch:
    """Give rows as a batch."""
    count = len(rows)
    columns = {"sequence": pa.array(sequence.astype("i8")), "lane": _word(head.name, count)}
    columns["stream"] = _word(head.stream[:8], count)
    columns |= {name: column(rows[name]) for name in rows.dtype.names or () if not name.startswith("spare")}
    if names_instrument(rows.dtype):
        columns |= _of_instruments(head, rows, set(columns))
    schema = pa.schema([pa.field(name, one.type) for name, one in columns.items()])
    named = schema.with_metadata({TIME_KEY: time_of(rows.dtype.names or ())})
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=named)


def column(values: Rows) -> pa.Array:
    """A field as a column: numbers, lists of a fixed length, or bytes of a fixed length."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "S":
        kind = pa.binary(values.dtype.itemsize)
        return pa.FixedSizeBinaryArray.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
    if values.ndim > 1:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
    return pa.array(values)


def day_text(day: int) -> str:
    """A day since 1970 as text."""
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")


def schema_crc(schema: pa.Schema) -> int:
    """A number for the columns' names and types."""
    return zlib.crc32(repr([(one.name, str(one.type)) for one in schema]).encode())


def fit(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Give a batch the columns of a schema: by name, null where the batch is of a version without that column."""
    if batch.schema.equals(schema):
        return batch
    have = set(batch.schema.names)
    arrays = [
        batch.column(one.name).cast(one.type) if one.name in have else pa.nulls(len(batch), one.type) for one in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _venues(head: Head, rows: Rows) -> Rows:
    if not names_instrument(rows.dtype):
        return np.full(len(rows), NO_VENUE)
    ids, places = np.unique(rows["instrument"], return_inverse=True)
    return np.array([head.instruments.get(one, UNKNOWN)[0] for one in ids.tolist()], object)[places]


def _of_instruments(head: Head, rows: Rows, taken: set[str]) -> dict[str, pa.Array]:
    """The symbol and the decimals of each row."""
    ids, places = np.unique(rows["instrument"], return_inverse=True)
    known = [head.instruments.get(one, UNKNOWN) for one in ids.tolist()]
    symbols = pa.array([one[1] for one in known], pa.string())
    found = {"symbol": pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), symbols)}
    for name, index in (("price_decimals", 2), ("size_decimals", 3)):
        if name not in taken:
            found[name] = pa.array(np.array([one[index] for one in known], "u1")[places])
    return found


def _word(text: str, count: int) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, "i4")), pa.array([text], pa.string()))

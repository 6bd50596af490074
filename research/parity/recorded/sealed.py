"""Rows of the sealed history as records again: the columns of a Parquet file in the fields of a lane's record.

A file of one day may have rows of several creations of a lane (streams), and a lane with several venues has several
files. Spare fields are not stored: they are 0 in every record.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.recorder.store.manifest import NAME, File, Manifest
from research.parity.recorded.lane import Chunk, Rows

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 1 << 16
TIME_KEY = b"steelyard.time"


def sealed_times(kind: Path, lane: str) -> dict[str, dict[str, tuple[int, int]]]:
    """By name and stream of each sealed lane of a kind, the times of its first and its last row."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for file in _files(kind):
        for source, first, last in _times_of(kind, file):
            full, _, stream = source.rpartition("/")
            low, high = found.setdefault(full or lane, {}).get(stream, (first, last))
            found[full or lane][stream] = min(low, first), max(high, last)
    return found


def sealed_chunks(kind: Path, full: str, stream: str, dtype: "np.dtype[Any]") -> Iterator[Chunk]:
    """The sealed rows of one stream of a lane."""
    for file in _files(kind):
        if f"{full}/{stream}" in file.source:
            yield from _chunks_of(kind / file.path, full, stream, dtype)


def _files(kind: Path) -> list[File]:
    return list(Manifest.load(kind).files.values()) if (kind / NAME).exists() else []


def _times_of(kind: Path, file: File) -> Iterator[tuple[str, int, int]]:
    """The first and the last time of each source of a file."""
    if len(file.source) == 1:
        yield file.source[0], file.first_ns, file.last_ns
        return
    with _opened(kind / file.path) as source:
        time = source.schema_arrow.metadata[TIME_KEY].decode()
        for batch in source.iter_batches(BATCH_ROWS, columns=["lane", "stream", time]):
            times, (names, places) = batch.column(time).to_numpy(), _sources(batch)
            for place in np.unique(places).tolist():
                of_it = times[places == place]
                yield names[place], int(of_it.min()), int(of_it.max())


def _chunks_of(path: Path, full: str, stream: str, dtype: "np.dtype[Any]") -> Iterator[Chunk]:
    """The rows of one stream in one file."""
    fields = [name for name in dtype.names or () if not name.startswith("spare")]
    with _opened(path) as source:
        missing = set(fields) - set(source.schema_arrow.names)
        if missing:
            what = f"recorded by another version of the engine, without {', '.join(sorted(missing))}"
            raise ValueError(f"{path}: {what}: compare it with the version that recorded it")
        for batch in source.iter_batches(BATCH_ROWS, columns=["sequence", "lane", "stream", *fields]):
            names, places = _sources(batch)
            if f"{full}/{stream}" not in names:
                continue
            chosen = places == names.index(f"{full}/{stream}")
            rows = np.zeros(len(batch), dtype)
            for name in fields:
                rows[name] = _values(batch.column(name), dtype[name])
            yield Chunk(batch.column("sequence").to_numpy()[chosen], rows[chosen])


def _sources(batch: "pa.RecordBatch") -> tuple[list[str], Rows]:
    """The lanes with their streams, as a manifest names them, and of each row the place among these names."""
    lanes, streams = (batch.column(name).dictionary_encode() for name in ("lane", "stream"))
    words = streams.dictionary.to_pylist()
    names = [f"{lane}/{stream}" for lane in lanes.dictionary.to_pylist() for stream in words]
    first, second = (one.indices.to_numpy(zero_copy_only=False).astype(np.int64) for one in (lanes, streams))
    return names, first * len(words) + second


def _values(column: Any, kind: "np.dtype[Any]") -> Rows:
    """A column as the numbers or the bytes of a field."""
    if kind.kind == "S":
        width = kind.itemsize
        data = np.frombuffer(column.buffers()[1], np.dtype(f"S{width}"))
        return data[column.offset : column.offset + len(column)]
    if kind.shape:
        return np.asarray(column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), *kind.shape))
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _opened(path: Path) -> Any:
    """A file of the store."""
    try:
        from pyarrow import parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError(
            f"{path}: sealed history needs the package pyarrow: pip install 'steelyard[research]'"
        ) from error
    return parquet.ParquetFile(path)

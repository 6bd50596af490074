"""Sealing: the closed parts of the lanes become Parquet files of the history, one file for each venue and day.

Of each part, oldest first:
1. Write its rows into files under a temporary name, one for each venue and day; flush and rename each.
2. Replace the manifest: it names the files, and counts the part's numbers as sealed. From here on the rows are sealed.
3. Remove the part.

A death before 2 leaves files that no line names: they are written again, or removed. A death after 2 leaves a part
whose numbers are sealed: it is removed without a second look. So no row is lost or doubled at any point.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.recorder.part import CLOSED, ROWS, Block, Head, parts_of, read_blocks, read_head
from engine.recorder.store.columns import BATCH_ROWS, DAY_NS, day_text, schema_crc, split, time_of
from engine.recorder.store.disk import TEMPORARY, Disk
from engine.recorder.store.manifest import File, Manifest, Source

CHUNK = 16 << 20  # bytes of rows that are held at once
READ = 1 << 20
NARROW_BITS = 16  # integers of so many bits are words, kinds and flags: they repeat few values


class Gaps(NamedTuple):
    """What was lost."""

    gaps: int = 0
    lost: int = 0
    ns: int = 0

    def plus(self, other: "Gaps") -> "Gaps":
        """The sum."""
        return Gaps(self.gaps + other.gaps, self.lost + other.lost, self.ns + other.ns)


class FileWriter:
    """Writes one Parquet file under a temporary name, and describes it for the manifest."""

    def __init__(self, kind: Path, venue: str, day: str, name: str) -> None:
        """Begin at the first batch."""
        self._kind, self.venue, self.day = kind, venue, day
        self.path = kind / f"venue={venue}" / f"day={day}" / name
        self._temporary = self.path.with_name(TEMPORARY + name)
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.RecordBatch] = []
        self._bounds: list[tuple[int, int, int, int]] = []  # of times and sequences
        self._symbols: set[str] = set()
        self.rows = self._waiting = self._size = self._schema = 0

    def add(self, batch: pa.RecordBatch, time: str) -> None:
        """Append rows; a row group has `BATCH_ROWS` of them, or the bytes of a chunk."""
        times, sequences = (batch.column(name).to_numpy(zero_copy_only=False) for name in (time, "sequence"))
        self._bounds.append((int(times.min()), int(times.max()), int(sequences.min()), int(sequences.max())))
        self._symbols.update(_symbols_of(batch))
        self._held.append(batch)
        self._size += batch.nbytes
        self.rows, self._waiting = self.rows + len(batch), self._waiting + len(batch)
        if self._waiting >= BATCH_ROWS or self._size >= CHUNK:
            self._flush()

    def finish(self, disk: Disk, gaps: Gaps, source: tuple[str, ...]) -> File:
        """Give the file its name, and return its line."""
        self._flush()
        assert self._writer is not None, "a file without rows"
        self._writer.close()
        size, crc = self._temporary.stat().st_size, crc_of(self._temporary)
        disk.publish(self._temporary, self.path)
        low, high, first, last = (list(of) for of in zip(*self._bounds, strict=True))
        return File(
            str(self.path.relative_to(self._kind)), self.venue, self.day, self.rows, min(low), max(high), min(first),
            max(last), gaps.gaps, gaps.lost, gaps.ns, size, crc, self._schema, source,
            tuple(sorted(self._symbols)),
        )  # fmt: skip

    def discard(self) -> None:
        """End without a file."""
        if self._writer is not None:
            self._writer.close()
            self._temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._held:
            return
        table = pa.Table.from_batches(self._held).unify_dictionaries()
        if self._writer is None:
            self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._schema = schema_crc(table.schema)
            self._writer = pq.ParquetWriter(self._temporary, table.schema, **options_of(table.schema))
        self._writer.write_table(table, row_group_size=len(table))
        self._held, self._waiting, self._size = [], 0, 0


def seal(parts: Path, store: Path, disk: Disk) -> int:
    """Seal every closed part; how many rows. A part that cannot be read stops its own lane: ValueError, at the end."""
    rows, failures = 0, []
    for lane in sorted(parts.glob("*/")):
        try:
            rows += sum(seal_part(path, store, disk) for path in parts_of(lane, CLOSED))
        except ValueError as error:
            failures.append(str(error))
    if failures:
        raise ValueError("; ".join(failures))
    return rows


def seal_part(path: Path, store: Path, disk: Disk) -> int:
    """Seal one part; how many rows."""
    head, offset = read_head(path)
    kind = store / head.lane
    manifest = Manifest.load(kind)
    before = manifest.sources.get((head.name, head.stream))
    sealed = before.after if before is not None else head.first
    sealing = Sealing(head, kind, path.stem, sealed)
    for block in (block for block, _ in read_blocks(path, offset)):
        sealing.add(block)
    files, after = sealing.finish(disk)
    rows, lost = sum(file.rows for file in files), sealing.lost.lost
    if after > sealed or before is None:
        base = before or Source(head.name, head.stream, head.first, head.first, 0, 0)
        source = msgspec.structs.replace(base, after=after, rows=base.rows + rows, lost=base.lost + lost)
        manifest.sources[head.name, head.stream] = source
        manifest.files |= {file.path: file for file in files}
        manifest.save(disk)
    disk.remove(path)
    return rows


class Sealing:
    """The files that one part becomes."""

    def __init__(self, head: Head, kind: Path, name: str, sealed: int) -> None:
        """Numbers below `sealed` are in the history already."""
        self._head, self._kind, self._name, self._after = head, kind, f"{head.name}-{name}.parquet", sealed
        self._time = time_of(head.dtype.names or ())
        self._writers: dict[tuple[str, str], FileWriter] = {}
        self._gaps: dict[str, Gaps] = {}  # by day
        self._held: list[np.ndarray[Any, np.dtype[Any]]] = []
        self._first = self._size = 0
        self.lost = Gaps()

    def add(self, block: Block) -> None:
        """Add what is not sealed of a block; numbers that are missing before it were lost between two parts."""
        if block.after <= self._after:
            return
        if block.first > self._after:
            self._flush()
            self._lose(block.first - self._after, 0, block.begin_ns)
        if block.kind == ROWS:
            rows = np.frombuffer(block.rows, self._head.dtype)[max(0, self._after - block.first) :]
            self._hold(rows, max(self._after, block.first))
        else:
            self._flush()
            lost = block.after - max(self._after, block.first)
            self._lose(lost, max(0, block.end_ns - block.begin_ns), block.end_ns)
        self._after = block.after

    def finish(self, disk: Disk) -> tuple[list[File], int]:
        """Finish the files; also the number after the last one that is sealed now."""
        self._flush()
        source = (f"{self._head.name}/{self._head.stream[:8]}",)
        gaps = self._gaps
        return [one.finish(disk, gaps.get(one.day, Gaps()), source) for one in self._writers.values()], self._after

    def _lose(self, lost: int, ns: int, at_ns: int) -> None:
        found, day = Gaps(1, lost, ns), day_text(at_ns // DAY_NS)
        self.lost = self.lost.plus(found)
        self._gaps[day] = self._gaps.get(day, Gaps()).plus(found)

    def _hold(self, rows: Any, first: int) -> None:
        if not self._held:
            self._first = first
        self._held.append(rows)
        self._size += rows.nbytes
        if self._size >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        """Give the rows that are held to their files."""
        if not self._held:
            return
        rows = np.concatenate(self._held)
        self._held, self._size = [], 0
        for venue, day, batch in split(self._head, rows, self._first):
            self._writer(venue, day).add(batch, self._time)

    def _writer(self, venue: str, day: str) -> FileWriter:
        if (venue, day) not in self._writers:
            self._writers[venue, day] = FileWriter(self._kind, venue, day, self._name)
        return self._writers[venue, day]


def options_of(schema: pa.Schema) -> dict[str, Any]:
    """How columns are written: few values as a dictionary, integers as differences, small and fast to read."""
    few, differences = [], {}
    for one in schema:
        listed = pa.types.is_fixed_size_list(one.type)
        kind, path = (one.type.value_type, f"{one.name}.list.element") if listed else (one.type, one.name)
        if pa.types.is_dictionary(kind) or (pa.types.is_integer(kind) and kind.bit_width <= NARROW_BITS):
            few.append(path)
        elif pa.types.is_integer(kind):
            differences[path] = "DELTA_BINARY_PACKED"
    return {"compression": "zstd", "compression_level": 3, "use_dictionary": few, "column_encoding": differences}


def _symbols_of(batch: pa.RecordBatch) -> set[str]:
    """The symbols that a batch's dictionary has; seldom one that no row of it has any more."""
    column = batch.column("symbol") if "symbol" in batch.schema.names else None
    return set(column.dictionary.to_pylist()) - {""} if isinstance(column, pa.DictionaryArray) else set()


def crc_of(path: Path) -> int:
    """The crc of a file's bytes."""
    return _crc(_pieces(path))


def _crc(pieces: Iterator[bytes]) -> int:
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(READ):
            yield piece

"""The files of an import, and the one step by which a kind of the history has them.

1. Write files under names that no manifest has: one for each venue and day, more where the time goes back.
2. Write the report.
3. Replace the manifest of each kind: it names the files, and the import as a source. From here on they are the history.

A death before 3 leaves files that nothing reads: the next run writes them again, or the recorder's child removes them.
A death between two kinds leaves the one imported and the other not: the next run imports the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.imports.listing import Listed
from engine.imports.shapes import dtype_of
from engine.imports.tables import Array
from engine.recorder.part import Head
from engine.recorder.store.columns import BATCH_ROWS, DAY_NS, day_text, split
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import File, Manifest, Source
from engine.recorder.store.seal import FileWriter, Gaps

TIME = "publish_ns"
SHORT = 8  # letters of a stream in a row, as in every row of the history
Identity = tuple[str, str, int]  # a row: its lane, the beginning of its stream, its sequence


class Writer:
    """The rows of one kind. With no disk it counts them only."""

    def __init__(
        self, kind: str, place: Path, lane: str, stream: str, listed: Mapping[int, Listed],
        gaps: dict[tuple[str, str, str], Gaps], disk: Disk | None,
    ) -> None:  # fmt: skip
        """Begin without a file."""
        self.kind, self.place, self.lane, self.stream = kind, place, lane, stream
        self._listed, self._gaps, self._disk = listed, gaps, disk
        self._writers: dict[tuple[str, str], FileWriter] = {}
        self.files: list[File] = []
        self.rows = self._run = self._last_ns = 0

    def begin(self, first_ns: int) -> list[File]:
        """Make ready for rows from a time on: a step back begins other files. The files that are complete now."""
        if first_ns < self._last_ns:
            self._finish(self._writers)
            self._run += 1
        day = day_text(first_ns // DAY_NS)
        self._finish([key for key in self._writers if key[1] < day])
        return self.files

    def add(self, rows: Array) -> None:
        """Append rows in the order of time."""
        self._last_ns = int(rows[TIME][-1])
        if self._disk is not None:
            for venue, day, batch in split(self._head(), rows, self.rows):
                self._writer(venue, day).add(self._with_ids(batch), TIME)
        self.rows += len(rows)

    def finish(self) -> list[File]:
        """Complete every file."""
        self._finish(self._writers)
        return self.files

    def discard(self) -> list[str]:
        """End without a further file; the files that are complete."""
        for writer in self._writers.values():
            writer.discard()
        self._writers.clear()
        return [file.path for file in self.files]

    def _finish(self, keys: Iterable[tuple[str, str]]) -> None:
        for venue, day in list(keys):
            assert self._disk is not None, "a file without a disk"
            gaps = self._gaps.pop((self.kind, venue, day), Gaps())
            source = (f"{self.lane}/{self.stream[:SHORT]}",)
            self.files.append(self._writers.pop((venue, day)).finish(self._disk, gaps, source))

    def _writer(self, venue: str, day: str) -> FileWriter:
        if (venue, day) not in self._writers:
            name = f"{self.lane}-{self.stream[:SHORT]}-{self._run:04d}.parquet"
            self._writers[venue, day] = FileWriter(self.place, venue, day, name)
        return self._writers[venue, day]

    def _head(self) -> Head:
        record = dtype_of(self.kind)
        known = {number: one.known for number, one in self._listed.items()}
        return Head(self.lane, "", "import", record.name, record.size, record.descr, self.stream, 0, 0, known)

    def _with_ids(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The instruments' ids of a system in the place of the numbers that they have in this import."""
        place = batch.schema.names.index("instrument")
        ids = np.array([0, *(one.id for one in self._listed.values())], "u4")
        columns = [*batch.columns]
        columns[place] = pa.array(ids[columns[place].to_numpy()])
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def commit(writer: Writer, removed: set[Identity], dropped: set[tuple[str, str]], disk: Disk) -> int:
    """Make the rows of one kind the history, in place of the removed ones; how many of those there were."""
    manifest = Manifest.load(writer.place)
    before = list(manifest.files.values())
    counts: dict[tuple[str, str], int] = defaultdict(int)
    gone = [file for file in before if _rewrite(manifest, file, removed, dropped, counts, disk)]
    for key, source in list(manifest.sources.items()):
        count = counts.get((key[0], key[1][:SHORT]), 0)
        manifest.sources[key] = msgspec.structs.replace(source, rows=source.rows - count, after=source.after - count)
        if (key[0], key[1][:SHORT]) in dropped and source.rows == count:  # else retention removed the others
            del manifest.sources[key]
    manifest.files |= {file.path: file for file in writer.files}
    manifest.sources[writer.lane, writer.stream] = Source(writer.lane, writer.stream, 0, writer.rows, writer.rows, 0)
    writer.place.mkdir(mode=0o750, parents=True, exist_ok=True)
    manifest.save(disk)
    for file in gone:
        disk.retire(writer.place / file.path)
    return sum(counts.values())


def _rewrite(
    manifest: Manifest, file: File, removed: set[Identity], dropped: set[tuple[str, str]],
    counts: dict[tuple[str, str], int], disk: Disk,
) -> bool:  # fmt: skip
    """Replace a file by one without the removed rows; False when it has none of them."""
    names = {f"{lane}/{stream}" for lane, stream, _ in removed} | {f"{lane}/{stream}" for lane, stream in dropped}
    if names.isdisjoint(file.source):
        return False
    kept, rows = _without(
        manifest.directory, file, partial(_keep, removed=removed, dropped=dropped, counts=counts), disk
    )
    if rows == file.rows:
        return False
    del manifest.files[file.path]
    if kept is not None:
        manifest.files[kept.path] = kept
    return True


def _without(kind: Path, file: File, keep: Any, disk: Disk) -> tuple[File | None, int]:
    """Write the rows of a file that are kept into another; None when no row is."""
    writer = FileWriter(kind, file.venue, file.day, f"kept-{file.crc:08x}-{file.rows}.parquet")
    with pq.ParquetFile(kind / file.path) as source:
        for batch in source.iter_batches(BATCH_ROWS, use_threads=False):
            if len(rows := batch.filter(pa.array(keep(batch)))):
                writer.add(rows, TIME)
    if writer.rows in (0, file.rows):
        writer.discard()
        return None, writer.rows
    return writer.finish(disk, Gaps(file.gaps, file.lost, file.lost_ns), file.source), writer.rows


def _keep(
    batch: pa.RecordBatch, removed: set[Identity], dropped: set[tuple[str, str]], counts: dict[tuple[str, str], int]
) -> Array:
    """Which rows are kept; the others are counted by their source."""
    columns = (batch.column(name).to_pylist() for name in ("lane", "stream", "sequence"))
    rows = list(zip(*columns, strict=True))
    keep = np.array([one not in removed and one[:2] not in dropped for one in rows], bool)
    for place in np.flatnonzero(~keep).tolist():
        counts[rows[place][:2]] += 1
    return keep

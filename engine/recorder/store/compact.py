"""Compaction: the files of one venue's day become one file, in the order of their times.

1. Write the merged file under a temporary name; flush and rename it.
2. Replace the manifest: it names the merged file instead of the others. From here on the others are not read.
3. The others stay for `KEPT_NS`, because a reader that began before may still open them; then a run removes them.

A partition of one file is left as it is, so a second compaction changes no byte.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engine.recorder.store.columns import BATCH_ROWS, TIME_KEY, fit
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import File, Manifest, kinds
from engine.recorder.store.merge import Stream, merge
from engine.recorder.store.seal import FileWriter, Gaps

KEPT_NS = 3_600_000_000_000
FILES_MAX = 16  # so many files of the present day are merged before the day is over


def compact(store: Path, disk: Disk, now_ns: int, *, every: bool = False) -> int:
    """Compact each partition whose day is over, or that has many files; with `every` each one. How many."""
    today, count = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y-%m-%d"), 0
    for kind in kinds(store):
        for (_, day), files in Manifest.load(store / kind).partitions().items():
            if len(files) > 1 and (every or day < today or len(files) > FILES_MAX):
                compact_files(store / kind, files, disk)
                count += 1
    return count


def compact_files(kind: Path, files: Sequence[File], disk: Disk) -> File:
    """Merge the files of one partition."""
    manifest = Manifest.load(kind)
    schema = pa.unify_schemas([pq.read_schema(kind / file.path) for file in files])
    schema = schema.with_metadata(pq.read_schema(kind / files[0].path).metadata)
    time = schema.metadata[TIME_KEY].decode()
    streams = [Stream(file.first_ns, partial(_read, kind / file.path, schema)) for file in files]
    writer = FileWriter(kind, files[0].venue, files[0].day, f"{_name(files)}.parquet")
    for batch in merge(streams, time):
        writer.add(batch, time)
    merged = writer.finish(disk, _gaps(files), tuple(sorted({one for file in files for one in file.source})))
    for file in files:
        del manifest.files[file.path]
    manifest.files[merged.path] = merged
    manifest.save(disk)
    for file in files:
        disk.retire(kind / file.path)
    return merged


def clean(store: Path, disk: Disk, now_ns: int) -> int:
    """Remove the files that no manifest has named for a while: merged ones, and those of a killed process. How many."""
    strangers = (path for kind in sorted(store.glob("*/")) for path in Manifest.load(kind).strangers())
    found = [path for path in strangers if path.stat().st_mtime_ns < now_ns - KEPT_NS]
    for path in found:
        disk.remove(path)
    return len(found)


def _read(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            yield fit(batch, schema)


def _name(files: Sequence[File]) -> str:
    """A name that no other content has: the rows, and the crcs of the files."""
    crc = 0
    for file in files:
        crc = (crc * 31 + file.crc) % (1 << 32)
    return f"all-{sum(file.rows for file in files)}-{crc:08x}"


def _gaps(files: Sequence[File]) -> Gaps:
    total = Gaps()
    for file in files:
        total = total.plus(Gaps(file.gaps, file.lost, file.lost_ns))
    return total

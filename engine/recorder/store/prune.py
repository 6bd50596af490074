"""Retention: the sealed days that are older than they are kept.

1. Replace the manifest: it names the files of these days no more, and has a line of what each day was instead. From
   here on the rows are not of the history, and the check counts them as removed, not as lost.
2. Remove the files, and the arrays of the hot tier.

A death before 2 leaves files that no line names: the next run removes them. Parts that are not sealed, and days that
are kept, are never touched.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from engine.recorder.locks import locked
from engine.recorder.store import hot
from engine.recorder.store.columns import DAY_NS, day_text
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import File, Manifest, Pruned, kinds

EVERY = "*"  # every kind that has no entry of its own


def day_before(keep: Mapping[str, int], now_ns: int) -> dict[str, str]:
    """By kind, the first day that is kept: today and `keep` days before it are; "" where 0 keeps every day."""
    return {kind: day_text(now_ns // DAY_NS - days) if days else "" for kind, days in keep.items()}


def prune_store(
    directory: Path, before: Mapping[str, str], disk: Disk | None = None, *, dry: bool = False
) -> list[tuple[str, Pruned]]:
    """Remove the days before these, by kind; what each was. Waits for another process that seals."""
    store, disk = directory / "store", disk or Disk()
    if dry or not store.is_dir():
        return prune(store, before, disk, dry=dry)
    with locked(store, wait=True):
        return prune(store, before, disk)


def prune(store: Path, before: Mapping[str, str], disk: Disk, *, dry: bool = False) -> list[tuple[str, Pruned]]:
    """The same, by a process that has the lock."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    found = []
    for kind in kinds(store):
        first_kept = min(before.get(kind, before.get(EVERY, "")), today)
        found += [(kind, one) for one in _prune_kind(store / kind, first_kept, disk, dry=dry)]
    return found


def _prune_kind(kind: Path, first_kept: str, disk: Disk, *, dry: bool) -> list[Pruned]:
    """One kind."""
    manifest = Manifest.load(kind)
    old = [files for (_, day), files in manifest.partitions().items() if day < first_kept]
    pruned = [pruned_of(files) for files in old]
    if dry:
        return pruned
    if pruned:
        manifest.pruned += pruned
        for file in (file for files in old for file in files):
            del manifest.files[file.path]
        manifest.save(disk)
    for path in _left(kind, manifest):
        disk.remove(path)
    return pruned


def _left(kind: Path, manifest: Manifest) -> Iterator[Path]:
    """The files and arrays of pruned days, also those of a run that was killed; a day that came again is kept."""
    present = set(manifest.partitions())
    for venue, day in {(one.venue, one.day) for one in manifest.pruned} - present:
        for place in (hot.place(kind, venue, day), kind / f"venue={venue}" / f"day={day}"):
            if place.is_dir():
                yield place


def pruned_of(files: Sequence[File]) -> Pruned:
    """What a partition was."""
    crc = 0
    for file in files:
        crc = (crc * 31 + file.crc) % (1 << 32)
    return Pruned(
        files[0].venue, files[0].day, sum(one.rows for one in files), min(one.first_ns for one in files),
        max(one.last_ns for one in files), min(one.first_sequence for one in files),
        max(one.last_sequence for one in files), sum(one.size for one in files), crc, len(files),
        tuple(sorted({symbol for one in files for symbol in one.symbols})),
    )  # fmt: skip

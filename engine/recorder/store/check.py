"""What a history has, and whether it is whole: each file's crc and rows, each lane's numbers without a hole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from engine.recorder.part import DAMAGED
from engine.recorder.store import hot
from engine.recorder.store.manifest import File, Manifest, Source, kinds
from engine.recorder.store.seal import crc_of


def summary(store: Path) -> Iterator[dict[str, Any]]:
    """A row for each kind and venue."""
    for kind in kinds(store):
        groups: dict[str, list[File]] = {}
        for (venue, _), files in sorted(Manifest.load(store / kind).partitions().items()):
            groups.setdefault(venue, []).extend(files)
        for venue, files in groups.items():
            yield {"kind": kind, "venue": venue, **_totals(files)}


def _totals(files: list[File]) -> dict[str, Any]:
    days = sorted({one.day for one in files})
    return {
        "days": len(days), "first_day": days[0], "last_day": days[-1], "files": len(files),
        "rows": sum(one.rows for one in files), "bytes": sum(one.size for one in files),
        "gaps": sum(one.gaps for one in files), "lost": sum(one.lost for one in files),
        "lost_seconds": round(sum(one.lost_ns for one in files) / 1e9, 3),
    }  # fmt: skip


def problems(parts: Path, store: Path) -> Iterator[str]:
    """Everything that is wrong: a text for each, with the file."""
    for kind in kinds(store):
        manifest = Manifest.load(store / kind)
        for file in manifest.files.values():
            yield from _of_file(store / kind, file)
        yield from _of_sources(kind, manifest)
    for path in sorted(parts.glob(f"*/*{DAMAGED}")):
        yield f"{path}: the disk damaged this part; its whole blocks are not in the history"


def _of_file(kind: Path, file: File) -> Iterator[str]:
    path = kind / file.path
    if not path.exists():
        yield f"{path}: missing, the manifest has it with {file.rows} rows"
        return
    if path.stat().st_size != file.size or crc_of(path) != file.crc:
        yield f"{path}: damaged: its size or crc differs from the manifest"
        return
    rows = pq.read_metadata(path).num_rows
    if rows != file.rows:
        yield f"{path}: {rows} rows, the manifest has {file.rows}"
    found = hot.read(kind, file)
    for name, crc in (found.columns if found is not None else {}).items():
        array = hot.place_of(kind, file) / f"{name}.npy"
        if not array.exists() or crc_of(array) != crc:
            yield f"{array}: damaged: remove {array.parent}, then engine-ctl data seal --hot {kind.name}"


def _of_sources(kind: str, manifest: Manifest) -> Iterator[str]:
    """Each lane's numbers are sealed or counted as lost; files and pruned days together have as many rows."""
    for one in manifest.sources.values():
        if one.rows + one.lost != one.after - one.first:
            yield f"{kind}: {_named(one)}: {one.rows} rows and {one.lost} lost of {one.after - one.first} numbers"
    sealed = sum(one.rows for one in manifest.sources.values())
    stored, pruned = (sum(one.rows for one in many) for many in (manifest.files.values(), manifest.pruned))
    if sealed != stored + pruned:
        removed = f" and {pruned} removed by retention" if pruned else ""
        yield f"{kind}: {stored} rows in the files{removed}, {sealed} were sealed"


def _named(source: Source) -> str:
    return f"{source.name}, numbers {source.first} to {source.after}"

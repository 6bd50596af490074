"""The hot tier: the columns of one venue's day as arrays on the disk, which a scan maps instead of decoding.

    <kind>/hot/venue=…/day=…/<column>.npy       int64, of floats float64; numpy.load(..., mmap_mode="r") reads them
    <kind>/hot/venue=…/day=…/hot.json           the crc of each, and of the Parquet file that they were made from

It is derived: it counts only while its Parquet file is the manifest's, and it can be removed and made again.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.recorder.store.columns import BATCH_ROWS
from engine.recorder.store.disk import TEMPORARY, Disk
from engine.recorder.store.manifest import File, Manifest
from engine.recorder.store.seal import crc_of

NAME = "hot.json"
Columns = dict[str, "np.ndarray[Any, np.dtype[Any]]"]


class Hot(msgspec.Struct, frozen=True):
    """What the arrays were made from, and the crc of each."""

    source: int
    rows: int
    columns: dict[str, int]


def place_of(kind: Path, file: File) -> Path:
    """The directory of the arrays of a file's partition."""
    return place(kind, file.venue, file.day)


def place(kind: Path, venue: str, day: str) -> Path:
    """The directory of the arrays of a partition."""
    return kind / "hot" / f"venue={venue}" / f"day={day}"


def read(kind: Path, file: File) -> Hot | None:
    """What the arrays of a partition are; None where they do not exist, or were made from another file."""
    path = place_of(kind, file) / NAME
    if not path.exists():
        return None
    hot = msgspec.json.decode(path.read_bytes(), type=Hot)
    return hot if hot.source == file.crc else None


def map_columns(kind: Path, file: File, names: tuple[str, ...]) -> Columns:
    """Map columns of a partition. FileNotFoundError names what to do where they do not exist."""
    hot = read(kind, file)
    if hot is None:
        raise FileNotFoundError(
            f"{place_of(kind, file)}: no hot tier of this file: engine-ctl data seal --hot {kind.name}"
        )
    for name in names:
        if name not in hot.columns:
            raise KeyError(f"{kind.name}: column {name!r}: expected one of {', '.join(hot.columns)}")
    place = place_of(kind, file)
    return {name: np.load(place / f"{name}.npy", mmap_mode="r") for name in names}


def heat(kind: Path, disk: Disk) -> int:
    """Make the arrays of each partition of one file that has none; how many partitions."""
    groups = Manifest.load(kind).partitions().values()
    cold = [files[0] for files in groups if len(files) == 1 and read(kind, files[0]) is None]
    for file in cold:
        heat_file(kind, file, disk)
    return len(cold)


def heat_file(kind: Path, file: File, disk: Disk) -> None:
    """Make the arrays of one partition."""
    place = place_of(kind, file)
    new = place.with_name(TEMPORARY + place.name)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o750, parents=True)
    with pq.ParquetFile(kind / file.path) as source:
        types = {one.name: _type(one.type) for one in source.schema_arrow if _type(one.type)}
        _write(new, source, types, file.rows)
    crcs = {name: crc_of(new / f"{name}.npy") for name in types}
    (new / NAME).write_bytes(msgspec.json.encode(Hot(file.crc, file.rows, crcs)))
    for path in new.iterdir():
        disk.sync(path)
    disk.remove(place)
    disk.publish(new, place)


def _write(place: Path, source: pq.ParquetFile, types: Mapping[str, str], rows: int) -> None:
    files: dict[str, BinaryIO] = {name: (place / f"{name}.npy").open("wb") for name in types}
    for name, file in files.items():
        header = {"descr": types[name], "fortran_order": False, "shape": (rows,)}
        np.lib.format.write_array_header_1_0(file, header)
    for batch in source.iter_batches(BATCH_ROWS, columns=list(types), use_threads=False):
        for name, file in files.items():
            file.write(batch.column(name).to_numpy(zero_copy_only=False).astype(types[name], copy=False).data)
    for file in files.values():
        file.close()


def _type(of: pa.DataType) -> str:
    """The numpy type of a column in the tier; "" for one that it does not have: words, lists and bytes."""
    if pa.types.is_integer(of):
        return "<i8"
    return "<f8" if pa.types.is_floating(of) else ""

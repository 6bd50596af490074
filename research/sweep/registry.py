"""The registry of runs: one row for each trial that was ever run, in Parquet, one file for each finished sweep.

A file gets its name when it is whole and is never changed, so a killed writer leaves nothing, and two sweeps do not
meet. The rows of a sweep that is not finished are read from its log. Reading and sealing need pyarrow.
"""

import importlib.util
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from research.sweep.figures import FIGURES
from research.sweep.run.log import Log, Row
from research.sweep.study import Folder, Study, replaced

if TYPE_CHECKING:
    import pyarrow as pa

COUNTS = ("fills", "orders", "refused")


def expect_pyarrow() -> None:
    """Refuse without the package."""
    if importlib.util.find_spec("pyarrow") is None:
        raise ImportError("a sweep writes Parquet: pip install 'steelyard[research]'")


def table_of(study: Study, rows: Iterable[Row]) -> "pa.Table":
    """The rows in the order of their numbers. Two runs of one sweep give the same table."""
    import pyarrow as pa  # noqa: PLC0415 - the children of a driver are forked without it

    found = sorted(rows, key=lambda row: row.number)
    same = {
        "sweep": study.id, "strategy": study.experiment.strategy, "strategy_code": study.strategy_code,
        "engine_code": study.engine_code, "data_hash": study.data_hash, "search": study.search,
    }  # fmt: skip
    columns: dict[str, Any] = {name: pa.array([value] * len(found), pa.string()) for name, value in same.items()}
    columns["seed"] = pa.array([study.seed] * len(found), pa.int64())
    columns["trial"] = pa.array([row.number for row in found], pa.int64())
    fixed = study.experiment.parameters
    texts = [msgspec.json.encode(fixed | row.parameters, order="sorted").decode() for row in found]
    columns["parameters"] = pa.array(texts, pa.string())
    columns["error"] = pa.array([row.error for row in found], pa.string())
    for name in FIGURES:
        kind = pa.int64() if name in COUNTS else pa.float64()
        columns[name] = pa.array([row.figures.get(name) for row in found], kind)
    columns["slices"] = pa.array([row.slices or None for row in found], pa.list_(pa.float64()))
    return pa.table(columns)


def seal(folder: Folder, study: Study, rows: Iterable[Row]) -> None:
    """Write the table of a finished sweep into the registry; again is without effect."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    if folder.table.exists():
        return
    folder.table.parent.mkdir(parents=True, exist_ok=True)
    with replaced(folder.table) as new:
        pq.write_table(table_of(study, rows), new, compression="zstd")


def registry(home: Path) -> "pa.Table":
    """Every trial that was ever run under a directory, also those of sweeps that are not finished."""
    import pyarrow as pa  # noqa: PLC0415

    expect_pyarrow()
    tables = [_rows_of(Folder(home, one.parent.name)) for one in sorted(home.glob("*/sweep.json"))]
    return pa.concat_tables(tables) if tables else pa.table({})


def _rows_of(folder: Folder) -> "pa.Table":
    """The rows of one sweep."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    if folder.table.exists():
        return pq.read_table(folder.table)
    return table_of(folder.read(), Log(folder.trials).read())


def ranked(rows: Iterable[Row], objective: str) -> list[Row]:
    """The rows with figures, the largest objective first; equals by number."""
    good = [row for row in rows if not row.error and not math.isnan(row.figures[objective])]
    return sorted(good, key=lambda row: (-row.figures[objective], row.number))

"""The lanes that the aggregation stands between.

TICKS, BOOKS, (BOOK_TOPS at a start) ──▶ aggregation ──▶ GLOBAL_BOOKS, OPPORTUNITIES, BARS, their cells, STEPS
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

import shm
from engine.lanes import BY_NAME

OUTPUTS = ("groups", "global_books", "global_tops", "opportunities", "bars", "last_bars")
NOTHING = np.zeros(0, np.uint8)


@dataclass(slots=True)
class AggregationLanes:
    """What it reads and what it writes."""

    ticks: shm.RingReader
    books: shm.RingReader
    book_tops: shm.CellReader
    groups: shm.CellWriter
    global_books: shm.RingWriter
    global_tops: shm.CellWriter
    opportunities: shm.RingWriter
    bars: shm.RingWriter
    last_bars: shm.CellWriter
    steps: shm.RingWriter
    bars_closed: shm.RingReader  # its own ring: what an earlier life has closed

    def close(self) -> None:
        """Give up the lanes it writes."""
        for lane in (*OUTPUTS, "steps"):
            getattr(self, lane).close()


def open_lanes(system: str, name: str) -> AggregationLanes:
    """Attach to a system's lanes; takes the locks of those it writes."""
    outputs: dict[str, Any] = {
        lane: (shm.CellWriter if BY_NAME[lane].kind == "cells" else shm.RingWriter)(
            f"{system}.{lane}", BY_NAME[lane].record
        )
        for lane in OUTPUTS
    }
    return AggregationLanes(
        ticks=shm.RingReader(f"{system}.ticks", BY_NAME["ticks"].record),
        books=shm.RingReader(f"{system}.books", BY_NAME["books"].record),
        book_tops=shm.CellReader(f"{system}.book_tops", BY_NAME["book_tops"].record),
        steps=shm.RingWriter(f"{system}.steps.{name}", BY_NAME["steps"].record),
        bars_closed=shm.RingReader(f"{system}.bars", BY_NAME["bars"].record),
        **outputs,
    )


def flat(records: Any) -> Any:
    """Records as the plain bytes that compiled code walks over."""
    return records.view(np.uint8).reshape(-1) if len(records) else NOTHING


def cells_flat(cells: shm.CellReader | shm.CellWriter, lane: str) -> Any:
    """Every cell of a segment as records, zeros where nothing was ever written."""
    record = BY_NAME[lane].record
    rows = np.zeros(cells.count, record.dtype)
    for index in range(cells.count):
        if (row := cells.read(index)) is not None:
            rows[index] = tuple(row)
    return rows

"""Writes rows of a backfill into the history: as a part of a lane of its own, sealed at once like every other part.

The lane is `ticks.backfill` or `bars.backfill`, its creation is the venue's symbol, and its numbers count the rows. A
death between the two steps leaves a part that the next run, or the recorder's own sealing, seals.
"""

import hashlib
import os
import time
from pathlib import Path

from engine.lanes.map import lane_of
from engine.model.instrument import Instrument
from engine.recorder.locks import PARTS, STORE, locked
from engine.recorder.part import OPEN, Head, PartWriter, Rows, parts_of
from engine.recorder.parts import finish_open
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import Manifest
from engine.recorder.store.seal import seal_part

OWNER = "backfill"


class Writer:
    """One symbol's rows of one kind."""

    def __init__(self, directory: Path, kind: str, instrument: Instrument, interval_s: int = 0) -> None:
        """Seal what a run before this one left."""
        self._store, self._lane, self._disk = directory / STORE, f"{kind}.{OWNER}", Disk()
        self._parts, self._kind = directory / PARTS, kind
        name = f"{instrument.venue}/{instrument.symbol}/{kind}/{interval_s}"
        self._stream = hashlib.sha256(name.encode()).hexdigest()[:32]
        (self._parts / self._lane).mkdir(mode=0o750, parents=True, exist_ok=True)
        self._store.mkdir(mode=0o750, parents=True, exist_ok=True)
        with locked(self._store, wait=True):
            finish_open(self._parts, self._lane)
            for path in parts_of(self._parts / self._lane):
                seal_part(path, self._store, self._disk)

    def append(self, rows: Rows, instrument: Instrument) -> None:
        """Append rows; when this returns they are sealed."""
        with locked(self._store, wait=True):
            source = Manifest.load(self._store / self._kind).sources.get((self._lane, self._stream))
            head = self._head(source.after if source is not None else 0, instrument)
            name = f"{head.first:020d}-{self._stream[:8]}-{os.getpid():x}{OPEN}"
            part = PartWriter(self._parts / self._lane / name, head)
            part.add_rows(rows, head.first, head.begin_ns)
            part.finish()
            seal_part(part.path.with_suffix(".part"), self._store, self._disk)

    def _head(self, first: int, instrument: Instrument) -> Head:
        row = lane_of(self._kind).record
        known = (instrument.venue, instrument.symbol, instrument.price_decimals, instrument.size_decimals)
        return Head(
            self._kind, OWNER, "ring", row.name, row.size, row.descr, self._stream, first, time.time_ns(),
            {instrument.id: known},
        )  # fmt: skip

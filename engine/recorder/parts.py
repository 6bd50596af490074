"""The parts of one lane: continues the last one after a death, begins another when one is full, old, or out of date."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.lanes.map import Lane
from engine.lanes.open import full_name
from engine.recorder.catalogue import Catalogue
from engine.recorder.locks import STORE
from engine.recorder.part import (
    CLOSED,
    DAMAGED,
    OPEN,
    ROWS,
    Head,
    PartError,
    PartWriter,
    Rows,
    UnfinishedError,
    names_instrument,
    parts_of,
    read_blocks,
    read_head,
)
from engine.recorder.sources import row_of, time_of
from engine.recorder.store.manifest import Manifest, ManifestError

logger = logging.getLogger("engine.recorder")


class Limits(NamedTuple):
    """When a part ends."""

    size: int
    age_ns: int


class Parts:
    """Appends to the newest part of a lane, in the lane's own directory."""

    def __init__(
        self, directory: Path, lane: Lane, owner: str, stream: bytes, limits: Limits, catalogue: Catalogue
    ) -> None:
        """Continue the part that the last life left, if it is of the same creation of the lane and has its fields."""
        self.directory = directory / full_name(lane, owner)
        self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._limits, self._catalogue = limits, catalogue
        row = row_of(lane.record, lane.kind)
        self._named = names_instrument(lane.record.dtype)
        self._time = "read_ns" if lane.kind == "cells" else time_of(lane.record)
        self._head = Head(lane.name, owner, lane.kind, row.name, row.size, row.descr, stream.hex(), 0, 0, {})
        self.after, self.last_ns = -1, 0  # -1: nothing of this creation of the lane is recorded
        self.writes: dict[int, int] = {}
        self._part: PartWriter | None = None
        self._recover()

    def add_rows(self, rows: Rows, first: int, now_ns: int) -> None:
        """Append rows."""
        self._ready(first, now_ns).add_rows(rows, first, now_ns)
        self.after = first + len(rows)

    def add_gap(self, first: int, after: int, begin_ns: int, end_ns: int) -> None:
        """Append a gap."""
        self._ready(first, end_ns).add_gap(first, after, begin_ns, end_ns)
        self.after = after

    def roll(self, now_ns: int) -> None:
        """End a part that is full or old, so that it can be sealed."""
        part = self._part
        if part is not None and (part.size >= self._limits.size or now_ns - part.head.begin_ns >= self._limits.age_ns):
            self.finish()

    def finish(self) -> None:
        """End the part."""
        if self._part is not None:
            self._part.finish()
            self._part = None

    def close(self) -> None:
        """Close the part; the next life continues it."""
        if self._part is not None:
            self._part.close()
            self._part = None

    def _ready(self, first: int, now_ns: int) -> PartWriter:
        """The part to append to: another one where the old one is full, or describes other instruments."""
        known = self._catalogue.read() if self._named else {}
        self.roll(now_ns)
        if self._part is not None and self._part.head.instruments != known:
            self.finish()
        if self._part is None:
            head = Head(**{**_fields(self._head), "first": first, "begin_ns": now_ns, "instruments": known})
            self._part = PartWriter(self.directory / f"{first:020d}-{head.stream[:8]}-{now_ns:x}{OPEN}", head)
        return self._part

    def _recover(self) -> None:
        """End the parts of other creations of the lane; continue, or remember, that of this one."""
        for path in parts_of(self.directory, OPEN):
            try:
                self._recover_one(path, continues=True)
            except UnfinishedError:
                path.unlink()
            except PartError as error:
                logger.critical("a part is damaged and was set aside", extra={"error": str(error)})
                path.rename(path.with_suffix(DAMAGED))
        closed = parts_of(self.directory, CLOSED)
        if self.after < 0 and closed:
            self._recover_one(closed[-1], continues=False)
        if self.after < 0:
            self.after = self._sealed()

    def _sealed(self) -> int:
        """The number after the sealed rows of this creation of the lane, whose parts are gone; -1 without one."""
        try:
            manifest = Manifest.load(self.directory.parents[1] / STORE / self._head.lane)
        except ManifestError as error:
            logger.critical("the history of a lane cannot be read", extra={"error": str(error)})
            return -1
        source = manifest.sources.get((self._head.name, self._head.stream))
        return -1 if source is None else source.after

    def _recover_one(self, path: Path, *, continues: bool) -> None:
        """Read a part up to its last whole block."""
        head, size = read_head(path)
        ours = (head.stream, head.descr) == (self._head.stream, self._head.descr)
        for block, offset in read_blocks(path, size):
            size = offset
            if ours:
                self.after = block.after
            if ours and block.kind == ROWS:
                self._note(np.frombuffer(block.rows, head.dtype))
        if not continues:
            return
        part = PartWriter.continued(path, head, size)
        if ours:
            self._part = part
        else:
            part.finish()

    def _note(self, rows: Rows) -> None:
        """Remember the last time, and how often each cell had been written."""
        self.last_ns = int(rows[self._time][-1])
        if self._time == "read_ns":
            self.writes.update(zip(rows["cell"].tolist(), rows["writes"].tolist(), strict=True))


def finish_open(directory: Path, lane: str = "*") -> None:
    """End the open parts of writers that do not run; a write that a death cut short is removed."""
    for path in directory.glob(f"{lane}/*{OPEN}"):
        try:
            head, size = read_head(path)
        except UnfinishedError:
            path.unlink()
            continue
        for _, offset in read_blocks(path, size):
            size = offset
        PartWriter.continued(path, head, size).finish()


def _fields(head: Head) -> dict[str, Any]:
    return {name: getattr(head, name) for name in head.__struct_fields__}

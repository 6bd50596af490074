"""The role recorder: every lane of the system to disk, read-only and without an effect on any writer.

1. Every second: attach to lanes that are new or were created again, end parts that are full or old, look at the free
   space of the disk.
2. Each ring whose records are worth a block, or are older than `flush_ms`, is copied and appended to the lane's part;
   what the writer had overwritten before is a gap in the part, with its count and its duration.
3. Each cell that changed since its last sample is appended, every `cell_ms`.

A full or failing disk stops the recording, never the trading: the role logs it, counts an error, and looks again every
second. When there is space it continues; what the rings have overwritten in the meantime is a gap.
"""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

import shm
from engine.config.tables import RECORDER, Recorder
from engine.lanes import RoleLanes
from engine.lanes.map import BY_NAME, Lane
from engine.lanes.owners import found_owners
from engine.recorder.catalogue import Catalogue
from engine.recorder.locks import PARTS, lock
from engine.recorder.parts import Limits, Parts
from engine.recorder.sealer import Sealer
from engine.recorder.sources import MS, CellSource, RingSource, source_of

LOOK_NS = 1_000_000_000
WAIT_S = 0.002
MIB = 1 << 20

logger = logging.getLogger("engine.recorder")


class RecorderRole:
    """Copies what it reads into parts."""

    name = RECORDER

    def __init__(self, lanes: RoleLanes, table: Recorder, directory: Path, sealer: Sealer | None) -> None:
        """Attach to nothing yet. BlockingIOError if another recorder writes to this directory."""
        self.table, self.directory, self._lanes, self._sealer = table, directory, lanes, sealer
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._lock = lock(directory)
        self._catalogue = Catalogue(self._instruments)
        self.sources: dict[str, RingSource | CellSource] = {}
        self.parts: dict[str, Parts] = {}
        self.stopped = ""  # why nothing is recorded; "" while it is
        self._refused: set[str] = set()
        self._look_ns = self._errors = 0

    def step(self, now_ns: int) -> int:
        """Record what is due; how many records."""
        try:
            if now_ns >= self._look_ns:
                self._refresh(now_ns)
            return 0 if self.stopped else sum(source.step(now_ns) for source in self.sources.values())
        except OSError as error:
            self._stop(f"{error.strerror or error} ({error.filename or self.directory})")
            return 0

    def lag(self) -> int:
        """The largest number of records that wait on one ring."""
        return max((source.lag for source in self.sources.values()), default=0)

    def error_count(self) -> int:
        """How many gaps this life has recorded, and how often the disk refused."""
        return self._errors + sum(source.lost.gaps for source in self.sources.values())

    def wait(self, timeout_ns: int) -> bool:
        """Sleep. A reader that waits on a lane would cost its writer a system call."""
        time.sleep(min(timeout_ns / 1e9, WAIT_S))
        return True

    def drain(self, now_ns: int) -> bool:
        """Record what the lanes have at this moment."""
        try:
            if not self.stopped:
                self._attach(now_ns)
                for source in self.sources.values():
                    while source.step(now_ns, all_of_it=True) and source.lag:
                        pass
        except OSError as error:
            self._stop(error.strerror or str(error))
        return True

    def close(self) -> None:
        """Close the parts; `engine-ctl data seal` and the next life go on from here."""
        for parts in self.parts.values():
            parts.close()
        if self._sealer is not None:
            self._sealer.close()
        os.close(self._lock)
        lost = {name: source.lost.records for name, source in self.sources.items() if source.lost.records}
        logger.info("recorded", extra={"lanes": len(self.sources), "lost": lost})

    def _instruments(self) -> list[shm.CellReader]:
        """The instruments of every feed that there is."""
        owners = found_owners(self._lanes.system, BY_NAME["instruments"])
        return [self._lanes.cell_reader("instruments", owner) for owner in owners]

    def _refresh(self, now_ns: int) -> None:
        """Find lanes, end old parts, look at the disk, begin to seal."""
        self._look_ns = now_ns + LOOK_NS
        free = free_bytes(self.directory)
        if free < self.table.free_mib * MIB:
            self._stop(f"{free // MIB} MiB free at {self.directory}, expected at least {self.table.free_mib}")
            return
        if self.stopped:
            logger.warning("recording again", extra={"after": self.stopped})
            self.stopped = ""
        self._attach(now_ns)
        for parts in self.parts.values():
            parts.roll(now_ns)
        if self._sealer is not None:
            self._sealer.step(now_ns)

    def _stop(self, why: str) -> None:
        """Stop recording, until the next look finds space."""
        if not self.stopped:
            self._errors += 1
            logger.critical("recording stopped: free space on the disk; trading goes on", extra={"why": why})
        self.stopped = why

    def _attach(self, now_ns: int) -> None:
        """Attach to each lane that is not attached, or was created again."""
        for full, source in list(self.sources.items()):
            if source.reader.replaced():
                self._detach(full, now_ns)
        for full, (lane, owner) in lanes_in(self._lanes.system, self.table).items():
            if full not in self.sources and full not in self._refused:
                self._attach_one(full, lane, owner)

    def _attach_one(self, full: str, lane: Lane, owner: str) -> None:
        open_reader = self._lanes.cell_reader if lane.kind == "cells" else self._lanes.ring_reader
        try:
            reader = open_reader(lane.name, owner)
        except shm.SegmentError as error:
            self._refused.add(full)
            self._errors += 1
            logger.exception("a lane is not recorded", extra={"lane": full, "error": str(error)})
            return
        if lane.name == "instruments":
            self._catalogue.reopen()
        limits = Limits(self.table.part_mib * MIB, self.table.part_seconds * 1000 * MS)
        self.parts[full] = parts = Parts(
            self.directory / PARTS, lane, owner, reader.header.stream, limits, self._catalogue
        )
        times = self.table.flush_ms * MS, self.table.cell_ms * MS
        self.sources[full] = source_of(lane, reader, parts, *times)

    def _detach(self, full: str, now_ns: int) -> None:
        """End the parts of a lane that was removed or created again, after what its old memory still has."""
        source = self.sources.pop(full)
        while source.step(now_ns, all_of_it=True) and source.lag:
            pass
        self.parts.pop(full).finish()


def lanes_in(system: str, table: Recorder) -> Mapping[str, tuple[Lane, str]]:
    """The segments of a system that the table records: each with its lane and its owner. Meters are never recorded."""
    names = (full.removeprefix(f"{system}.").partition(".") for full in shm.names(system))
    return {
        f"{name}.{owner}" if owner else name: (BY_NAME[name], owner)
        for name, _, owner in names
        if name in BY_NAME and BY_NAME[name].keeps_records and (not table.lanes or name in table.lanes)
    }


def free_bytes(directory: Path) -> int:
    """The space that this user may use on the disk of a directory."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize

"""The lanes of the chaos: real shared memory under a random name, removed at the end.

Every published record goes into a digest of its lane, so that two runs of one seed can be compared byte for byte
although the rings overwrite old records. Only the name is random, and no record holds it.
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from typing import Any

import shm
from engine.lanes import LOOKERS, SUPERVISOR, Lane, Owners, open_lanes
from engine.lanes.create import create, lanes_of
from shm.segment import path_of


class Tap:
    """Digests one ring; it must read often enough that it is never lapped."""

    def __init__(self, name: str, reader: shm.RingReader) -> None:
        """Begin at the ring's first record."""
        self.name = name
        self.count = 0
        self._reader = reader
        self._reader.cursor = self._reader.header.first
        self._hash = hashlib.blake2b(digest_size=16)

    def read(self) -> None:
        """Add the records published since the last call to the digest."""
        if not self._reader.lag:
            return
        lost, records = self._reader.copy()
        assert not lost, f"{self.name}: {lost} records were overwritten unread, call `tap` more often"
        self.count += len(records)
        self._hash.update(records.tobytes())

    @property
    def digest(self) -> str:
        """The hash of every record so far."""
        return self._hash.hexdigest()


class SystemLanes:
    """All lanes of one system."""

    def __init__(self, strategies: tuple[str, ...], roles: tuple[str, ...]) -> None:
        """Create them under a random name."""
        self.system = f"chaos{secrets.token_hex(8)}"
        self.names: dict[str, Lane] = {}
        self._made: list[str] = []
        self._cells: dict[str, shm.CellReader] = {}
        for name, lane, of in lanes_of(Owners(strategies, roles)):
            if of != SUPERVISOR:
                self._made.append(name)
                if lane.keeps_records:  # meters, which differ from run to run
                    self.names[name] = lane
                create(self.system, name, lane, wake="never")  # no process sleeps here
        self._lookers = open_lanes(self.system, LOOKERS)
        self.taps = {name: Tap(name, self.reader(name)) for name, lane in self.names.items() if lane.kind != "cells"}

    def tap(self) -> None:
        """Update every digest."""
        for tap in self.taps.values():
            tap.read()

    def reader(self, name: str) -> shm.RingReader:
        """A reader of a ring, at its first record; where a lane has one owner its name alone is enough."""
        lane, _, of = name.partition(".")
        reader = self._lookers.ring_reader(lane, of)
        reader.cursor = reader.header.first
        return reader

    def cells(self, name: str, count: int = 0) -> Iterator[Any]:
        """The written rows of the first `count` cells, or of all cells."""
        if name not in self._cells:
            lane, _, of = name.partition(".")
            self._cells[name] = self._lookers.cell_reader(lane, of)
        rows = map(self._cells[name].read, range(count or self._cells[name].count))
        return (row for row in rows if row is not None)

    def cell_digest(self, name: str) -> str:
        """The hash of the cells of a segment now."""
        return hashlib.blake2b(repr(list(self.cells(name))).encode(), digest_size=16).hexdigest()

    def digests(self) -> dict[str, str]:
        """The digest of each lane."""
        self.tap()
        return {
            name: self.cell_digest(name) if lane.kind == "cells" else self.taps[name].digest
            for name, lane in self.names.items()
        }

    def remove(self) -> None:
        """Remove every segment, also after an interrupt in the middle of creating a writer."""
        for name in self._made:
            path = path_of(f"{self.system}.{name}")
            for file in (path, path + ".lock"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file)

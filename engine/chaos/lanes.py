"""The lanes of a simulated system: real shared memory under a random name, removed at the end, and read to the byte.

Every record that is ever published goes into a digest of its lane, so that two runs of one seed can be compared to the
byte although the rings forget. The name is the only thing that is random, and it stands in no record.
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from typing import Any

import shm
from engine.lanes import LOOKERS, SUPERVISOR, Lane, open_lanes
from engine.lanes.create import create, lanes_of
from shm.segment import path_of


class Tap:
    """Reads one ring whole, whatever its size: called often enough, it is never lapped."""

    def __init__(self, name: str, reader: shm.RingReader) -> None:
        """Begin at the ring's first record."""
        self.name = name
        self.count = 0
        self._reader = reader
        self._reader.cursor = self._reader.header.first
        self._hash = hashlib.blake2b(digest_size=16)

    def take(self) -> None:
        """Add what was published since to the digest."""
        if not self._reader.lag:
            return
        lost, records = self._reader.copy()
        assert not lost, f"{self.name}: {lost} records were never seen, tap more often"
        self.count += len(records)
        self._hash.update(records.tobytes())

    @property
    def digest(self) -> str:
        """The hash of every record so far."""
        return self._hash.hexdigest()


class SystemLanes:
    """All lanes of one system, made and removed here."""

    def __init__(self, strategies: tuple[str, ...], roles: tuple[str, ...]) -> None:
        """Make them under a random name."""
        self.system = f"chaos{secrets.token_hex(8)}"
        self.names: dict[str, Lane] = {}
        self._of: dict[str, str] = {}  # whose lane it is, where it exists once for each
        self._cells: dict[str, shm.CellReader] = {}
        for name, lane, of in lanes_of(strategies, roles):
            if of != SUPERVISOR:
                self.names[name], self._of[name] = lane, of
                create(self.system, name, lane, wake="never")  # no process sleeps here
        self._lookers = open_lanes(self.system, LOOKERS)
        self.taps = {name: Tap(name, self.reader(name)) for name, lane in self.names.items() if lane.kind != "cells"}

    def tap(self) -> None:
        """Bring every digest up to date."""
        for tap in self.taps.values():
            tap.take()

    def reader(self, name: str) -> shm.RingReader:
        """A ring from its first record on."""
        reader = self._lookers.ring_reader(self.names[name].name, self._of[name])
        reader.cursor = reader.header.first
        return reader

    def cells(self, name: str, count: int = 0) -> Iterator[Any]:
        """The rows of cells that were written, among the first `count` or among all."""
        if name not in self._cells:
            self._cells[name] = self._lookers.cell_reader(self.names[name].name, self._of[name])
        rows = map(self._cells[name].read, range(count or self.names[name].count))
        return (row for row in rows if row is not None)

    def cell_digest(self, name: str) -> str:
        """The hash of what the cells of a segment say now."""
        return hashlib.blake2b(repr(list(self.cells(name))).encode(), digest_size=16).hexdigest()

    def digests(self) -> dict[str, str]:
        """Each lane with the hash of what went through it."""
        self.tap()
        return {
            name: self.cell_digest(name) if lane.kind == "cells" else self.taps[name].digest
            for name, lane in self.names.items()
        }

    def remove(self) -> None:
        """Remove every segment, also one whose writer was being made when somebody interrupted the chaos."""
        for name in self.names:
            path = path_of(f"{self.system}.{name}")
            for file in (path, path + ".lock"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file)

"""The same lanes in the memory of one process: for tests, replays and research, without /dev/shm.

    memory = MemorySystem(Owners(("maker",), ("execution", "maker")))
    memory.open_lanes(STRATEGY, "maker").ring_writer("intents").publish_bytes(record)
    memory.rings["intents.maker.execution"].reader(0).read()

The memory outlives the roles, as shared memory does: a new life opens the same lanes and continues at their cursors. A
reader is overtaken, and a lossless ring is full, at the same cursors as in shared memory. A ring with `keep_all` keeps
every record: it overtakes no reader and is never full. There is no lock: a second writer continues where the first
stopped.
"""

from collections.abc import Callable, Iterable
from typing import Any

import shm
from engine.lanes.create import lanes_of
from engine.lanes.map import Lane
from engine.lanes.open import Door, Owned
from engine.lanes.owners import Owners
from engine.model.codec import Codec

HELD_BYTES = 1024  # as much as a reader of shared memory copies at once, in shm/reader.h


class MemoryCells:
    """Cells, for their writer and their readers alike."""

    def __init__(self, lane: Lane) -> None:
        """Begin with cells that were never written."""
        self.count = lane.count
        self._codec: Codec[Any] = Codec(lane.record)
        self._records: dict[int, bytes] = {}
        self._sequences: dict[int, int] = {}

    def write(self, index: int, *fields: Any) -> None:
        """Write one cell from its fields."""
        self.write_bytes(index, self._codec.pack_row(self._codec.record.row(*fields)))

    def write_bytes(self, index: int, buffer: bytes) -> None:
        """Write one cell from its record's bytes."""
        assert len(buffer) == self._codec.record.size, f"{len(buffer)} bytes, expected {self._codec.record.size}"
        self._check(index)
        self._records[index] = bytes(buffer)
        self._sequences[index] = self.sequence(index) + 1

    def read(self, index: int = 0, /) -> Any:
        """Give the latest row of a cell, or None when it was never written."""
        self._check(index)
        record = self._records.get(index)
        return None if record is None else self._codec.unpack(record)

    def sequence(self, index: int = 0, /) -> int:
        """How often the cell was written."""
        self._check(index)
        return self._sequences.get(index, 0)

    def close(self) -> None:
        """Do nothing: no lock is held."""

    def _check(self, index: int) -> None:
        if not 0 <= index < self.count:
            msg = f"cell {index}: expected one of 0..{self.count - 1}"
            raise IndexError(msg)


class MemoryRing:
    """A ring's records and its writer. `first` is the sequence at which it begins, by default the map's."""

    def __init__(
        self, lane: Lane, *, keep_all: bool = False, first: int | None = None, stream: bytes = bytes(16)
    ) -> None:
        """Begin without a record."""
        self.codec: Codec[Any] = Codec(lane.record)
        self.lossless, self.stream = lane.kind == "lossless" and not keep_all, stream
        self.first = lane.start if first is None else first
        self._reserve, self._capacity = lane.reserve, lane.capacity
        self._reach = 0 if keep_all else lane.capacity - lane.reserve  # how far back a reader can read; 0: to the start
        self._records: list[bytes] = []
        self._dropped = 0  # records before the kept ones
        self._consumed = self.first + lane.reserve - lane.capacity  # full until its consumer publishes its cursor
        self._consumer: tuple[MemoryCells, int] | None = None

    @property
    def cursor(self) -> int:
        """The sequence of the next record."""
        return self.first + self._dropped + len(self._records)

    @property
    def oldest(self) -> int:
        """The oldest sequence that can be read now."""
        return max(self.first, self.cursor - self._reach) if self._reach else self.first

    def record(self, sequence: int) -> bytes:
        """Give the bytes of a record that can be read."""
        return self._records[sequence - self.first - self._dropped]

    def records(self) -> list[bytes]:
        """Give the bytes of every record that is kept."""
        return list(self._records)

    def follow(self, cells: MemoryCells, index: int) -> None:
        """Learn from this cell how far the consumer of a lossless ring has read."""
        assert self.lossless, "only a lossless ring follows its consumer"
        self._consumer = cells, index

    def publish(self, *fields: Any) -> bool:
        """Publish one record from its fields; False when a lossless ring is full."""
        return self.publish_bytes(self.codec.pack_row(self.codec.record.row(*fields)))

    def publish_bytes(self, buffer: bytes) -> bool:
        """Publish whole records as one batch; False when a lossless ring is full."""
        size, data = self.codec.record.size, bytes(buffer)
        count, rest = divmod(len(data), size)
        if rest or not 1 <= count <= self._reserve:
            msg = f"expected 1 to {self._reserve} records of {size} bytes, got {len(data)} bytes"
            raise ValueError(msg)
        if not self.has_room(count):
            return False
        self._records += [data[at : at + size] for at in range(0, len(data), size)]
        if self._reach and len(self._records) > 2 * self._capacity:
            del self._records[: self._capacity]
            self._dropped += self._capacity
        return True

    def has_room(self, count: int) -> bool:
        """Whether so many records may be published now; False only for a lossless ring."""
        if not self.lossless or self._fits(count):
            return True
        if self._consumer is not None and (row := self._consumer[0].read(self._consumer[1])) is not None:
            self._consumed = row.cursor if row.cursor <= self.cursor else self._consumed
        return self._fits(count)

    def _fits(self, count: int) -> bool:
        return self.cursor + count - self._consumed <= self._capacity - self._reserve

    def reader(self, cursor: int | None = None) -> "MemoryReader":
        """Give a reader from `cursor` on, or from now on."""
        return MemoryReader(self, self.cursor if cursor is None else cursor)

    def close(self) -> None:
        """Do nothing: no lock is held."""


class MemoryReader:
    """Reads a ring in order, from its own cursor."""

    def __init__(self, ring: MemoryRing, cursor: int) -> None:
        """Begin at this sequence."""
        self.ring, self.cursor = ring, cursor
        self._held: list[bytes] = []  # records read ahead, which the writer can no longer overtake
        self._held_first = 0
        self._held_most = max(1, HELD_BYTES // ring.codec.record.size)

    @property
    def end(self) -> int:
        """The sequence of the next record that the writer publishes."""
        return self.ring.cursor

    @property
    def oldest(self) -> int:
        """The oldest sequence that can be read now."""
        return self.ring.oldest

    @property
    def lag(self) -> int:
        """How many records wait, lost ones included."""
        return self.end - self.cursor

    @property
    def stream(self) -> bytes:
        """Which making of the lane this is: a sequence means nothing in another."""
        return self.ring.stream

    def read(self) -> Any:
        """Return the next row, None when no row is new, or `shm.Lapped` where the writer overtook the cursor."""
        found = self.read_bytes()
        return self.ring.codec.unpack(found) if type(found) is bytes else found

    def read_bytes(self) -> Any:
        """Give the next record's bytes, or what `read` gives instead of a row."""
        if not self._held_first <= self.cursor < self._held_first + len(self._held):
            if self.cursor >= self.end:
                return None
            if self.cursor < self.oldest:
                lapped = shm.Lapped(self.cursor, self.oldest)
                self.cursor = lapped.after
                return lapped
            self._read_ahead()
        self.cursor += 1
        return self._held[self.cursor - 1 - self._held_first]

    def _read_ahead(self) -> None:
        """Hold as many records as a reader of shared memory copies at once."""
        self._held_first = self.cursor
        last = min(self.end, self.cursor + self._held_most)
        self._held = [self.ring.record(sequence) for sequence in range(self.cursor, last)]

    def decode(self, record: bytes, /) -> Any:
        """Give the row in a record's bytes."""
        return self.ring.codec.unpack(record)

    def wait(self, timeout_ns: int) -> bool:
        """Whether there is a record to read: no other process can publish one meanwhile."""
        del timeout_ns
        return self.cursor < self.end


class MemoryLanes(Door):
    """The lanes of one role in the memory of this process."""

    def __init__(self, system: "MemorySystem", kind: str, own: str = "") -> None:
        """Open nothing yet."""
        super().__init__(kind, own, system.owners)
        self._system = system

    def ring_writer(self, name: str, of: str = "") -> MemoryRing:
        """Become the writer of a ring."""
        return self._system.rings[self.expect_writer(name, of)[0]]

    def ring_writers(self, name: str) -> tuple[Owned[MemoryRing], ...]:
        """Become the writer of a ring of each owner."""
        return tuple(Owned(self.other(name, of), self.ring_writer(name, of)) for of in self.writable(name))

    def cell_writer(self, name: str, of: str = "") -> MemoryCells:
        """Become the writer of cells."""
        return self._system.cells[self.expect_writer(name, of)[0]]

    def ring_reader(self, name: str, of: str = "") -> MemoryReader:
        """Read a ring, from now on."""
        return self._system.rings[self.expect_reader(name, of)[0]].reader()

    def ring_readers(self, name: str) -> tuple[Owned[MemoryReader], ...]:
        """Read a ring of each owner, from now on."""
        return tuple(Owned(self.other(name, of), self.ring_reader(name, of)) for of in self.readable(name))

    def cell_reader(self, name: str, of: str = "") -> MemoryCells:
        """Read cells."""
        return self._system.cells[self.expect_reader(name, of)[0]]

    def cell_readers(self, name: str) -> tuple[Owned[MemoryCells], ...]:
        """Read the cells of each owner."""
        return tuple(Owned(self.other(name, of), self.cell_reader(name, of)) for of in self.readable(name))

    def close(self) -> None:
        """Do nothing: no lock is held."""


class MemorySystem:
    """Every lane of a system, by its name in the system."""

    def __init__(
        self, owners: Owners, *, replay: bool = False, make_ring: Callable[[Lane], MemoryRing] = MemoryRing
    ) -> None:
        """Make the lanes of these owners, without meters, which nothing reads here; `make_ring` makes each ring."""
        self.owners = owners
        lanes = {name: lane for name, lane, _ in lanes_of(owners, replay=replay) if lane.keeps_records}
        self.cells = {name: MemoryCells(lane) for name, lane in lanes.items() if lane.kind == "cells"}
        self.rings = {name: make_ring(lane) for name, lane in lanes.items() if lane.kind != "cells"}

    def open_lanes(self, role: str, own: str = "") -> MemoryLanes:
        """The lanes of a role, as `open_lanes` gives them in shared memory."""
        return MemoryLanes(self, role, own)


def ring_of(lane: Lane, rows: Iterable[Any]) -> MemoryRing:
    """A ring that holds these rows, however many there are."""
    ring = MemoryRing(lane, keep_all=True)
    for row in rows:
        ring.publish(*row)
    return ring

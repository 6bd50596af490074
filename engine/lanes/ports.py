"""What a role needs of its lanes, in shared memory (`open.py`) and in the memory of one process (`memory.py`)."""

from collections.abc import Sequence
from typing import Any, Protocol


class RingReader(Protocol):
    """Reads a ring in order, from its own cursor."""

    cursor: int

    @property
    def end(self) -> int:
        """The sequence of the next record that the writer publishes."""

    @property
    def oldest(self) -> int:
        """The oldest sequence that can be read now."""

    @property
    def lag(self) -> int:
        """How many records wait."""

    @property
    def stream(self) -> bytes:
        """The identity of this creation of the lane: a sequence has no meaning in another creation."""

    def read(self) -> Any:
        """Return the next row, None when no row is new, or `shm.Lapped` where the writer overtook the cursor."""

    def read_bytes(self) -> Any:
        """Return the bytes of the next record, or None or `shm.Lapped` as `read` does."""

    def decode(self, record: bytes, /) -> Any:
        """Give the row in a record's bytes."""

    def wait(self, timeout_ns: int) -> bool:
        """Wait for a record; False after the timeout."""


class RingWriter(Protocol):
    """Writes a ring."""

    @property
    def cursor(self) -> int:
        """The sequence of the next record."""

    @property
    def lossless(self) -> bool:
        """Whether the ring refuses a record when its consumer has not read as much."""

    def follow(self, cells: Any, index: int) -> None:
        """Learn from this cell how far the consumer of a lossless ring has read."""

    def publish(self, *fields: Any) -> bool:
        """Publish one record from its fields; False when a lossless ring is full."""

    def publish_bytes(self, buffer: bytes) -> bool:
        """Publish whole records as one batch; False when a lossless ring is full."""

    def close(self) -> None:
        """Give up the lane."""


class CellReader(Protocol):
    """Reads cells."""

    def read(self, index: int = 0, /) -> Any:
        """Give the latest row of a cell, or None when it was never written."""

    def sequence(self, index: int, /) -> int:
        """How often the cell was written."""


class CellWriter(Protocol):
    """Writes cells."""

    def write(self, index: int, *fields: Any) -> None:
        """Write one cell from its fields."""

    def write_bytes(self, index: int, buffer: bytes) -> None:
        """Write one cell from its record's bytes."""

    def close(self) -> None:
        """Give up the lane."""


class Lanes(Protocol):
    """The lanes that one role may open."""

    def has(self, name: str) -> bool:
        """Whether the system has a lane of this name: the router's exist only beside a router."""

    def ring_writer(self, name: str, of: str = "") -> RingWriter:
        """Become the one writer of a ring."""

    def ring_writers(self, name: str) -> Sequence[tuple[str, RingWriter]]:
        """Become the one writer of a ring of each owner."""

    def cell_writer(self, name: str, of: str = "") -> CellWriter:
        """Become the one writer of cells."""

    def ring_reader(self, name: str, of: str = "") -> RingReader:
        """Read a ring, from now on."""

    def ring_readers(self, name: str) -> Sequence[tuple[str, RingReader]]:
        """Read a ring of each owner, from now on."""

    def cell_reader(self, name: str, of: str = "") -> CellReader:
        """Read cells."""

    def cell_readers(self, name: str) -> Sequence[tuple[str, CellReader]]:
        """Read the cells of each owner."""

    def close(self) -> None:
        """Close every writer that was opened here."""


def past(ring: RingReader, count: int = 1 << 62) -> RingReader:
    """Move a reader back by up to `count` records, as far as the ring reaches."""
    ring.cursor = max(ring.oldest, ring.end - count)
    return ring

"""A ring for Python: one writer, many readers, each with a cursor of its own.

The compiled base classes have the calls for one record: `publish`, `read`, `wait`. These classes attach to a segment,
and read batches as numpy arrays: checked copies, or views of the slots themselves.
"""

import itertools
import operator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from shm import _ring, header
from shm.attachment import Attached, Owned, map_segment, own_segment
from shm.cell import CellReader
from shm.record import Record

if TYPE_CHECKING:
    import numpy as np

POPULATE_BYTES = 1 << 16


class Lapped(NamedTuple):
    """The writer overtook this reader: it lost the records [first, after)."""

    first: int
    after: int

    @property
    def lost(self) -> int:
        """How many."""
        return self.after - self.first


class RingWriter(_ring.Writer, Owned):
    """The lane's one writer.

    A lossless lane needs its consumer's cursor: `follow` the cell in which the consumer publishes it.
    """

    def __init__(self, name: str, record: Record, *, populate: bool = False, lock: bool = False) -> None:
        """Open `system.lane` for writing, at its present cursor."""
        kinds = ("ring", "lossless")
        self.path, self.header, self._mapping = own_segment(name, record, kinds, populate=populate, lock=lock)
        wake, lossless = self.header.wake == "idle_edge", self.header.kind == "lossless"
        super().__init__(self._mapping, record, wake=wake, lossless=lossless)
        self._chunk = self.cursor * record.size % self.header.data_size // POPULATE_BYTES
        self._chunks = 0 if populate else -(-self.header.data_size // POPULATE_BYTES)  # those that are not mapped yet

    def populate(self) -> bool:
        """Map the next POPULATE_BYTES of the slots, from the cursor on; False when all are mapped.

        For a writer that begins before its pages are mapped: one call costs microseconds, `populate=True` all of them.
        """
        if not self._chunks:
            return False
        self._chunks -= 1
        size = self.header.data_size
        at = self._chunk * POPULATE_BYTES
        self._mapping.populate(self.header.data_offset + at, min(POPULATE_BYTES, size - at))
        self._chunk = (self._chunk + 1) % -(-size // POPULATE_BYTES)
        return True

    def follow(self, cells: CellReader, index: int) -> None:
        """Read the consumer's cursor from this cell; its record begins with the cursor."""
        if self.header.kind != "lossless" or not isinstance(cells, CellReader):
            msg = f"{self.path}: a {self.header.kind} ring cannot follow a {type(cells).__name__}: lossless, CellReader"
            raise TypeError(msg)
        self._follow(cells._mapping, index)  # noqa: SLF001 - the mapping stays inside the package

    @property
    def lossless(self) -> bool:
        """Whether the lane refuses a record when its consumer has not read as much."""
        return self.header.kind == "lossless"

    @property
    def wakes(self) -> int:
        """How often this lane woke sleeping readers."""
        return self._mapping.load(header.WAKES_COUNT)

    @property
    def refused(self) -> int:
        """How often a publish was refused: the consumer lags by the whole ring, or is not known."""
        return self._mapping.load(header.REFUSED_COUNT)

    @property
    def ahead(self) -> int:
        """How often the consumer's cursor was beyond this lane's: it is of another life of the lane."""
        return self._mapping.load(header.AHEAD_COUNT)


class View:
    """The slots themselves. Use no result computed from them before `release` returned 0.

    After `release`, `records` raises.
    """

    def __init__(self, reader: "RingReader", first: int, count: int, lost: int) -> None:
        """Use RingReader.view."""
        self.first, self.count, self.lost = first, count, lost
        self._reader = reader
        self._records: np.ndarray[Any, np.dtype[np.void]] | None = reader._slots_of(first, count)  # noqa: SLF001 - the view is the reader's
        self._overwritten: int | None = None

    @property
    def records(self) -> "np.ndarray[Any, np.dtype[np.void]]":
        """The records as a read-only structured array over shared memory."""
        if self._records is None:
            msg = "this view was released: its slots may hold other records now"
            raise ValueError(msg)
        return self._records

    def release(self) -> int:
        """End the view; return how many leading records the writer may have overwritten while it was used.

        A second call returns the result of the first.
        """
        self._records = None
        if self._overwritten is None:
            self._overwritten = self._reader._overwritten(self.first, self.count)  # noqa: SLF001 - the compiled base's own seam
        return self._overwritten

    def __enter__(self) -> Self:
        """Use it with `with`; call `release` inside for the result."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Drop the array."""
        self._records = None


class RingReader(_ring.Reader, Attached):
    """A reader with a cursor of its own and a read-only mapping."""

    def __init__(
        self,
        name: str,
        record: Record | None = None,
        cursor: int | None = None,
        *,
        populate: bool = False,
        lock: bool = False,
    ) -> None:
        """Attach to `system.lane` at its present cursor, or at `cursor`. Without `record`, use the segment's own."""
        self.path, self.header, self._mapping, self._file = map_segment(
            name, record, ("ring", "lossless"), populate=populate, lock=lock
        )
        self.record = self.header.record if record is None else record
        super().__init__(self._mapping, self.record, Lapped, wake=self.header.wake == "idle_edge")
        self._slots: np.ndarray[Any, np.dtype[np.void]] | None = None
        if cursor is not None:
            self.cursor = cursor

    @property
    def stream(self) -> bytes:
        """Which making of the segment this is: a sequence means nothing in another."""
        return self.header.stream

    @property
    def oldest(self) -> int:
        """The oldest sequence that can be read at this moment."""
        return max(self.header.first, self.end - (self.header.capacity - self.header.reserve))

    def slots(self, first: int, count: int) -> "np.ndarray[Any, np.dtype[np.void]]":
        """Return `count` slots from sequence `first`, in place and unchecked (see `view`)."""
        if not 0 <= count <= self.header.capacity:
            msg = f"{self.path}: count must be in 0..{self.header.capacity} slots, was {count}"
            raise ValueError(msg)
        return self._slots_of(operator.index(first), operator.index(count))

    def _slots_of(self, first: int, count: int) -> "np.ndarray[Any, np.dtype[np.void]]":
        if self._slots is None:
            import numpy as np  # noqa: PLC0415 - 60 ms that a reader of single records does not pay

            slots = 2 * self.header.capacity
            self._slots = np.frombuffer(cast("bytes", self._mapping), self.record.dtype, slots, self.header.data_offset)
        at = first & (self.header.capacity - 1)
        return self._slots[at : at + count]

    def view(self, limit: int = 1 << 62) -> View:
        """Return the unread records, at most `limit`, in place; the cursor moves past them."""
        return View(self, *self._claim(limit))

    def copy(self, limit: int = 1 << 62) -> "tuple[int, np.ndarray[Any, np.dtype[np.void]]]":
        """Return (lost, records): how many records were lost, and a checked copy of the unread ones after them."""
        first, count, lost = self._claim(limit)
        records = self._slots_of(first, count).copy()
        overwritten = self._overwritten(first, count)
        return lost + overwritten, records[overwritten:]

    def latest(self, count: int) -> "np.ndarray[Any, np.dtype[np.void]]":
        """Return a checked copy of the newest records, at most `count`; the cursor does not move."""
        count = operator.index(count)
        if count < 0:
            msg = f"{self.path}: the latest {count} records: expected a count of at least 0"
            raise ValueError(msg)
        end = self.end  # read once: if the writer laps us between two reads, `first` would be beyond it
        first = max(end - count, self.header.first, end - (self.header.capacity - self.header.reserve))
        records = self._slots_of(first, end - first).copy()
        return records[self._overwritten(first, end - first) :]

    def rows(self) -> "itertools.takewhile[Any]":
        """Return an iterator over the unread records: rows, and a Lapped where records were lost."""
        return itertools.takewhile(lambda row: row is not None, iter(self.read, self))

    @property
    def lag(self) -> int:
        """How many records are unread, lost ones included."""
        return self.end - self.cursor

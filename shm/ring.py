"""A ring for Python: one writer, many readers, each with a cursor of its own.

The one-record calls `publish`, `read` and `wait` are the compiled class's own; here is how it attaches, and batches
as numpy arrays, checked copies or views of the slots themselves.
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


class Lapped(NamedTuple):
    """The writer overtook this reader: the records [first, after) are gone for it."""

    first: int
    after: int

    @property
    def lost(self) -> int:
        """How many."""
        return self.after - self.first


class RingWriter(_ring.Writer, Owned):
    """The lane's one writer.

    A lossless lane needs to know its consumer: `follow` the cell in which it says how far it has read.
    """

    def __init__(self, name: str, record: Record, *, populate: bool = False, lock: bool = False) -> None:
        """Open `system.lane` for writing, and go on at its cursor."""
        kinds = ("ring", "lossless")
        self.path, self.header, self._mapping = own_segment(name, record, kinds, populate=populate, lock=lock)
        wake, lossless = self.header.wake == "idle_edge", self.header.kind == "lossless"
        super().__init__(self._mapping, record, wake=wake, lossless=lossless)

    def follow(self, cells: CellReader, index: int) -> None:
        """Bind the consumer's cell; its record begins with the consumer's cursor."""
        if self.header.kind != "lossless" or not isinstance(cells, CellReader):
            msg = f"{self.path}: a {self.header.kind} ring cannot follow a {type(cells).__name__}: lossless, CellReader"
            raise TypeError(msg)
        self._follow(cells._mapping, index)  # noqa: SLF001 - one family: the mapping stays inside the package

    @property
    def wakes(self) -> int:
        """How often this lane woke its sleepers."""
        return self._mapping.load(header.WAKES_COUNT)

    @property
    def refused(self) -> int:
        """How often this lane was full behind its consumer, or knew of none."""
        return self._mapping.load(header.REFUSED_COUNT)

    @property
    def ahead(self) -> int:
        """How often the consumer's cell held a cursor beyond this lane's: it is of another life of the lane."""
        return self._mapping.load(header.AHEAD_COUNT)


class View:
    """A look at the slots themselves. Act on nothing computed from it before `release` returned 0.

    Once released, `records` refuses.
    """

    def __init__(self, reader: "RingReader", first: int, count: int, lost: int) -> None:
        """Made by RingReader.view."""
        self.first, self.count, self.lost = first, count, lost
        self._reader = reader
        self._records: np.ndarray[Any, np.dtype[np.void]] | None = reader._lying(first, count)  # noqa: SLF001 - likewise
        self._torn: int | None = None

    @property
    def records(self) -> "np.ndarray[Any, np.dtype[np.void]]":
        """The records as a read-only structured array over shared memory."""
        if self._records is None:
            msg = "this view was released: its slots may hold other records"
            raise ValueError(msg)
        return self._records

    def release(self) -> int:
        """Give the view back: how many leading records may have been overwritten while it was used.

        Releasing twice tells what the first told: what the writer did later touched nobody.
        """
        self._records = None
        if self._torn is None:
            self._torn = self._reader._torn(self.first, self.count)  # noqa: SLF001 - the compiled base's own seam
        return self._torn

    def __enter__(self) -> Self:
        """Use it with `with`; `release` inside tells the outcome."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Drop the array."""
        self._records = None


class RingReader(_ring.Reader, Attached):
    """A reader with a private cursor, from a mapping that cannot be written."""

    def __init__(
        self,
        name: str,
        record: Record | None = None,
        cursor: int | None = None,
        *,
        populate: bool = False,
        lock: bool = False,
    ) -> None:
        """Attach to `system.lane`: from now on, or from `cursor`. The record may come from the segment itself."""
        self.path, self.header, self._mapping, self._file = map_segment(
            name, record, ("ring", "lossless"), populate=populate, lock=lock
        )
        self.record = self.header.record if record is None else record
        super().__init__(self._mapping, self.record, Lapped, wake=self.header.wake == "idle_edge")
        self._slots: np.ndarray[Any, np.dtype[np.void]] | None = None
        if cursor is not None:
            self.cursor = cursor

    @property
    def oldest(self) -> int:
        """The oldest sequence that is safe to read at this moment."""
        return max(self.header.first, self.end - (self.header.capacity - self.header.reserve))

    def slots(self, first: int, count: int) -> "np.ndarray[Any, np.dtype[np.void]]":
        """`count` slots in a row from sequence `first`, as they lie in memory: unchecked, see `view`."""
        if not 0 <= count <= self.header.capacity:
            msg = f"{self.path}: count must be in 0..{self.header.capacity} slots, was {count}"
            raise ValueError(msg)
        return self._lying(operator.index(first), operator.index(count))

    def _lying(self, first: int, count: int) -> "np.ndarray[Any, np.dtype[np.void]]":
        if self._slots is None:
            import numpy as np  # noqa: PLC0415 - 60 ms that a reader of single records does not pay

            slots = 2 * self.header.capacity
            self._slots = np.frombuffer(cast("bytes", self._mapping), self.record.dtype, slots, self.header.data_offset)
        at = first & (self.header.capacity - 1)
        return self._slots[at : at + count]

    def view(self, limit: int = 1 << 62) -> View:
        """The waiting records, at most `limit`, in place; the cursor moves behind them."""
        return View(self, *self._claim(limit))

    def copy(self, limit: int = 1 << 62) -> "tuple[int, np.ndarray[Any, np.dtype[np.void]]]":
        """(lost, records): a checked copy of the waiting records, and how many before them were lost."""
        first, count, lost = self._claim(limit)
        records = self._lying(first, count).copy()
        torn = self._torn(first, count)
        return lost + torn, records[torn:]

    def latest(self, count: int) -> "np.ndarray[Any, np.dtype[np.void]]":
        """A checked copy of the newest records, at most `count`; the cursor stays where it is."""
        count = operator.index(count)
        if count < 0:
            msg = f"{self.path}: the latest {count} records: expected none or more"
            raise ValueError(msg)
        end = self.end  # read once: a writer that laps us between two reads would make `first` lie behind it
        first = max(end - count, self.header.first, end - (self.header.capacity - self.header.reserve))
        records = self._lying(first, end - first).copy()
        return records[self._torn(first, end - first) :]

    def rows(self) -> "itertools.takewhile[Any]":
        """What waits, one by one: rows, and a Lapped where records were lost."""
        return itertools.takewhile(lambda row: row is not None, iter(self.read, self))

    @property
    def lag(self) -> int:
        """How many records wait, lost ones included."""
        return self.end - self.cursor

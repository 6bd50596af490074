"""Words: a segment of 64-bit words, each updated in place by the one writer and read without a check.

A word is aligned, so a reader sees its old value or its new one, never a part of both. Two words are not read at one
moment: a reader of a sum and its parts may see the parts one update further. A word keeps its value when its writer
ends: the next writer continues it.
"""

from typing import TYPE_CHECKING, Any, cast

from shm.attachment import Attached, Owned, map_segment, own_segment
from shm.record import Record

if TYPE_CHECKING:
    import numpy as np


class WordWriter(Owned):
    """The one writer of a segment of words; compiled code writes them through `capsule`."""

    def __init__(self, name: str, record: Record, *, populate: bool = False, lock: bool = False) -> None:
        """Open `system.lane` for writing."""
        self.path, self.header, self._mapping = own_segment(name, record, ("words",), populate=populate, lock=lock)
        self.count = self.header.cells

    @property
    def capsule(self) -> object:
        """The first word for compiled code, which keeps this writer alive beside it and stops before `close`."""
        return self._mapping.words


class WordReader(Attached):
    """Reads words through a read-only mapping."""

    def __init__(self, name: str, record: Record | None = None, *, populate: bool = False, lock: bool = False) -> None:
        """Attach to `system.lane`; the record may come from the segment itself."""
        self.path, self.header, self._mapping, self._file = map_segment(
            name, record, ("words",), populate=populate, lock=lock
        )
        self.record = self.header.record if record is None else record
        self.count = self.header.cells

    def words(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """Return a copy of every word, as signed numbers."""
        import numpy as np  # noqa: PLC0415 - a process that only writes needs no numpy

        start, size = self.header.data_offset, self.count * self.record.size
        return np.frombuffer(cast("Any", self._mapping), np.int64, size // 8, start).copy()

"""Cells for Python: a segment of numbered latest values. A reader does not block the writer, nor see half a value."""

from shm import _ring
from shm.attachment import Attached, Owned, map_segment, own_segment
from shm.record import Record


class CellWriter(_ring.Cells, Owned):
    """The one writer of a segment of cells."""

    def __init__(self, name: str, record: Record, *, populate: bool = False, lock: bool = False) -> None:
        """Open `system.lane` for writing."""
        kinds = ("cells",)
        self.path, self.header, self._mapping = own_segment(name, record, kinds, populate=populate, lock=lock)
        super().__init__(self._mapping, record)


class CellReader(_ring.Cells, Attached):
    """Reads cells through a read-only mapping."""

    def __init__(self, name: str, record: Record | None = None, *, populate: bool = False, lock: bool = False) -> None:
        """Attach to `system.lane`; the record may come from the segment itself."""
        kinds = ("cells",)
        self.path, self.header, self._mapping, self._file = map_segment(
            name, record, kinds, populate=populate, lock=lock
        )
        self.record = self.header.record if record is None else record
        super().__init__(self._mapping, self.record)

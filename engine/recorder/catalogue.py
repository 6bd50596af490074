"""The instruments that the feeds publish, as each part describes them: venue, symbol and decimals by id."""

from collections.abc import Callable, Sequence

from engine.recorder.part import Known
from shm import CellReader


class Catalogue:
    """Read again when a feed has written an instrument."""

    def __init__(self, cells: Callable[[], Sequence[CellReader]]) -> None:
        """`cells` opens the instruments of every feed."""
        self._open, self._cells = cells, list(cells())
        self._writes: list[int] = []
        self.known: dict[int, Known] = {}

    def reopen(self) -> None:
        """Find the feeds again: their lanes were created again, or others exist."""
        self._cells, self._writes = list(self._open()), []

    def read(self) -> dict[int, Known]:
        """The instruments at this moment; the same object until one of them changes."""
        writes = [cells.writes for cells in self._cells]
        if writes != self._writes:
            self._writes, found = writes, self._find()
            if found != self.known:
                self.known = found
        return self.known

    def _find(self) -> dict[int, Known]:
        rows = (cells.read(index) for cells in self._cells for index in range(cells.count))
        return {
            row.id: (_text(row.venue), _text(row.symbol), row.price_decimals, row.size_decimals)
            for row in rows
            if row is not None
        }


def _text(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode()

from collections.abc import Sequence

from shm import CellWriter

class Shelf:
    instruments: tuple[int, ...]
    intervals: tuple[int, ...]
    def __init__(
        self, instruments: Sequence[tuple[int, int, int, int]], intervals: Sequence[int], cells: CellWriter
    ) -> None: ...

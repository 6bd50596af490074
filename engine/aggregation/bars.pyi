from collections.abc import Sequence
from typing import Any

from shm import CellWriter, RingWriter

class Bars:
    instruments: tuple[int, ...]
    intervals: tuple[int, ...]
    next_ns: int
    closed: int
    late: int
    duplicates: int
    def __init__(
        self,
        instruments: Sequence[int],
        intervals: Sequence[int],
        grace_ns: int,
        by_venue: bool,
        ring: RingWriter,
        cells: CellWriter,
    ) -> None: ...
    def begin(self, held: Any, closed: Any, oldest: int, since_ns: int) -> None: ...
    def take(self, ticks: Any, first_sequence: int, now_ns: int) -> int: ...
    def close_due(self, now_ns: int, sequence: int) -> int: ...
    def lose(self) -> None: ...

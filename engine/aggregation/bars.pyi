from collections.abc import Sequence
from typing import Any

from engine.aggregation.shelf import Shelf
from shm import CellWriter, RingWriter

class Bars(Shelf):
    next_ns: int
    closed: int
    late: int
    duplicates: int
    wild: int
    since_ns: int
    def __init__(
        self,
        instruments: Sequence[tuple[int, int, int, int]],
        intervals: Sequence[int],
        grace_ns: int,
        by_venue: bool,
        ahead_ns: int,
        ring: RingWriter,
        cells: CellWriter,
    ) -> None: ...
    def begin(self, held: Any, closed: Any, oldest: int, since_ns: int) -> None: ...
    def add_ticks(self, ticks: Any, first_sequence: int, now_ns: int) -> int: ...
    def close_due(self, now_ns: int, sequence: int, heard_ns: int, patience_ns: int) -> int: ...
    def apply_state(self, instrument: int, state: int, flags: int, at_ns: int) -> None: ...
    def lose(self) -> None: ...

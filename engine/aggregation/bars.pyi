from collections.abc import Mapping, Sequence
from typing import Any

from engine.aggregation.shelf import Shelf
from shm import CellWriter, RingWriter

class Bars(Shelf):
    next_ns: int
    closed: int
    late: int
    duplicates: int
    wild: int
    def __init__(
        self,
        instruments: Sequence[tuple[int, int, int, int]],
        intervals: Sequence[int],
        grace_ns: int,
        by_venue: bool,
        ahead_ns: int,
        ring: RingWriter,
        cells: CellWriter,
        feeds: Mapping[int, int] | None = None,
    ) -> None: ...
    @property
    def at(self) -> tuple[str, int, int] | None: ...
    def begin(self, held: Any, closed: Any, oldest: Sequence[int], since_ns: Sequence[int]) -> None: ...
    def add_ticks(self, ticks: Any, first_sequence: int, now_ns: int) -> int: ...
    def note_received(self, feed: int, first_ns: int) -> None: ...
    def close_due(self, feed: int, now_ns: int, sequence: int, heard_ns: int, patience_ns: int) -> int: ...
    def apply_state(self, instrument: int, state: int, flags: int, at_ns: int) -> None: ...
    def lose(self, feed: int) -> None: ...

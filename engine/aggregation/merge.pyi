from collections.abc import Mapping, Sequence
from typing import Any

from engine.aggregation.opportunities import Opportunities
from shm import CellWriter, RingWriter

class Merge:
    books_told: int
    duplicates: int
    unfit: int
    def __init__(
        self,
        groups: Sequence[tuple[int, int, int, bool, Sequence[tuple[int, int, int, int]]]],
        stale_ns: int,
        global_ring: RingWriter,
        global_cells: CellWriter,
        opportunities: Opportunities,
        feeds: Mapping[int, int] | None = None,
    ) -> None: ...
    @property
    def late(self) -> bool: ...
    def forget(self) -> None: ...
    def publish_all(self, now_ns: int) -> None: ...
    def void(self, now_ns: int) -> None: ...
    def apply(self, ticks: Any, first_sequence: int, books: Any, whole: bool, now_ns: int) -> int: ...
    def apply_cell(self, top: Any) -> None: ...
    def age(self, feed: int, now_ns: int, heard_ns: int, whole: bool) -> bool: ...

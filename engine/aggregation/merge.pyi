from collections.abc import Sequence
from typing import Any

from shm import CellWriter, RingWriter

class Merge:
    books_told: int
    opportunities_told: int
    duplicates: int
    unfit: int
    def __init__(
        self,
        groups: Sequence[tuple[int, int, int, Sequence[tuple[int, int, int, int, int]]]],
        stale_ns: int,
        min_edge_e8: int,
        global_ring: RingWriter,
        global_cells: CellWriter,
        opportunity_ring: RingWriter,
    ) -> None: ...
    def forget(self) -> None: ...
    def tell(self, now_ns: int) -> None: ...
    def reset(self, now_ns: int) -> None: ...
    def take(self, ticks: Any, first_sequence: int, books: Any, whole: bool, now_ns: int) -> int: ...
    def take_cell(self, top: Any) -> None: ...
    def age(self, now_ns: int) -> bool: ...

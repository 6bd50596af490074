from typing import final

from shm import CellWriter, RingWriter

@final
class Outbox:
    tick_sequence: int
    def __init__(
        self,
        ticks: RingWriter | None = ...,
        books: RingWriter | None = ...,
        cells: CellWriter | None = ...,
        stamp_offset_ns: int | None = ...,
        levels: RingWriter | None = ...,
    ) -> None: ...
    def muted(self) -> Outbox: ...
    def void(self, instrument: int, cell: int, now_ns: int, state: int = ...) -> None: ...

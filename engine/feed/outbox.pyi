"""What the feed says, written straight into the slots of its rings; compiled."""

from shm import CellWriter, RingWriter

class Outbox:
    """The one writer of TICKS, BOOKS and the cells of book tops."""

    tick_sequence: int
    def __init__(
        self,
        ticks: RingWriter | None = ...,
        books: RingWriter | None = ...,
        cells: CellWriter | None = ...,
        stamp_offset_ns: int | None = ...,
    ) -> None: ...

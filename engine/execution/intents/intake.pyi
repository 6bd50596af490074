from collections.abc import Callable

from engine.lanes.ports import RingReader
from engine.risk.market import Top

class Intake:
    def __init__(
        self,
        on_record: Callable[[bytes, int, int, int], None],
        books: tuple[RingReader, ...],
        commands: RingReader,
        lanes: tuple[tuple[int, RingReader, int], ...],
        tops: dict[int, Top],
        accept: Callable[[RingReader, int, int], None],
    ) -> None: ...
    def waits(self) -> bool: ...
    def read_books(self, feed: int) -> list[int] | None: ...
    def read_intents(self, now_ns: int) -> int: ...
    def warm(self) -> None: ...

def apply_book(record: object, tops: dict[int, Top]) -> int: ...

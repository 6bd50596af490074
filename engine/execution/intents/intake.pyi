from collections.abc import Callable

from engine.execution.intents.halt_word import HaltWord
from engine.lanes.ports import RingReader
from engine.risk.market import Top
from engine.role import WorkingOn

COMMANDS: int
BOOKS: int

class Intake:
    def __init__(
        self,
        on_record: Callable[[bytes, int, int, int], None],
        books: tuple[RingReader, ...],
        commands: RingReader,
        lanes: tuple[tuple[int, RingReader, int], ...],
        tops: dict[int, Top],
        accept: Callable[[RingReader, int, int], None],
        word: HaltWord,
        on_word: Callable[[int], None],
    ) -> None: ...
    def waiting(self) -> int: ...
    def read_books(self, feed: int) -> list[int] | None: ...
    def read_intents(self, now_ns: int) -> int: ...
    def working_on(self) -> WorkingOn | None: ...
    def warm(self) -> None: ...

def apply_book(record: object, tops: dict[int, Top]) -> int: ...

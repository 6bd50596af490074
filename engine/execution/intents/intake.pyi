from collections.abc import Callable

from engine.execution.execution import Execution
from engine.execution.seams import Reader
from engine.risk.market import Top

class Intake:
    def __init__(
        self,
        role: Execution,
        books: Reader,
        commands: Reader,
        lanes: tuple[tuple[int, Reader, int], ...],
        tops: dict[int, Top],
        accept: Callable[[Reader, int, int], None],
    ) -> None: ...
    def waits(self) -> bool: ...
    def read_books(self) -> list[int] | None: ...
    def read_intents(self, now_ns: int) -> int: ...
    def warm(self) -> None: ...

def apply_book(record: object, tops: dict[int, Top]) -> int: ...

from collections.abc import Iterable

from engine.execution.seams import Reader

class Waiting:
    def __init__(self, readers: Iterable[Reader]) -> None: ...
    def any(self) -> bool: ...

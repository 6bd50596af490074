from collections.abc import Callable
from typing import Any

from engine.model.instrument import Instrument

class Book:
    instrument: Instrument
    state: int
    good: bool
    best_bid: int
    best_ask: int
    imbalance: float
    spread_bps: float
    tick_sequence: int
    receive_ns: int
    def __init__(self, instrument: Instrument) -> None: ...
    def apply(self, record: Any, decode: Callable[[bytes], Any] | None = None) -> None: ...
    @property
    def row(self) -> Any: ...
    @property
    def spread(self) -> int: ...
    @property
    def mid_twice(self) -> int: ...
    def best(self, side: int) -> int: ...
    def levels(self, side: int) -> tuple[tuple[int, int], ...]: ...

from collections.abc import Iterable, Mapping
from typing import Any, Self

from engine.learning import Belief
from engine.model.group import Group
from engine.model.instrument import Instrument
from engine.strategy.api.book import Book
from engine.strategy.api.ledger import Ledger, Order

TTL_NS: int

def reserve(names: Iterable[str]) -> None: ...

class IntentSink: ...

class IntentApi:
    @property
    def now_ns(self) -> int: ...
    @property
    def halted(self) -> bool: ...
    @property
    def draining(self) -> bool: ...
    @property
    def instruments(self) -> dict[int, Instrument]: ...
    @property
    def books(self) -> dict[int, Book]: ...
    @property
    def groups(self) -> dict[int, Group]: ...
    parameters: Any
    def __new__(cls, instruments: tuple[Instrument, ...] = (), parameters: Any = None) -> Self: ...
    def bind(self, sink: IntentSink | None, ledger: Ledger) -> None: ...
    def publish_belief(self, belief: Belief, regime: str = "") -> None: ...
    def place(
        self,
        instrument: Instrument,
        side: int,
        size: int,
        price: int,
        *,
        order_type: int = ...,  # one of OrderType
        time_in_force: int = ...,  # one of TimeInForce
        ttl_ns: int = ...,
        timeout_ns: int = 0,
        good_till_ns: int = 0,
        reduce_only: bool = False,
        signal: float = 0.0,
        algorithm: str | None = None,
        parameters: Mapping[str, int] | None = None,
    ) -> int | None: ...
    def enter(
        self,
        instrument: Instrument,
        side: int,
        size: int,
        price: int,
        *,
        signal: float = 0.0,
        algorithm: str | None = None,
        parameters: Mapping[str, int] | None = None,
    ) -> int | None: ...
    def exit(self, instrument: Instrument, price: int, *, signal: float = 0.0) -> int | None: ...
    def close(
        self,
        instrument: Instrument,
        price: int = 0,
        *,
        signal: float = 0.0,
        parameters: Mapping[str, int] | None = None,
    ) -> int | None: ...
    def cancel(self, intent_id: int) -> int | None: ...
    def cancel_all(self, instrument: Instrument) -> int | None: ...
    def replace(self, intent_id: int, price: int, size: int) -> int | None: ...
    def position(self, instrument: Instrument) -> int: ...
    def dust(self, instrument: Instrument) -> int: ...
    def orders(self, instrument: Instrument) -> list[Order]: ...

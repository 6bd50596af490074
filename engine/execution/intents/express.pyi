from collections.abc import Callable
from typing import Any

from engine.execution.journal.journal import Journal
from engine.execution.orders.order import Order
from engine.execution.venue.gateway import Gateway
from engine.risk.approval import Approval

class Express:
    def __init__(
        self,
        system: bytes,
        gate: Approval,
        last_intent: dict[int, int],
        journal: Journal,
        gateway: Gateway,
        finish: Callable[[Any, int, int, bool, bytes, int], Order],
    ) -> None: ...
    def send(self, data: bytes, sequence: int, strategy: int, now_ns: int) -> Order | None: ...
    def warm(self, now_ns: int) -> None: ...

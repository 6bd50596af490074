from collections.abc import Callable
from typing import Any

from engine.execution.intents.halt_word import HaltWord
from engine.execution.journal.journal import Journal
from engine.execution.orders.order import Order
from engine.risk.approval import Approval
from engine.venues.session import VenueSession

class Express:
    def __init__(
        self,
        system: bytes,
        gate: Approval,
        last_intent: dict[int, int],
        journal: Journal,
        session: VenueSession,
        finish: Callable[[Any, int, bool, bytes, int], Order],
        word: HaltWord,
        on_word: Callable[[int], None],
        account: int = ...,
    ) -> None: ...
    def send(self, data: bytes, sequence: int, strategy: int, now_ns: int) -> Order | None: ...
    def warm(self, now_ns: int) -> None: ...

from collections.abc import Callable, Sequence
from typing import Any

from engine.execution.ports import ExecutionLanes
from engine.execution.role import Execution
from engine.feed.books.outbox import Outbox
from engine.strategy.api.strategy import Strategy
from engine.strategy.role.role import StrategyRole
from research.bars.source import BarSource
from research.simulate.trading.client import Client
from shm import RingWriter

class EngineClient(Client):
    def __init__(
        self,
        roles: list[StrategyRole],
        strategies: list[Strategy],
        execution: Execution,
        lanes: ExecutionLanes,
        logged: Any,
        verdicts: Any,
        feed: Outbox,
        closers: Sequence[Callable[[], object]],
        *,
        watches: bool,
        bars: BarSource | None = ...,
        bars_lane: RingWriter | None = ...,
    ) -> None: ...
    def close(self) -> None: ...

from collections.abc import Sequence

from engine.model.group import Group
from engine.role import WorkingOn
from engine.strategy.api.ledger import Ledger
from engine.strategy.api.strategy import Strategy
from engine.strategy.role.counts import Counts
from engine.strategy.role.lanes import StrategyLanes

WAIT_LIMIT_NS: int

class StrategyRole:
    name: str
    counts: Counts
    ledger: Ledger
    reads: int
    scheduled_ns: int
    def __init__(
        self,
        name: str,
        number: int,
        strategy: Strategy,
        lanes: StrategyLanes,
        *,
        clock_offset_ns: int = 0,
        groups: Sequence[Group] = (),
        routes: dict[int, int] | None = None,
        cadence_ns: int = 0,
    ) -> None: ...
    def step(self, now_ns: int) -> int: ...
    def lag(self) -> int: ...
    def error_count(self) -> int: ...
    def drain(self, now_ns: int) -> bool: ...
    def working_on(self) -> WorkingOn | None: ...
    def warm(self, now_ns: int) -> None: ...
    def wait(self, timeout_ns: int) -> bool: ...
    def close(self) -> None: ...
    def remember(self, row: object) -> None: ...

from collections.abc import Sequence

from engine.strategy.api.strategy import Strategy
from engine.strategy.role.counts import Counts
from engine.strategy.role.lanes import StrategyLanes

READ_LIMIT: int
CATCH_UP: int

class LaneInputs:
    def __init__(self, counts: Counts, strategy: Strategy, lanes: StrategyLanes, reads: Sequence[str]) -> None: ...

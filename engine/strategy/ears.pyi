from collections.abc import Sequence

from engine.strategy.counts import Counts
from engine.strategy.lanes import StrategyLanes
from engine.strategy.strategy import Strategy

READ_LIMIT: int
CATCH_UP: int

class Ears:
    def __init__(self, counts: Counts, strategy: Strategy, lanes: StrategyLanes, reads: Sequence[str]) -> None: ...

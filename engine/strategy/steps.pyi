from engine.strategy.counts import Counts
from engine.strategy.ears import Ears
from engine.strategy.intents import Intents
from engine.strategy.lanes import LaneWriter

class Steps:
    def __init__(
        self, counts: Counts, number: int, ears: Ears, intents: Intents, lane: LaneWriter, clock_offset_ns: int
    ) -> None: ...

from engine.lanes.ports import RingWriter
from engine.strategy.api.intents import Intents
from engine.strategy.role.counts import Counts
from engine.strategy.role.lane_inputs import LaneInputs

class Steps:
    def __init__(
        self,
        counts: Counts,
        number: int,
        inputs: LaneInputs,
        intents: Intents,
        lane: RingWriter,
        clock_offset_ns: int,
        version: int,
    ) -> None: ...

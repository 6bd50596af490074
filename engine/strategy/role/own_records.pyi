from engine.strategy.role.lane_inputs import LaneInputs
from engine.strategy.role.lanes import StrategyLanes

FILLS_LIMIT: int
ORDERS_REPUBLISHED: int

class OrderChange:
    intent_id: int
    replaces_id: int
    price: int
    size: int
    filled: int
    instrument: int
    flags: int
    child: int
    replaces_child: int
    state: int
    side: int

class OwnRecords:
    def __init__(self, inputs: LaneInputs, number: int, lanes: StrategyLanes) -> None: ...

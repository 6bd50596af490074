from engine.strategy.api.intents import Intents
from engine.strategy.api.strategy import Strategy
from engine.strategy.role.lane_inputs import LaneInputs
from engine.strategy.role.steps import Steps

class Rehearsal:
    def __init__(self, strategy: Strategy, inputs: LaneInputs, intents: Intents, steps: Steps) -> None: ...

from engine.strategy.api.intents import Intents
from engine.strategy.api.strategy import Strategy
from engine.strategy.role.ears import Ears
from engine.strategy.role.steps import Steps

class Rehearsal:
    def __init__(self, strategy: Strategy, ears: Ears, intents: Intents, steps: Steps) -> None: ...

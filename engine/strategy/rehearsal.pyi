from engine.strategy.ears import Ears
from engine.strategy.intents import Intents
from engine.strategy.steps import Steps
from engine.strategy.strategy import Strategy

class Rehearsal:
    def __init__(self, strategy: Strategy, ears: Ears, intents: Intents, steps: Steps) -> None: ...

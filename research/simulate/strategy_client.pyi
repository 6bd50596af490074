from engine.strategy.api.strategy import Strategy
from research.bars.source import BarSource
from research.simulate.client import Client

class NotInFastError(ValueError): ...

def check_reads(kind: type[Strategy], bars: BarSource | None) -> None: ...

class StrategyClient(Client):
    def __init__(self, strategy: Strategy, bars: BarSource | None = None) -> None: ...

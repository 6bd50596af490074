from engine.strategy.counts import Counts
from engine.strategy.lanes import LaneWriter
from engine.strategy.voice import Outlet, Voice

class Intents(Outlet):
    def __init__(self, counts: Counts, number: int, voice: Voice, lane: LaneWriter) -> None: ...
    def settle(self) -> None: ...

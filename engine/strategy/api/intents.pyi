from engine.strategy.api.voice import Outlet, Voice
from engine.strategy.role.counts import Counts
from engine.strategy.role.lanes import LaneWriter

class Intents(Outlet):
    def __init__(self, counts: Counts, number: int, voice: Voice, lane: LaneWriter) -> None: ...
    def settle(self) -> None: ...

from engine.lanes.ports import RingWriter
from engine.strategy.api.voice import Outlet, Voice
from engine.strategy.role.counts import Counts

class Intents(Outlet):
    def __init__(self, counts: Counts, number: int, voice: Voice, lane: RingWriter) -> None: ...
    def settle(self) -> None: ...

from engine.lanes.ports import RingWriter
from engine.strategy.api.intent_api import IntentApi, IntentSink
from engine.strategy.role.counts import Counts

class Intents(IntentSink):
    def __init__(
        self, counts: Counts, number: int, api: IntentApi, lanes: tuple[RingWriter, ...], routes: dict[int, int]
    ) -> None: ...
    def settle(self) -> None: ...
    def close(self) -> None: ...

from typing import final

from engine.feed.books.outbox import Outbox

@final
class LevelLane:
    enabled: bool
    def __init__(self, outbox: Outbox, enabled: bool) -> None: ...

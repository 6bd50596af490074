from engine.feed.books.outbox import Outbox

class LevelLane:
    enabled: bool
    def __init__(self, outbox: Outbox, enabled: bool) -> None: ...

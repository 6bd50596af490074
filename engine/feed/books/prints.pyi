from engine.feed.books.outbox import Outbox

class Prints:
    heard: int
    told: int
    gaps: int
    def __init__(self, instrument: int, outbox: Outbox) -> None: ...

from engine.feed.books.outbox import Outbox

class Prints:
    received: int
    published: int
    gaps: int
    def __init__(self, instrument: int, outbox: Outbox) -> None: ...

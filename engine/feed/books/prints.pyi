from typing import final

from engine.feed.books.outbox import Outbox

@final
class Prints:
    received: int
    published: int
    gaps: int
    def __init__(self, instrument: int, outbox: Outbox) -> None: ...

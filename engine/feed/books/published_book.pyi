from typing import final

from engine.book import Book
from engine.feed.books.outbox import Outbox
from engine.venues.market import Rule

@final
class PublishedBook:
    crossings: int
    def __init__(self, instrument: int, cell: int, book: Book, rule: Rule, outbox: Outbox, levels: bool) -> None: ...

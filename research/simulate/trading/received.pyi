from typing import final

from engine.book.book import Book

@final
class Received:
    number: int
    book: Book
    state: int
    def __init__(self, number: int) -> None: ...

from engine.book.book import Book
from engine.model.instrument import Instrument
from research.simulate.caps import DeskCaps

class Desk:
    instrument: Instrument
    number: int
    place: int
    book: Book
    state: int
    position: int
    open_buy: int
    open_sell: int
    def __init__(self, place: int, instrument: Instrument, caps: DeskCaps) -> None: ...

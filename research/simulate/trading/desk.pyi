from typing import final

from engine.model.instrument import Instrument
from research.simulate.caps import DeskCaps
from research.simulate.trading.received import Received

@final
class Held: ...

@final
class Desk:
    instrument: Instrument
    number: int
    place: int
    received: Received
    position: int
    open_buy: int
    open_sell: int
    def __init__(
        self, place: int, instrument: Instrument, received: Received, caps: DeskCaps, account: Held | None = None
    ) -> None: ...

from collections.abc import Sequence

from engine.model.instrument import Instrument
from engine.venues.session import SessionListener, SessionOptions
from research.simulate.trading.session import Session

class ModelSession:
    def __init__(
        self, instruments: Sequence[Instrument], options: SessionOptions, listener: SessionListener
    ) -> None: ...
    def attach(self, session: Session) -> None: ...

from collections.abc import Mapping, Sequence

from engine.execution.algorithms.algorithm import Algorithm
from engine.model.instrument import Instrument
from engine.venues.session import SessionListener, SessionOptions
from research.simulate.trading.session import Session

class ModelSession:
    def __init__(
        self, instruments: Sequence[Instrument], options: SessionOptions, listener: SessionListener
    ) -> None: ...
    def attach(self, session: Session, working: Mapping[int, Algorithm]) -> None: ...

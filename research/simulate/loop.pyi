from typing import Any

import numpy as np

from research.simulate.matching.agenda import Agenda
from research.simulate.matching.venue import VenueMarket
from research.simulate.trading.portfolio import Portfolio
from research.simulate.trading.received import Received

class Loop:
    event: int
    now_ns: int
    portfolio: int
    marks: list[tuple[int, int, int]]
    def __init__(
        self,
        data: np.ndarray[Any, np.dtype[np.uint8]],
        places: np.ndarray[Any, np.dtype[np.int32]],
        agenda: Agenda,
        markets: list[VenueMarket],
        books: list[Received],
        portfolios: list[Portfolio],
        *,
        each: bool,
        mark_ns: int,
        margined: bool = ...,
    ) -> None: ...
    def run(self) -> None: ...

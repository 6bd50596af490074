from typing import Any

import numpy as np

from research.simulate.agenda import Agenda
from research.simulate.portfolio import Portfolio
from research.simulate.received import Received
from research.simulate.venue import VenueMarket

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
    ) -> None: ...
    def run(self) -> None: ...

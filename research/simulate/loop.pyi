from typing import Any

import numpy as np

from research.simulate.client import Client
from research.simulate.desk import Desk
from research.simulate.session import Session
from research.simulate.venue import VenueMarket

class Loop:
    event: int
    marks: list[tuple[int, int, int]]
    def __init__(
        self,
        data: np.ndarray[Any, np.dtype[np.uint8]],
        places: np.ndarray[Any, np.dtype[np.int32]],
        session: Session,
        markets: list[VenueMarket],
        desks: list[Desk],
        client: Client,
        *,
        each: bool,
        mark_ns: int,
    ) -> None: ...
    def run(self) -> None: ...

from typing import Self

from research.simulate.schedule import Schedule
from research.simulate.session import Session

class VenueMarket:
    def __new__(
        cls,
        session: Session,
        schedule: Schedule,
        family: int,
        exponent: float,
        size_step: int,
        scale: int,
        returns: bool,
        whole: bool,
    ) -> Self: ...
    def best(self, side: int) -> tuple[int, int] | None: ...

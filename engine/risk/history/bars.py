"""What a history is: bars by instrument and time."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

NONE = Decimal(0)  # of a column that the source does not have


class Bar(NamedTuple):
    """One bar of an instrument."""

    start_ns: int
    close: Decimal = NONE  # the last price of its time, in the quote asset
    volume: Decimal = NONE


class History(Protocol):
    """Bars of instruments."""

    def bars(self, instrument: int, first_ns: int, end_ns: int) -> Sequence[Bar]:
        """The instrument's bars that begin from `first_ns` on and before `end_ns`, the oldest first."""

"""What every source of a history gives: lines, each one bar and where it was found."""

from typing import Literal, NamedTuple

from engine.risk.history.bars import Bar

Column = Literal["close", "volume"]


class Line(NamedTuple):
    """One bar, and where it is."""

    place: str
    symbol: str
    bar: Bar
    venue: str = ""  # "" where the source has one venue, and does not name it

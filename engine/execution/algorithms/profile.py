"""Volume profiles: the mean volume of each minute of the UTC day, from a history with bars of one minute.

    time_ms,symbol,volume           `engine/risk/history/files.py` has the form
    1700000040000,BTCUSDT,12.5

Only shares count, so the unit of the volume is free. Each minute gets at least one part in a million of the day's
volume, so that no time of the day has none.
"""

from collections.abc import Iterable
from decimal import Decimal
from itertools import accumulate

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.risk.history import Bar, read_history

MINUTE_NS = 60_000_000_000
MINUTES = 1_440
WEIGHT = 1_000_000_000  # of a day
FLOOR = 1_000


class Profile:
    """One instrument's: whole numbers, so that every machine plans the same sizes."""

    def __init__(self, volumes: list[Decimal]) -> None:
        """From what each minute of the day traded in all."""
        whole = sum(volumes)
        weights = [max(FLOOR, int(one * WEIGHT / whole)) for one in volumes]
        self._before = [0, *accumulate(weights)]

    def between(self, begin_ns: int, end_ns: int) -> int:
        """The weight of the time between two moments."""
        return self._until(end_ns) - self._until(begin_ns)

    def _until(self, at_ns: int) -> int:
        """The weight from the epoch to a moment, in nanoseconds of a minute: exact."""
        minute, into_ns = divmod(at_ns, MINUTE_NS)
        day, of_day = divmod(minute, MINUTES)
        weight = self._before[of_day + 1] - self._before[of_day]
        return (day * self._before[-1] + self._before[of_day]) * MINUTE_NS + weight * into_ns


def read_profiles(path: str, instruments: Iterable[Instrument]) -> dict[int, Profile]:
    """The profile of each instrument that the file has; none without a file."""
    if not path:
        return {}
    known = tuple(instruments)
    history = read_history(path, known, "volume")
    volumes = {one.id: _volumes(history.bars(one.id, 0, INT64_MAX)) for one in known}
    return {number: Profile(one) for number, one in volumes.items() if any(one)}


def _volumes(bars: Iterable[Bar]) -> list[Decimal]:
    """What each minute of the day traded, over all days."""
    volumes = [Decimal(0)] * MINUTES
    for one in bars:
        volumes[one.start_ns // MINUTE_NS % MINUTES] += one.volume
    return volumes

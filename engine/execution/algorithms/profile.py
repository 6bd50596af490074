"""Volume profiles: the mean volume of each minute of the UTC day, read from a CSV file of bars.

    time_ms,symbol,volume           the begin of a bar of one minute (Unix time), and what was traded in it
    1700000040000,BTCUSDT,12.5

Only shares count, so the unit of the volume is free. Each minute gets at least one part in a million of the day's
volume, so that no time of the day has none.
"""

import csv
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from itertools import accumulate
from pathlib import Path

from engine.model.instrument import Instrument

MINUTE_NS = 60_000_000_000
MINUTES = 1_440
WEIGHT = 1_000_000_000  # of a day
FLOOR = 1_000
COLUMNS = ["time_ms", "symbol", "volume"]


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
    volumes: dict[str, list[Decimal]] = {}
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        if (head := next(rows, [])) != COLUMNS:
            msg = f"{path}: the first line is {head}, expected {','.join(COLUMNS)}"
            raise ValueError(msg)
        for number, row in enumerate(rows, 2):
            minute, symbol, volume = _bar(path, number, row)
            volumes.setdefault(symbol, [Decimal(0)] * MINUTES)[minute] += volume
    return {one.id: Profile(volumes[one.symbol]) for one in instruments if any(volumes.get(one.symbol, ()))}


def _bar(path: str, number: int, row: list[str]) -> tuple[int, str, Decimal]:
    """The minute of the day, the symbol and the volume of a line."""
    try:
        time_ms, symbol, volume = int(row[0]), row[1], Decimal(row[2])
        if len(row) == len(COLUMNS) and time_ms >= 0 and volume.is_finite() and volume >= 0:
            return time_ms // 60_000 % MINUTES, symbol, volume
    except (ValueError, IndexError, InvalidOperation):
        pass
    msg = f"{path}: line {number} is {','.join(row)!r}, expected {','.join(COLUMNS)} with a time and a volume from 0 on"
    raise ValueError(msg)

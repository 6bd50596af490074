"""How far each day of a backfill is, in `backfill.json` of the recorder's directory, replaced in one step.

It only saves requests and keeps what was found: the rows themselves show what the history has, so a ledger that is
behind, or gone, doubles nothing.
"""

from pathlib import Path

import msgspec

from engine.recorder.store.disk import Disk

NAME = "backfill.json"


class Day(msgspec.Struct, kw_only=True):
    """One day of one symbol."""

    venue: str
    symbol: str
    kind: str
    interval_s: int  # of candles; 0: trades
    day: str
    written: int = 0  # rows that the history did not have
    equal: int = 0  # rows that it had, with the values of the venue
    different: int = 0
    differences: list[str] = []  # the first ones
    venue_crc: int = 0  # of the rows that both have, as the venue gives them,
    stored_crc: int = 0  # and as they are stored
    last_id: int = -1  # the last trade,
    last_ns: int = 0  # and its time
    complete: bool = False

    @property
    def name(self) -> str:
        """What this day is of."""
        return f"{self.venue} {self.symbol} {self.kind} {self.interval_s} {self.day}"


class Ledger:
    """The days of one directory."""

    def __init__(self, directory: Path) -> None:
        """Read the file; ValueError where it is damaged."""
        self._path = directory / NAME
        try:
            days = msgspec.json.decode(self._path.read_bytes(), type=list[Day]) if self._path.exists() else []
        except msgspec.DecodeError as error:
            raise ValueError(f"{self._path}: cannot be read ({error}): remove it, no row is lost by that") from error
        self._days = {one.name: one for one in days}

    def of(self, blank: Day) -> Day:
        """What is known of a day, else the blank one."""
        return self._days.get(blank.name, blank)

    def save(self, day: Day) -> None:
        """Keep a day."""
        self._days[day.name] = day
        Disk().replace(self._path, msgspec.json.encode([self._days[name] for name in sorted(self._days)]))

    def differences(self) -> list[str]:
        """A text for each day whose rows differ from the venue's."""
        return [
            f"{one.kind}: {one.venue} {one.symbol} {one.day}: {one.different} rows differ from the venue's:"
            f" {'; '.join(one.differences[:3])}"
            for one in self._days.values()
            if one.different
        ]

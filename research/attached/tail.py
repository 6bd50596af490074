"""A tail: each call reads what a lane got since the last one, and says what was lost.

    tail = research.attach("demo").tail("ticks", "BTCUSDT")
    new = tail.read()          # a table, perhaps empty; tail.lost counts the records that the writer overwrote unread

A lane has one ring for each feed or execution; a tail reads all of them, in the order of their times. When a system
was restarted, its lanes are other ones: the tail reads the rest of the old ones, then follows the new ones from their
first record. No record between is skipped in silence; `restarts` counts.
"""

from typing import Any, NamedTuple

import numpy as np

import shm
from engine import instruments
from engine.lanes import LOOKERS, lane_of, open_lanes
from engine.model.instrument import Instrument
from research.attached.shown import Form, shown
from research.lanes import Records, in_order, table

ROWS_MOST = 1 << 16  # of one ring in one call


class Opened(NamedTuple):
    """One life of a system: its rings of a lane, and the instruments that its records name."""

    rings: tuple[shm.RingReader, ...]
    known: list[Instrument]

    @classmethod
    def of(cls, system: str, lane: str, *, from_first: bool) -> "Opened":
        """Open a lane as a looker, at its end or at the oldest record that it still has."""
        lanes = open_lanes(system, LOOKERS)
        rings = tuple(ring for _, ring in lanes.ring_readers(lane))
        for ring in rings if from_first else ():
            ring.cursor = ring.header.first
        return cls(rings, instruments.read(lanes))

    @property
    def ended(self) -> bool:
        """Whether the system was stopped: these rings get no record any more."""
        return any(ring.replaced() for ring in self.rings)


class Tail:
    """Follows one lane of one system."""

    def __init__(self, system: str, lane: str, symbol: str, levels: int, form: Form) -> None:
        """Begin with what the lane gets from now on."""
        if lane_of(lane).kind == "cells":
            raise ValueError(f"lane {lane!r} has only the newest values: expected a lane with every record to follow")
        self.lost = 0  # records that the writer overwrote before they were read
        self.restarts = 0  # of the system, since the tail began
        self._system, self._lane, self._symbol, self._levels, self._form = system, lane, symbol, levels, form
        self._opened = Opened.of(system, lane, from_first=False)

    def read(self) -> Any:
        """The records since the last call, at most 65,536 of each ring; NotRunningError when the system is down."""
        records = self._new()
        if not len(records) and self._opened.ended:
            records = self._new()  # what came after the look, before the end
        if not len(records) and self._opened.ended:
            self._reopen()
            records = self._new()
        return shown(self._table(records), self._form)

    def _new(self) -> Records:
        parts = []
        for ring in self._opened.rings:
            lost, records = ring.copy(ROWS_MOST)
            self.lost += lost
            parts.append(records)
        return in_order(parts)

    def _table(self, records: Records) -> Records:
        return table(records, self._lane, self._known(records), self._symbol, self._levels)

    def _known(self, records: Records) -> list[Instrument]:
        """The instruments of these records; read again where a feed has published more since."""
        ids = {one.id for one in self._opened.known}
        if not ids.issuperset(np.unique(records["instrument"]).tolist()) and not self._opened.ended:
            self._opened = self._opened._replace(known=instruments.read(open_lanes(self._system, LOOKERS)))
        return self._opened.known

    def _reopen(self) -> None:
        from research.attached.system import expect_running  # noqa: PLC0415 - it makes tails

        expect_running(self._system)
        self._opened = Opened.of(self._system, self._lane, from_first=True)
        self.restarts += 1

"""Reads PRINTs of TICKS for the algorithms that count them; while none does, the lanes are not read.

A print is named by its feed's place and its sequence in that feed's lane: an algorithm keeps the next one in its state,
so its next life counts on from there, as far back as the ring reaches.
"""

import logging
import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from engine.lanes.ports import RingReader
from engine.model import records
from engine.model.words import TickKind

logger = logging.getLogger("engine.execution")

MOST = 1_024  # ticks of one feed in one step
PRINT = int(TickKind.PRINT)
SIZE_INSTRUMENT_KIND = struct.Struct("<40xq8xIB")
assert [(one.name, one.offset) for one in records.TICK.fields if one.offset in (40, 56, 60)] == [
    ("size", 40), ("instrument", 56), ("kind", 60),
]  # fmt: skip


class Place(NamedTuple):
    """Which prints were counted: those before this sequence of this feed's lane."""

    feed: int
    sequence: int


class Prints:
    """The prints of every feed."""

    def __init__(self, lanes: tuple[RingReader, ...]) -> None:
        """Read nothing yet."""
        self._lanes = lanes
        self._reads = False

    def read(self, wanted: Iterable[Place | None], on_print: Callable[[int, int, Place], None]) -> None:
        """Call with instrument, size and the place after each new print; `wanted`: what each algorithm has counted."""
        places = list(wanted)
        if places and not self._reads:
            self._seek([one for one in places if one is not None])
        self._reads = bool(places)
        for feed, lane in enumerate(self._lanes if places else ()):
            self._read_feed(feed, lane, on_print)

    def _seek(self, places: list[Place]) -> None:
        """Begin at the oldest print that was not counted, else at the end."""
        for feed, lane in enumerate(self._lanes):
            first = min((one.sequence for one in places if one.feed == feed), default=lane.end)
            lane.cursor = max(lane.oldest, min(first, lane.end))

    def _read_feed(self, feed: int, lane: RingReader, on_print: Callable[[int, int, Place], None]) -> None:
        """Read one feed's next ticks."""
        for _ in range(MOST):
            record = lane.read_bytes()
            if record is None:
                return
            if type(record) is not bytes:
                logger.warning("prints were lost: an algorithm counts less volume", extra={"lost": record.lost})
                continue
            size, instrument, kind = SIZE_INSTRUMENT_KIND.unpack_from(record)
            if kind == PRINT:
                on_print(instrument, size, Place(feed, lane.cursor))

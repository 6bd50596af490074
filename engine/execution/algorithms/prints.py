"""Reads PRINTs of TICKS for the algorithms that count them, and for risk; while none does, the lanes are not read.

A print is named by its feed's place and its sequence in that feed's lane: an algorithm keeps the next one in its state,
so its next life counts on from there, as far back as the ring reaches. Risk keeps nothing: it begins at the oldest
print of the ring.
"""

import logging
import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from engine.lanes.ports import RingReader
from engine.model import records
from engine.model.words import TickKind
from engine.risk.gate import RiskGate

logger = logging.getLogger("engine.execution")

MOST = 1_024  # ticks of one feed in one step
PRINT = int(TickKind.PRINT)
FIELDS = struct.Struct("<q24xqq8xIB")
assert [(one.name, one.offset) for one in records.TICK.fields if one.offset in (0, 32, 40, 56, 60)] == [
    ("receive_ns", 0), ("price", 32), ("size", 40), ("instrument", 56), ("kind", 60),
]  # fmt: skip


class Place(NamedTuple):
    """Which prints were counted: those before this sequence of this feed's lane."""

    feed: int
    sequence: int


class Print(NamedTuple):
    """A trade."""

    receive_ns: int
    price: int
    size: int
    instrument: int


OnPrint = Callable[[Print, Place], None]


class Prints:
    """The prints of every feed."""

    def __init__(self, lanes: tuple[RingReader, ...], gate: RiskGate) -> None:
        """Read nothing yet."""
        self._lanes = lanes
        self._gate = gate
        self._reads = False

    def read(self, wanted: Iterable[Place | None], on_print: OnPrint) -> None:
        """Call with each new print and the place after it; `wanted`: what algorithms have counted.

        While a cap of risk reads prints, its volume counts them too.
        """
        places, risk = list(wanted), self._gate.reads_prints
        reads = bool(places) or risk
        if reads and not self._reads:
            self._seek([Place(feed, 0) for feed in range(len(self._lanes))] if risk else list(filter(None, places)))
        self._reads = reads
        for feed, lane in enumerate(self._lanes if reads else ()):
            self._read_feed(feed, lane, on_print)

    def _seek(self, places: list[Place]) -> None:
        """Begin at the oldest print that was not counted, else at the end."""
        for feed, lane in enumerate(self._lanes):
            first = min((one.sequence for one in places if one.feed == feed), default=lane.end)
            lane.cursor = max(lane.oldest, min(first, lane.end))

    def _read_feed(self, feed: int, lane: RingReader, on_print: OnPrint) -> None:
        """Read one feed's next ticks."""
        for _ in range(MOST):
            record = lane.read_bytes()
            if record is None:
                return
            if type(record) is not bytes:
                logger.warning("prints were lost: less volume is counted", extra={"lost": record.lost})
                continue
            receive_ns, price, size, instrument, kind = FIELDS.unpack_from(record)
            if kind == PRINT:
                on_print(Print(receive_ns, price, size, instrument), Place(feed, lane.cursor))
                if self._gate.reads_prints:
                    self._gate.volume.add(instrument, size, receive_ns)

"""The lanes of a strategy's role, as protocols: the same role runs on shared memory and on a replay.

    VERDICTS, ORDERS, FILLS, TICKS, BOOKS, COMMANDS ──▶ role ──▶ INTENTS.<name> (lossless), STEPS.<name>
    BARS, GLOBAL_BOOKS, OPPORTUNITIES, if read ─────▶

`INPUTS` is the order of the cursors in a STEP record: the order of the map in `engine/lanes/map.py`, rings only. After
them come the cursor of the role's own intents lane, which shows how many intents the step made, and the cursors of
`AGGREGATES`, 0 for a lane that the strategy does not read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from engine.lanes import STRATEGY, open_lanes

INPUTS = ("ticks", "books", "verdicts", "orders", "fills", "commands")
OUTPUT_CURSOR = len(INPUTS)  # the place of the role's own intents lane in a STEP's cursors
AGGREGATES = ("bars", "global_books", "opportunities")
PLACES = {lane: place for place, lane in enumerate((*INPUTS, "intents", *AGGREGATES))}  # in a STEP's cursors
LAPPED_CELL, MARKS_CELL = 0, 1  # of a STEP's cells: the lapped inputs, a bit each at its PLACES; and marks:
MARK_DRAIN, MARK_FULL = 1, 2  # the step was a first `drain`; the intents lane was full


class LaneReader(Protocol):
    """What the role needs of a ring reader: `shm.RingReader`, or a replay's HistoryReader."""

    cursor: int

    def read(self) -> Any:
        """The next row, None when there is none, or `shm.Lapped`."""

    def wait(self, timeout_ns: int) -> bool:
        """Sleep until there is a row to read; False after the timeout."""


class LaneWriter(Protocol):
    """What the role needs of a ring writer."""

    @property
    def cursor(self) -> int:
        """The next sequence."""

    def publish(self, *fields: Any) -> bool:
        """Publish one record; False when a lossless lane is full."""

    def close(self) -> None:
        """Close the lane."""


class CellsReader(Protocol):
    """What recovery needs of cells."""

    def read(self, index: int = 0, /) -> Any:
        """The latest row, or None when it was never written."""


@dataclass(frozen=True, slots=True)
class StrategyLanes:
    """All lanes of one strategy role. `own` reads the intents lane that `intents` writes; only recovery uses it."""

    ticks: LaneReader
    books: LaneReader
    verdicts: LaneReader
    orders: LaneReader
    fills: LaneReader
    commands: LaneReader
    positions: CellsReader
    own: LaneReader
    intents: LaneWriter
    steps: LaneWriter
    bars: LaneReader | None = None  # this and the next two: None for a strategy that does not read it
    global_books: LaneReader | None = None
    opportunities: LaneReader | None = None
    accepted: Callable[[], Any] | None = None  # how far execution has read `intents`: an ACCEPTED row, or None

    def close(self) -> None:
        """Close the lanes it writes; readers end with their last reference."""
        self.intents.close()
        self.steps.close()


def open_strategy_lanes(system: str, name: str, accepted_index: int, reads: Sequence[str] = ()) -> StrategyLanes:
    """Open a system's lanes for the strategy of this name, and lock the lanes that it writes.

    `accepted_index` is the cell of ACCEPTED in which execution writes how far it has read this strategy's intents. In a
    replay no execution reads them: their lane is a plain ring, which is never full. `reads` names the lanes of
    AGGREGATES that the strategy reads.
    """
    lanes = open_lanes(system, STRATEGY, name)
    intents, accepted = lanes.ring_writer("intents"), lanes.cell_reader("accepted")
    if intents.header.kind == "lossless":
        intents.follow(accepted, accepted_index)
    return StrategyLanes(
        **{lane: lanes.ring_reader(lane) for lane in (*INPUTS, *reads)},
        positions=lanes.cell_reader("positions"),
        own=lanes.ring_reader("intents"),
        intents=intents,
        steps=lanes.ring_writer("steps"),
        accepted=partial(accepted.read, accepted_index),
    )

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
from typing import Any

from engine.lanes.ports import CellReader, Lanes, RingReader, RingWriter

INPUTS = ("ticks", "books", "verdicts", "orders", "fills", "commands")
OUTPUT_CURSOR = len(INPUTS)  # the place of the role's own intents lane in a STEP's cursors
AGGREGATES = ("bars", "global_books", "opportunities")
PLACES = {lane: place for place, lane in enumerate((*INPUTS, "intents", *AGGREGATES))}  # in a STEP's cursors
LAPPED_CELL, MARKS_CELL = 0, 1  # of a STEP's cells: the lapped inputs, a bit each at its PLACES; and marks:
MARK_DRAIN, MARK_FULL = 1, 2  # the step was a first `drain`; the intents lane was full


@dataclass(frozen=True, slots=True)
class StrategyLanes:
    """All lanes of one strategy role. `own` reads the intents lane that `intents` writes; only recovery uses it."""

    ticks: RingReader
    books: RingReader
    verdicts: RingReader
    orders: RingReader
    fills: RingReader
    commands: RingReader
    positions: CellReader
    own: RingReader
    intents: RingWriter
    steps: RingWriter
    bars: RingReader | None = None  # this and the next two: None for a strategy that does not read it
    global_books: RingReader | None = None
    opportunities: RingReader | None = None
    accepted: Callable[[], Any] | None = None  # how far execution has read `intents`: an ACCEPTED row, or None

    def close(self) -> None:
        """Close the lanes it writes; readers end with their last reference."""
        self.intents.close()
        self.steps.close()


def open_strategy_lanes(lanes: Lanes, accepted_index: int, reads: Sequence[str] = ()) -> StrategyLanes:
    """Open the lanes of a strategy's role.

    `accepted_index` is the cell of ACCEPTED in which execution writes how far it has read this strategy's intents. In a
    replay no execution reads them: their lane is a plain ring, which is never full. `reads` names the lanes of
    AGGREGATES that the strategy reads.
    """
    intents, accepted = lanes.ring_writer("intents"), lanes.cell_reader("accepted")
    if intents.lossless:
        intents.follow(accepted, accepted_index)
    return StrategyLanes(
        **{lane: lanes.ring_reader(lane) for lane in (*INPUTS, *reads)},
        positions=lanes.cell_reader("positions"),
        own=lanes.ring_reader("intents"),
        intents=intents,
        steps=lanes.ring_writer("steps"),
        accepted=partial(accepted.read, accepted_index),
    )

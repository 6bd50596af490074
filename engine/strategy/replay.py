"""Replays a strategy from its STEPS: the same class on the same lanes must submit the same intents, byte for byte.

1. STEPS is cut into lives: a record whose `step` is 0 begins a life.
2. For each life a new role reads from `HistoryReader`s. For each STEP every reader is opened up to the cursor that the
   step had read to; then the role steps once, at the recorded time.
3. The intents that it publishes are compared with its recorded intents lane.

A step that was killed between its intents and its STEP leaves intents that no replay can produce: they are after the
last STEP's cursor of that life, and the next life begins after them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import shm
from engine.lanes import lane_of
from engine.strategy.role.ears import CATCH_UP
from engine.strategy.role.lanes import (
    AGGREGATES,
    INPUTS,
    LAPPED_CELL,
    MARK_DRAIN,
    MARK_FULL,
    MARKS_CELL,
    OUTPUT_CURSOR,
    PLACES,
    StrategyLanes,
)
from engine.strategy.role.role import StrategyRole

ROLE = Callable[[StrategyLanes], StrategyRole]
NEWEST = ("books", "global_books")  # lanes of which a lapped role still shows the newest


@dataclass(slots=True)
class HistoryReader:
    """A lane's whole history as rows, readable up to `limit`."""

    rows: Sequence[Any]
    first: int = 0
    window: int = 0  # how many records a lapped reader still finds
    cursor: int = 0
    limit: int = 0
    lapped: bool = False  # the next read returns a lap, as in the recorded step

    def read(self) -> Any:
        """The next row up to the limit, then None."""
        if self.lapped:
            self.lapped, first = False, self.cursor
            self.cursor = max(self.cursor, self.limit - self.window)
            return shm.Lapped(first, self.cursor)
        if self.cursor >= self.limit:
            return None
        self.cursor += 1
        return self.rows[self.cursor - 1 - self.first]

    def wait(self, timeout_ns: int) -> bool:
        """Whether there are rows to read; a replay never waits."""
        del timeout_ns
        return self.cursor < self.limit


@dataclass(slots=True)
class CapturingWriter:
    """A writer that keeps its records; the lane is full at `limit`."""

    cursor: int = 0
    limit: int = 1 << 63
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def publish(self, *fields: Any) -> bool:
        """Keep one record; False when the lane is full."""
        if self.cursor >= self.limit:
            return False
        self.rows.append(fields)
        self.cursor += 1
        return True

    def close(self) -> None:
        """Do nothing: there is no lane to close."""


class NoCells:
    """Cells that were never written: a replay has the whole rings, so recovery needs no cells."""

    def read(self, _index: int = 0, /) -> None:
        """None: the cell was never written."""


@dataclass(frozen=True, slots=True)
class Life:
    """The records of a replayed life: the sequence of its first intent, and every record's bytes."""

    first: int
    intents: list[bytes]
    steps: list[bytes]


def packed(lane: str, rows: Iterable[Sequence[Any]]) -> list[bytes]:
    """Rows as the bytes of their slots."""
    record = lane_of(lane).record
    return [np.array(tuple(row), record.dtype).tobytes() for row in rows]


def replay(make_role: ROLE, lanes: Mapping[str, Sequence[Any]], steps: Sequence[Any]) -> Iterator[Life]:
    """Replay every life; `lanes` holds the whole history of INPUTS, "intents" and the other lanes it reads."""
    for life in cut_into_lives(steps):
        yield replay_life(make_role, lanes, life)


def cut_into_lives(steps: Sequence[Any]) -> list[list[Any]]:
    """Cut STEPS where a step 0 begins a life."""
    lives: list[list[Any]] = []
    for step in steps:
        if step.step == 0:
            lives.append([])
        lives[-1].append(step)
    return lives


def replay_life(make_role: ROLE, lanes: Mapping[str, Sequence[Any]], steps: Sequence[Any]) -> Life:
    """Step a new role through one life."""
    inputs: dict[str, Any] = {
        lane: HistoryReader(
            lanes[lane], lane_of(lane).start, CATCH_UP if lane in NEWEST else 0, steps[0].cursors[PLACES[lane]]
        )
        for lane in (*INPUTS, *AGGREGATES)
        if lane in INPUTS or lane in lanes
    }
    begin = steps[0].cursors[OUTPUT_CURSOR]
    start = lane_of("intents").start
    own = HistoryReader(lanes["intents"], start, cursor=start, limit=begin)
    intents, recorded = CapturingWriter(begin), CapturingWriter()
    role = make_role(StrategyLanes(**inputs, positions=NoCells(), own=own, intents=intents, steps=recorded))
    for step in steps:
        open_up(inputs, step)
        intents.limit = step.cursors[OUTPUT_CURSOR] if step.cells[MARKS_CELL] & MARK_FULL else 1 << 63
        (role.drain if step.cells[MARKS_CELL] & MARK_DRAIN else role.step)(step.now_ns)
    return Life(begin, packed("intents", intents.rows), packed("steps", recorded.rows))


def open_up(inputs: Mapping[str, HistoryReader], step: Any) -> None:
    """Open the readers up to what the recorded step had read."""
    for lane, reader in inputs.items():
        reader.limit = step.cursors[PLACES[lane]]
        reader.lapped = bool(step.cells[LAPPED_CELL] >> PLACES[lane] & 1)


def differences(lives: Iterable[Life], lanes: Mapping[str, Sequence[Any]], steps: Sequence[Any]) -> list[str]:
    """The first differences between replayed and recorded lives; empty when all bytes are equal."""
    recorded, found = packed("intents", lanes["intents"]), []
    for number, (life, own_steps) in enumerate(zip(lives, cut_into_lives(steps), strict=True)):
        begin = life.first - lane_of("intents").start
        count = own_steps[-1].cursors[OUTPUT_CURSOR] - life.first
        for what, ours, theirs in (
            ("intent", life.intents, recorded[begin : begin + count]),
            ("step", life.steps, packed("steps", own_steps)),
        ):
            if ours != theirs:
                at = next(
                    (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
                    min(len(ours), len(theirs)),
                )
                found.append(f"life {number}: {what} {at} differs ({len(ours)} replayed, {len(theirs)} recorded)")
    return found

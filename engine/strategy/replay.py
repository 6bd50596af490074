"""Replays a strategy from its STEPS: the same class on the same lanes must submit the same intents, byte for byte.

1. STEPS is cut into lives: a record whose `step` is 0 begins a life.
2. For each life a new role reads from `HistoryReader`s. For each STEP every reader is opened up to the cursor that the
   step had read to; then the role steps once, at the recorded time.
3. The intents that it publishes are compared with its recorded intents lane.

A step that was killed between its intents and its STEP leaves intents that no replay can produce: they are after the
last STEP's cursor of that life, and the next life begins after them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shm
from engine.lanes import lane_of
from engine.lanes.memory import MemoryCells, MemoryReader, MemoryRing, ring_of
from engine.strategy.role.lane_inputs import CATCH_UP
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


class HistoryReader(MemoryReader):
    """Reads a lane's whole history up to `limit`. With `lapped` the next read returns a lap, as in the recorded step.

    A lapped reader still finds the last `window` records.
    """

    def __init__(self, ring: MemoryRing, cursor: int, window: int = 0, limit: int = 0) -> None:
        """Begin at this sequence."""
        super().__init__(ring, cursor)
        self.window, self.limit, self.lapped = window, limit, False

    @property
    def end(self) -> int:
        """Where the reader ends for now."""
        return self.limit

    def read_bytes(self) -> Any:
        """The next record up to the limit, then None."""
        if not self.lapped:
            return super().read_bytes()
        self.lapped, first = False, self.cursor
        self.cursor = max(self.cursor, self.limit - self.window)
        return shm.Lapped(first, self.cursor)


class RecordedIntents(MemoryRing):
    """An intents lane that is full at `limit`, where the recorded one was full."""

    limit = 1 << 63

    def has_room(self, count: int) -> bool:
        """Whether so many records may be published now."""
        return self.cursor + count <= self.limit


@dataclass(frozen=True, slots=True)
class Life:
    """The records of a replayed life: the sequence of its first intent, and every record's bytes."""

    first: int
    intents: list[bytes]
    steps: list[bytes]


def replay(make_role: ROLE, lanes: Mapping[str, Sequence[Any]], steps: Sequence[Any]) -> Iterator[Life]:
    """Replay every life; `lanes` holds the whole history of INPUTS, "intents" and the other lanes it reads."""
    history = {lane: ring_of(lane_of(lane), rows) for lane, rows in lanes.items()}
    for life in cut_into_lives(steps):
        yield replay_life(make_role, history, life)


def cut_into_lives(steps: Sequence[Any]) -> list[list[Any]]:
    """Cut STEPS where a step 0 begins a life."""
    lives: list[list[Any]] = []
    for step in steps:
        if step.step == 0:
            lives.append([])
        lives[-1].append(step)
    return lives


def replay_life(make_role: ROLE, history: Mapping[str, MemoryRing], steps: Sequence[Any]) -> Life:
    """Step a new role through one life."""
    inputs: dict[str, Any] = {
        lane: HistoryReader(history[lane], steps[0].cursors[PLACES[lane]], CATCH_UP if lane in NEWEST else 0)
        for lane in (*INPUTS, *AGGREGATES)
        if lane in INPUTS or lane in history
    }
    begin = steps[0].cursors[OUTPUT_CURSOR]
    own = HistoryReader(history["intents"], lane_of("intents").start, limit=begin)
    intents = RecordedIntents(lane_of("intents"), keep_all=True, first=begin)
    recorded, positions = MemoryRing(lane_of("steps"), keep_all=True), MemoryCells(lane_of("positions"))
    role = make_role(StrategyLanes(**inputs, positions=positions, own=own, intents=intents, steps=recorded))
    for step in steps:
        open_up(inputs, step)
        intents.limit = step.cursors[OUTPUT_CURSOR] if step.cells[MARKS_CELL] & MARK_FULL else 1 << 63
        (role.drain if step.cells[MARKS_CELL] & MARK_DRAIN else role.step)(step.now_ns)
    return Life(begin, intents.records(), recorded.records())


def open_up(inputs: Mapping[str, HistoryReader], step: Any) -> None:
    """Open the readers up to what the recorded step had read."""
    for lane, reader in inputs.items():
        reader.limit = step.cursors[PLACES[lane]]
        reader.lapped = bool(step.cells[LAPPED_CELL] >> PLACES[lane] & 1)


def differences(lives: Iterable[Life], lanes: Mapping[str, Sequence[Any]], steps: Sequence[Any]) -> list[str]:
    """The first differences between replayed and recorded lives; empty when all bytes are equal."""
    recorded, found = ring_of(lane_of("intents"), lanes["intents"]).records(), []
    for number, (life, own_steps) in enumerate(zip(lives, cut_into_lives(steps), strict=True)):
        begin = life.first - lane_of("intents").start
        count = own_steps[-1].cursors[OUTPUT_CURSOR] - life.first
        for what, ours, theirs in (
            ("intent", life.intents, recorded[begin : begin + count]),
            ("step", life.steps, ring_of(lane_of("steps"), own_steps).records()),
        ):
            if ours != theirs:
                at = next(
                    (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
                    min(len(ours), len(theirs)),
                )
                found.append(f"life {number}: {what} {at} differs ({len(ours)} replayed, {len(theirs)} recorded)")
    return found

"""Replays a strategy from its STEPS: the same class on the same lanes must submit the same intents, byte for byte.

1. STEPS is cut into lives: a record whose `step` is 0 begins a life.
2. For each life a new role reads from `HistoryReader`s. For each STEP every reader is opened up to the cursor that the
   step had read to; then the role steps once, at the recorded time.
3. The intents that it publishes are compared with its recorded intents lane.

A lane of several feeds or executions is named with its owner, as in the system: "ticks.east", "intents.main".

A step that was killed between its intents and its STEP leaves intents that no replay can produce: they are after the
last STEP's cursor of that life, and the next life begins after them.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import shm
from engine.lanes import Owners, lane_of
from engine.lanes.memory import MemoryCells, MemoryReader, MemoryRing, ring_of
from engine.model.step import Step, steps_of
from engine.strategy.role.lane_inputs import CATCH_UP
from engine.strategy.role.lanes import (
    AGGREGATES,
    LAPPED_CELL,
    LOADED_CELL,
    MARK_DRAIN,
    MARK_FULL,
    MARKS_CELL,
    OF_EXECUTIONS,
    OF_FEEDS,
    OF_ROUTER,
    OWN,
    StrategyLanes,
    places,
)
from engine.strategy.role.role import StrategyRole

ROLE = Callable[[StrategyLanes], StrategyRole]
DEFAULT = Owners()
NEWEST = ("books", "global_books")  # lanes whose newest record a lapped role still shows


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


class RecordedStates(MemoryCells):
    """The states that the replayed lives save: the next one loads the one that the recorded life has loaded.

    That is the newest, or the one before it where the process was killed between a STEP and its state, or the one that
    the life before has loaded where that one was killed before it saved a state.
    """

    def __init__(self) -> None:
        """Begin without a state."""
        super().__init__(lane_of("states"))
        self.loaded_ns = 0
        self._loaded: Any = None
        self._saved: deque[Any] = deque(maxlen=2)

    def write(self, index: int, *fields: Any) -> None:
        """Keep a state."""
        super().write(index, *fields)
        self._saved.append(super().read(index))

    def read(self, index: int = 0, /) -> Any:
        """Give the state that the life loads; None where it began without one."""
        del index
        self._loaded = self.find(self.loaded_ns)
        return self._loaded

    def find(self, now_ns: int) -> Any:
        """Give the state of this time that a life has saved or loaded; None without one."""
        found = (row for row in (*self._saved, self._loaded) if row is not None and row.now_ns == now_ns)
        return next(found, None)


class ReplayedRing(MemoryRing):
    """A lane that a replay writes; an intents lane is full at `limit`, where the recorded one was full."""

    limit = 1 << 63

    def has_room(self, count: int) -> bool:
        """Whether so many records may be published now."""
        return self.cursor + count <= self.limit

    def forget(self) -> list[bytes]:
        """Give the records that are kept, and keep them no longer."""
        records, self._records = self._records, []
        self._dropped += len(records)
        return records


@dataclass(frozen=True, slots=True)
class Life:
    """The records of a replayed life, in bytes: of each intents lane, with the sequence of the first; and the steps."""

    first: tuple[int, ...]
    intents: tuple[list[bytes], ...]
    steps: list[bytes]


class History:
    """Every record of the lanes that a strategy read and wrote, and the places of their cursors in its STEPS."""

    def __init__(self, rings: Mapping[str, MemoryRing], owners: Owners) -> None:
        """`rings` holds each lane, by its name; the owner may be left out where it is the only one."""
        self.rings = rings
        self.places = places(owners.feeds, owners.executions, owners.routers)
        self._routers = owners.routers

    def ring(self, kind: str, of: str) -> MemoryRing | None:
        """The records of a lane; None for a lane of the aggregation that the strategy did not read."""
        kind = OF_ROUTER[kind] if of in self._routers else kind
        return self.rings.get(f"{kind}.{of}") or self.rings.get(kind)

    def of_kind(self, kind: str) -> list[tuple[int, MemoryRing]]:
        """The lanes of a kind, each with its place."""
        found = [(place, self.ring(name, of)) for (name, of), place in self.places.items() if name == kind]
        return [(place, ring) for place, ring in found if ring is not None]


def replay(
    make_role: ROLE, lanes: Mapping[str, Sequence[Any]], steps: Sequence[Any], owners: Owners = DEFAULT
) -> Iterator[Life]:
    """Replay every life; `lanes` holds the whole history of the inputs, the own intents and what else was read."""
    history, states = History(rings_of(lanes), owners), RecordedStates()
    for life in cut_into_lives(steps):
        yield replay_life(make_role, history, list(steps_of(life)), states)


def rings_of(lanes: Mapping[str, Sequence[Any]]) -> dict[str, MemoryRing]:
    """A ring for the rows of each lane."""
    return {name: ring_of(lane_of(name), rows) for name, rows in lanes.items()}


def cut_into_lives(steps: Sequence[Any]) -> list[list[Any]]:
    """Cut the records of STEPS where a step 0 begins a life."""
    lives: list[list[Any]] = []
    for step in steps:
        if step.step == 0 and step.first == 0:
            lives.append([])
        lives[-1].append(step)
    return lives


def replay_life(make_role: ROLE, history: History, steps: Sequence[Step], states: RecordedStates) -> Life:
    """Step a new role through one life."""
    again = LifeReplay(make_role, history, steps[0], states)
    for step in steps:
        again.step(step)
    lanes = again.intents.values()
    return Life(tuple(lane.first for lane in lanes), tuple(lane.records() for lane in lanes), again.steps.records())


class LifeReplay:
    """A new role that is stepped through one recorded life."""

    def __init__(self, make_role: ROLE, history: History, first: Step, states: RecordedStates) -> None:
        """Open the lanes where this first step of the life began."""
        self._readers: dict[int, HistoryReader] = {}
        lanes: dict[str, Any] = {
            kind: tuple(open_kind(history, kind, first, self._readers)) for kind in (*OF_FEEDS, *OF_EXECUTIONS)
        }
        found = {kind: open_kind(history, kind, first, self._readers) for kind in ("commands", *AGGREGATES)}
        single: dict[str, Any] = {kind: of_kind[0] for kind, of_kind in found.items() if of_kind}
        begin = {place: first.cursors[place] for place, _ in history.of_kind(OWN)}
        start = lane_of(OWN).start
        own = tuple(HistoryReader(ring, start, limit=begin[place]) for place, ring in history.of_kind(OWN))
        self.intents = {place: ReplayedRing(lane_of(OWN), keep_all=True, first=at) for place, at in begin.items()}
        self.steps = ReplayedRing(lane_of("steps"), keep_all=True)
        positions = tuple(MemoryCells(lane_of("positions")) for _ in lanes["fills"])
        states.loaded_ns = first.cells[LOADED_CELL]
        written: dict[str, Any] = {"intents": tuple(self.intents.values()), "steps": self.steps, "states": states}
        self.role = make_role(StrategyLanes(**lanes, **single, **written, positions=positions, own=own))

    def step(self, step: Step) -> None:
        """Step the role once, with what the recorded step had read."""
        open_up(self._readers, step)
        for place, lane in self.intents.items():
            lane.limit = step.cursors[place] if step.cells[MARKS_CELL] & MARK_FULL else 1 << 63
        (self.role.drain if step.cells[MARKS_CELL] & MARK_DRAIN else self.role.step)(step.now_ns)


def open_kind(history: History, kind: str, first: Step, readers: dict[int, HistoryReader]) -> list[HistoryReader]:
    """Read the lanes of a kind from where the first step began; add each to `readers` at its place."""
    window = CATCH_UP if kind in NEWEST else 0
    found = {place: HistoryReader(ring, first.cursors[place], window) for place, ring in history.of_kind(kind)}
    readers.update(found)
    return list(found.values())


def open_up(readers: Mapping[int, HistoryReader], step: Step) -> None:
    """Open the readers up to what the recorded step had read."""
    for place, reader in readers.items():
        reader.limit = step.cursors[place]
        reader.lapped = bool(step.cells[LAPPED_CELL] >> place & 1)


def differences(
    lives: Iterable[Life], lanes: Mapping[str, Sequence[Any]], steps: Sequence[Any], owners: Owners = DEFAULT
) -> list[str]:
    """The first differences between replayed and recorded lives; empty when all bytes are equal."""
    history, found = History(rings_of(lanes), owners), []
    for number, (life, own_steps) in enumerate(zip(lives, cut_into_lives(steps), strict=True)):
        pairs = [("step", life.steps, ring_of(lane_of("steps"), own_steps).records())]
        pairs += zip(repeat("intent"), life.intents, written(history, life, own_steps), strict=False)
        found += [f"life {number}: {text}" for one in pairs if (text := difference(*one))]
    return found


def written(history: History, life: Life, steps: Sequence[Any]) -> Iterator[list[bytes]]:
    """The recorded intents of a life, of each lane."""
    *_, last = steps_of(steps)
    for (place, ring), first in zip(history.of_kind(OWN), life.first, strict=True):
        start = lane_of(OWN).start
        yield ring.records()[first - start : last.cursors[place] - start]


def difference(what: str, ours: list[bytes], theirs: list[bytes]) -> str:
    """The first difference between replayed and recorded records; empty when they are equal."""
    if ours == theirs:
        return ""
    differing = (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
    at = next(differing, min(len(ours), len(theirs)))
    return f"{what} {at} differs ({len(ours)} replayed, {len(theirs)} recorded)"

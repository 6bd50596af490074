"""Replays the recorded lives of a strategy, and compares each decision with the recorded one, byte for byte.

    STEPS ─▶ lives ─▶ for each STEP: a new role reads up to the recorded cursors, and steps once at the recorded time
                      its intents and its STEP are compared with the recorded ones; a life ends at its first difference

A decision is one intent. It counts as identical only when it was made again and every byte is equal. All others are
counted by the reason why they were not compared, so the parts always add up to the recorded intents:

    identical     made again, the same
    different     made again with another content, or made in only one of the two
    cut off       of a step whose process was killed before its STEP: what that step had read is not known
    after         after a difference in the same life
    lost          the recording lacks records that the strategy had read, or its STEPS
"""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from engine.model.step import Step, steps_of
from engine.strategy.replay import NEWEST, History, LifeReplay, RecordedStates
from engine.strategy.role.lane_inputs import CATCH_UP
from engine.strategy.role.lanes import (
    LAPPED_CELL,
    LOADED_CELL,
    OF_EXECUTIONS,
    OF_ROUTER,
    OWN,
    VERSION_CELL,
    StrategyLanes,
)
from engine.strategy.role.role import StrategyRole
from engine.strategy.role.saved import HALF
from research.parity.recorded.lane import RecordedLane, Rows
from research.simulate.offline import offline

CUT_OFF, AFTER, LOST = "cut_off", "after", "lost"  # why decisions are not compared: the fields of Decisions
MAKE = Callable[[StrategyLanes, int], StrategyRole]  # of the lanes, at a time
RECOVERED = (*OF_EXECUTIONS, *OF_ROUTER.values(), "commands")  # lanes that a new life reads from their beginning


@dataclass(frozen=True)
class Difference:
    """The first difference of a life."""

    life: int
    step: int
    at_ns: int
    what: str
    cursors: dict[str, int]  # how far the step had read each lane
    recorded: Any = None  # the row; None where only the replay has one
    replayed: Any = None
    fields: tuple[str, ...] = ()
    stack: str = ""  # of an error that the strategy raised


@dataclass
class Decisions:
    """What the replay of one strategy found."""

    strategy: str
    intents: int = 0  # recorded
    identical: int = 0
    different: int = 0
    cut_off: int = 0
    after: int = 0
    lost: int = 0
    steps: int = 0
    steps_identical: int = 0
    lives: int = 0
    extra: int = 0  # intents that only the replay made
    differences: list[Difference] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # what the recording lacks
    changed: list[str] = field(default_factory=list)  # what of the strategy is not as it was recorded

    @property
    def compared(self) -> int:
        """The decisions that could be compared: all but those that no replay can make."""
        return self.intents - self.cut_off

    @property
    def verdict(self) -> str:
        """In one word: different, partial where records are missing, identical."""
        if self.differences:
            return "different"
        return "partial" if self.missing or self.identical != self.compared else "identical"


class Recorded(NamedTuple):
    """What a strategy read and wrote in a session."""

    name: str
    steps: RecordedLane
    history: History
    places: dict[int, str]  # the lane of each place among a STEP's cursors


class Replayer:
    """Replays one strategy."""

    def __init__(self, recorded: Recorded, make: MAKE) -> None:
        """Compare nothing yet."""
        self._recorded, self._make = recorded, make
        self._own: dict[int, RecordedLane] = dict(recorded.history.of_kind(OWN))  # type: ignore[arg-type] # of this recording
        self._inputs: dict[int, RecordedLane] = {
            place: ring  # type: ignore[misc]
            for (kind, of), place in recorded.history.places.items()
            if kind != OWN and (ring := recorded.history.ring(kind, of)) is not None
        }
        self._states = RecordedStates()
        self._again: LifeReplay | None = None
        self._ended = ""  # why the rest of this life is not compared: a field of Decisions
        self._before: Step | None = None
        self._found = Decisions(recorded.name)

    def run(self) -> Decisions:
        """Replay every life."""
        found = self._found
        with offline(), quiet():
            for step in self._steps():
                self._follow(step)
        if not found.steps:
            self._end("every STEP of this strategy")
        self._count(self._ended or CUT_OFF, self._before, {place: lane.cursor for place, lane in self._own.items()})
        found.intents = sum(len(lane.rows) - lane.lost(lane.first, lane.cursor) for lane in self._own.values())
        return found

    def _steps(self) -> Iterator[Step]:
        """The recorded steps; a step without all its records is left out, and found by its number."""
        lane = self._recorded.steps
        rows = (lane.row(at) for at in range(lane.first, lane.cursor) if not lane.lost(at, at + 1))
        return steps_of(rows)

    def _follow(self, step: Step) -> None:
        """Replay and compare one step."""
        self._found.steps += 1
        before, self._before = self._before, step
        if step.step == 0:
            self._begin(step, before)
        elif not self._ended and (before is None or step.step != before.step + 1):
            self._end(f"STEPS between {before.step if before else 'the start'} and step {step.step}")
        if not self._ended:
            self._expect_inputs(before, step)
        since = before if step.step else step  # the step of a recovery submits nothing
        if self._ended:
            self._count(self._ended, since, self._cursors(step))
        else:
            self._compare(since, step)

    def _cursors(self, step: Step) -> dict[int, int]:
        """How far a step had written each lane of intents."""
        return {place: step.cursors[place] for place in self._own}

    def _begin(self, step: Step, before: Step | None) -> None:
        """Begin a life."""
        self._count(self._ended or (CUT_OFF if before is not None else LOST), before, self._cursors(step))
        self._found.lives += 1
        self._ended = ""
        if step.cells[LOADED_CELL] and self._states.find(step.cells[LOADED_CELL]) is None:
            self._end(f"life {self._found.lives} loads a state of a life that was not replayed to its end")
            return
        try:
            self._again = LifeReplay(
                lambda lanes: self._make(lanes, step.now_ns), self._recorded.history, step, self._states
            )
        except Exception:  # noqa: BLE001 - the strategy's constructor may raise anything
            self._differ(step, "the strategy cannot be made", stack=traceback.format_exc())

    def _expect_inputs(self, before: Step | None, step: Step) -> None:
        """Refuse a step that had read records which the recording does not have."""
        for place, lane in self._inputs.items():
            name = self._recorded.places[place]
            since = _read_since(name.partition(".")[0], place, before, step, lane.first)
            if lost := lane.lost(since, step.cursors[place]):
                self._end(f"{lost} records of {name} before {step.cursors[place]}, which step {step.step} read")
                return

    def _compare(self, before: Step | None, step: Step) -> None:
        """Step the role, and compare what it wrote."""
        assert self._again is not None, "a life has begun"
        assert before is not None, "a life begins with its first step"
        try:
            self._again.step(step)
        except Exception:  # noqa: BLE001 - a hook may raise anything
            self._differ(step, _raised(self._again.role), stack=traceback.format_exc())
            self._count(AFTER, before, self._cursors(step))
            return
        for place in self._again.intents:
            self._compare_intents(place, before, step)
        if not self._ended:
            self._compare_step(step)

    def _compare_intents(self, place: int, before: Step, step: Step) -> None:
        """Compare the intents of a step on one lane."""
        assert self._again is not None, "a life has begun"
        lane, ours = self._own[place], self._again.intents[place].forget()
        theirs = range(before.cursors[place], step.cursors[place])
        if lost := lane.lost(theirs.start, theirs.stop):
            self._found.lost += len(theirs) - lost
            self._end(f"{lost} intents of step {step.step}")
            return
        same = _equal(ours, (lane.record(at) for at in theirs))
        self._found.identical += same
        self._found.different += len(theirs) - same
        self._found.extra += max(0, len(ours) - len(theirs))
        if not self._ended and not same == len(ours) == len(theirs):
            recorded = lane.row(theirs[same]) if same < len(theirs) else None
            replayed = lane.codec.unpack(ours[same]) if same < len(ours) else None
            self._differ(step, "a decision differs", recorded, replayed)

    def _compare_step(self, step: Step) -> None:
        """Compare the STEP itself: what was read, and how much work was done."""
        assert self._again is not None, "a life has begun"
        steps = self._again.steps
        [ours] = steps_of(map(steps.codec.unpack, steps.forget()))
        self._note_version(ours, step)
        if _without_version(ours) == _without_version(step):
            self._found.steps_identical += 1
        else:
            self._differ(step, "the step did other work", step, ours)

    def _note_version(self, ours: Step, step: Step) -> None:
        """Note a strategy that is not the recorded one."""
        recorded, replayed = step.cells[VERSION_CELL], ours.cells[VERSION_CELL]
        for what, mask in (("the code", HALF), ("the parameters or instruments", HALF << 32)):
            if recorded and (recorded ^ replayed) & mask and what not in self._found.changed:
                self._found.changed.append(what)

    def _differ(self, step: Step, what: str, recorded: Any = None, replayed: Any = None, stack: str = "") -> None:
        """Note a difference, and end the comparison of this life."""
        cursors = {self._recorded.places[place]: step.cursors[place] for place in self._recorded.places}
        names = recorded._fields if recorded is not None and replayed is not None else ()
        fields = tuple(name for name in names if getattr(recorded, name) != getattr(replayed, name))
        self._found.differences.append(
            Difference(self._found.lives, step.step, step.now_ns, what, cursors, recorded, replayed, fields, stack)
        )
        self._ended = AFTER

    def _end(self, text: str) -> None:
        """End the comparison of this life, because the recording lacks something."""
        self._ended = LOST
        self._found.missing.append(text)

    def _count(self, reason: str, before: Step | None, until: Mapping[int, int]) -> None:
        """Count the recorded intents between a step and these cursors.

        A step that was cut off submitted all its intents at one time: those of several times are of several steps.
        """
        times = [self._times(place, before, until[place]) for place in self._own]
        moments = np.unique(np.concatenate(times))
        if reason == CUT_OFF and len(moments) > 1:
            reason = LOST
            self._found.missing.append(f"the STEPS of {len(moments)} steps at the end of life {self._found.lives}")
        setattr(self._found, reason, getattr(self._found, reason) + sum(map(len, times)))

    def _times(self, place: int, before: Step | None, until: int) -> Rows:
        """The times of the recorded intents of a lane from a step on."""
        lane = self._own[place]
        since = before.cursors[place] if before is not None else lane.first
        times = lane.rows["now_ns"][since - lane.first : max(since, until) - lane.first]
        return times[times > 0]


def _read_since(kind: str, place: int, before: Step | None, step: Step, first: int) -> int:
    """From which sequence on a step had read a lane."""
    lapped = step.cells[LAPPED_CELL] >> place & 1
    if kind in RECOVERED and (step.step == 0 or lapped):
        return first
    if before is None or step.step == 0:
        return step.cursors[place]
    return max(before.cursors[place], step.cursors[place] - (CATCH_UP if kind in NEWEST else 0) if lapped else 0)


def _raised(role: StrategyRole) -> str:
    """Where a hook has raised."""
    record = role.working_on()
    return "a hook raised an error" + (f" on record {record.sequence} of {record.lane}" if record is not None else "")


def _equal(ours: list[bytes], theirs: Iterator[bytes]) -> int:
    """How many records are equal, from the first on."""
    count = 0
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            break
        count += 1
    return count


def _without_version(step: Step) -> Step:
    return step._replace(cells=(*step.cells[:VERSION_CELL], 0))


@contextmanager
def quiet() -> Iterator[None]:
    """Let a replayed role log nothing: it would log yesterday's refusals as if they were of now."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)

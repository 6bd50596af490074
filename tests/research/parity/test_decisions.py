"""A strategy's decisions, made again from recorded lanes: counted by what a replay can show of each."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.lanes import Owners, lane_of
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import History
from engine.strategy.role.lanes import OWN, places
from engine.strategy.role.role import StrategyRole
from engine.strategy.samples import ImbalanceMaker
from research.parity.decisions import Decisions, Recorded, Replayer
from research.parity.recorded.lane import Chunk, RecordedLane
from tests.engine.strategy.conftest import BTC, ETH, NAME, NUMBER, System, system
from tests.engine.strategy.test_replay import maker, run
from tests.research.parity.moody import Late, Moody

__all__ = ["system"]
OWNERS = Owners((NAME,))


def recorded_lane(name: str, rows: list[Any], lost: set[int] | frozenset[int] = frozenset()) -> RecordedLane:
    """The lane that a recorder made of these rows, without the lost ones, the newest part first."""
    lane = lane_of(name)
    kept = [place for place in range(len(rows)) if lane.start + place not in lost]
    chunks = [
        Chunk(np.array(some) + lane.start, np.array([tuple(rows[place]) for place in some], lane.record.dtype))
        for some in (kept[len(kept) // 2 :], kept[: len(kept) // 2])
        if some
    ]
    return RecordedLane(lane, chunks)


def replay(system: System, make: Callable[[], Strategy], **lost: set[int]) -> Decisions:
    """Replay what a system's lanes hold, without the lost records of a lane."""
    named = places()
    rows: dict[str, list[Any]] = {**system.history, "steps": system.steps}
    lanes = {
        kind: recorded_lane(kind, rows.get(kind, []), lost.get(kind, set())) for kind in (*rows, *map(first, named))
    }
    history = History({kind: ring for kind, ring in lanes.items() if kind in rows and kind != "steps"}, OWNERS)
    recorded = Recorded(
        NAME, lanes["steps"], history, {place: ".".join(one).rstrip(".") for one, place in named.items()}
    )
    return Replayer(recorded, lambda own, _: StrategyRole(NAME, NUMBER, make(), own)).run()


def first(pair: tuple[str, str]) -> str:
    """The kind of a lane."""
    return pair[0]


def add_up(found: Decisions) -> bool:
    """Whether each recorded decision is counted once."""
    return found.intents == found.identical + found.different + found.cut_off + found.after + found.lost


@pytest.mark.parametrize("seed", range(3))
def test_every_decision_is_made_again_through_deaths_and_laps(system: System, seed: int) -> None:
    """A user believes a backtest only if yesterday's decisions can be made again."""
    print(f"seed {seed}")  # noqa: T201 - to run it again
    run(system, seed, maker)
    found = replay(system, maker)
    assert (found.verdict, found.differences, found.missing) == ("identical", [], [])
    assert found.identical == found.compared > 20
    assert found.lives > 1 or seed
    assert add_up(found)


@pytest.mark.parametrize("kind", [Moody, Late])
def test_a_strategy_that_asks_chance_or_the_clock_is_found(system: System, kind: type[Strategy]) -> None:
    """A replay that repeats chance checks nothing; the first decision that differs names the step and the field."""
    run(system, 1, lambda: kind((BTC, ETH), Strategy.Parameters()))
    found = replay(system, lambda: kind((BTC, ETH), Strategy.Parameters()))
    assert found.verdict == "different"
    assert add_up(found)
    [difference, *_] = found.differences
    assert "size" in difference.fields
    assert difference.recorded.size != difference.replayed.size
    assert difference.cursors["books.feed"] > 0


def test_other_parameters_are_named_beside_the_differences(system: System) -> None:
    """A user who has changed a parameter since must not search for a fault of the engine."""
    run(system, 1, maker)
    other = msgspec.structs.replace(maker().parameters, lean_steps=5)
    found = replay(system, lambda: ImbalanceMaker((BTC, ETH), other))
    assert found.verdict == "different"
    assert found.changed == ["the parameters or instruments"]
    assert add_up(found)


def test_a_lost_record_makes_a_comparison_partial(system: System) -> None:
    """A decision whose inputs are lost is not known to be the same, and must never count as identical."""
    run(system, 3, maker)
    read = system.steps[len(system.steps) // 2].cursors[places()["books", "feed"]] - 1
    found = replay(system, maker, books={read})
    assert found.verdict == "partial"
    assert any("books" in text for text in found.missing)
    assert 0 < found.identical < found.compared
    assert add_up(found)


def test_lost_steps_make_a_comparison_partial(system: System) -> None:
    """Without a STEP it is not known what the strategy had read."""
    run(system, 3, maker)
    found = replay(system, maker, steps={lane_of("steps").start + len(system.steps) // 2})
    assert found.verdict == "partial"
    assert any("STEPS" in text for text in found.missing)
    assert add_up(found)


class Raising(ImbalanceMaker):
    """Raises at a book that the recorded strategy liked."""

    def on_book(self, book: Book) -> None:
        """Fail at the hundredth book."""
        self.seen = getattr(self, "seen", 0) + 1
        if self.seen == 100:
            raise RuntimeError("the hundredth book")
        super().on_book(book)


def test_an_error_of_the_strategy_is_shown_with_its_stack(system: System) -> None:
    """An author mends a hook by its stack and its record, not by a count."""
    run(system, 1, maker)
    found = replay(system, lambda: Raising((BTC, ETH), maker().parameters))
    [difference, *_] = found.differences
    assert "the hundredth book" in difference.stack
    assert "on record" in difference.what
    assert "the code" in found.changed
    assert add_up(found)


def test_a_strategy_without_a_recorded_step_is_partial(system: System) -> None:
    """Nothing that was compared must not pass for identical."""
    run(system, 1, maker)
    start = lane_of("steps").start
    found = replay(system, maker, steps=set(range(start, start + len(system.steps))))
    assert (found.verdict, found.identical, found.steps) == ("partial", 0, 0)
    assert add_up(found)


def last_deciding_step(system: System) -> int:
    """The place of the last STEP that submitted an intent."""
    own = places()[OWN, "execution"]
    cursors = [step.cursors[own] for step in system.steps]
    return max(at for at in range(1, len(cursors)) if cursors[at] > cursors[at - 1] and system.steps[at].step)


def test_intents_of_a_step_without_its_record_are_cut_off(system: System) -> None:
    """A process that died between its intents and its STEP left decisions that no replay can make."""
    run(system, 1, maker)
    start, last = lane_of("steps").start, last_deciding_step(system)
    found = replay(system, maker, steps=set(range(start + last, start + len(system.steps))))
    assert (found.verdict, found.missing) == ("identical", [])
    assert found.cut_off > 0
    assert found.identical == found.compared
    assert add_up(found)


def test_intents_of_several_steps_without_a_record_are_lost(system: System) -> None:
    """A death cuts one step off; a recording that ends too early must not pass for one."""
    run(system, 1, maker)
    start = lane_of("steps").start
    found = replay(system, maker, steps=set(range(start + len(system.steps) // 2, start + len(system.steps))))
    assert found.verdict == "partial"
    assert any("at the end of life" in text for text in found.missing)
    assert add_up(found)

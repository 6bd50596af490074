"""A tick or a book on which the aggregation fails: it names the record, and its next life begins after it."""

from collections.abc import Iterable
from typing import Any

import pytest

from engine.aggregation.lanes import skip_records
from engine.model.words import BarFlag, BookState
from engine.role import WorkingOn
from tests.engine.aggregation import hands
from tests.engine.aggregation.hands import SECOND, System

OPEN = hands.open_aggregation_lanes
BIDS, ASKS = [(6_000_000, 500)], [(6_000_100, 500)]
HIGHER = [(6_000_050, 500)]


class Poisoned:
    """The writer of global books, which fails when it is asked to."""

    armed = False

    def __init__(self, lane: Any) -> None:
        """Around the real one."""
        self.lane = lane

    def __getattr__(self, name: str) -> Any:
        """All else is the lane's."""
        return getattr(self.lane, name)

    def publish_bytes(self, view: Any) -> Any:
        """Publish, or fail."""
        assert not self.armed, "the poisoned record"
        return self.lane.publish_bytes(view)


@pytest.fixture
def poisoned(system: System, monkeypatch: pytest.MonkeyPatch) -> System:
    """A life that has caught up, and whose next global book fails."""

    def opened(lanes: Any) -> Any:
        found = OPEN(lanes)
        found.global_books = Poisoned(found.global_books)
        return found

    monkeypatch.setattr(hands, "open_aggregation_lanes", opened)
    system.die()
    system.publish_book(1, BIDS, ASKS)
    system.step(SECOND)
    assert system.role.working_on() is None
    monkeypatch.setattr(Poisoned, "armed", True)
    return system


def begin_without(system: System, skips: Iterable[WorkingOn], monkeypatch: pytest.MonkeyPatch) -> None:
    """A life that leaves these records out, as `build` begins it."""

    def opened(lanes: Any) -> Any:
        found = OPEN(lanes)
        skip_records(found.feeds, skips)
        return found

    monkeypatch.setattr(hands, "open_aggregation_lanes", opened)
    system.die()


def test_the_failed_record_is_a_tick_where_a_tick_changed_the_book(poisoned: System) -> None:
    """The supervisor compares the records of two deaths: a name that is one off never repeats."""
    sequence = poisoned.ticks.cursor
    poisoned.publish_state(1, BookState.STALE)
    poisoned.publish_print(1, 6_000_000, 1, 1)
    with pytest.raises(AssertionError, match="the poisoned record"):
        poisoned.step(1)
    assert poisoned.role.working_on() == WorkingOn("ticks.feed", sequence, instrument=1)


def test_the_failed_record_is_a_book_where_a_book_changed_it(poisoned: System) -> None:
    """A book has no number of its own here: the place of its last tick is its number, in its cell as on the ring."""
    poisoned.publish_book(2, [(600_000, 10**6)], [(600_010, 10**6)])
    with pytest.raises(AssertionError, match="the poisoned record"):
        poisoned.step(1)
    assert poisoned.role.working_on() == WorkingOn("books.feed", poisoned.ticks.cursor, instrument=2)


@pytest.mark.parametrize(("leaves_out", "count", "partial"), [(False, 2, False), (True, 1, True)])
def test_a_life_that_leaves_a_print_out_begins_after_it_and_its_bar_is_partial(
    system: System, monkeypatch: pytest.MonkeyPatch, leaves_out: bool, count: int, partial: bool
) -> None:
    """A bar without one of its prints must not look whole."""
    system.publish_state(1, BookState.GOOD)
    system.publish_print(1, 6_000_000, 1, 1)
    system.step(2 * SECOND + 1)
    sequence = system.ticks.cursor
    system.publish_print(1, 7_777_777, 5, 2)
    system.publish_print(1, 6_000_000, 3, 3)
    begin_without(system, [WorkingOn("ticks.feed", sequence, instrument=1)] * leaves_out, monkeypatch)
    system.step(3 * SECOND)
    bar = [one for one in system.published("bars") if one.count][-1]
    assert (bar.count, bool(bar.flags & BarFlag.PARTIAL)) == (count, partial)


def test_a_book_that_is_left_out_is_not_read_from_its_cell_either(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell holds the same record: the next life would fail on it before it has read a ring."""
    system.publish_book(2, [(600_000, 10**6)], [(600_010, 10**6)])
    system.publish_book(1, BIDS, ASKS)
    skip = WorkingOn("books.feed", system.ticks.cursor, instrument=1)
    begin_without(system, [skip], monkeypatch)
    system.step(1)
    assert system.top().included == 0b10
    system.publish_book(1, HIGHER, ASKS)
    system.step(1)
    assert system.top().included == 0b11

"""When a process collects garbage: cycles are freed, and what is in use is not read twice."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from engine import garbage
from engine.garbage import GROWTH, YOUNG, IdleCollection


class Knot:
    """An object that refers to itself."""

    def __init__(self) -> None:
        """Tie it."""
        self.itself = self


@pytest.fixture(autouse=True)
def own_collector() -> Iterator[None]:
    """The collector is the whole process's: the other tests get it back as it was."""
    before = gc.get_threshold()
    gc.disable()
    yield
    gc.enable()
    gc.set_threshold(*before)
    gc.unfreeze()


def fill_young() -> list[list[int]]:
    """As many young objects as make an idle moment collect."""
    return [[] for _ in range(2 * YOUNG)]


def test_an_idle_moment_frees_young_cycles_and_freezes_what_is_in_use() -> None:
    """An order that is kept must be read by one collection only, and garbage by the first."""
    idle, knot = IdleCollection(), weakref.ref(Knot())
    kept = fill_young()
    idle.collect()
    assert knot() is None
    assert not any(one is kept[0] for one in gc.get_objects())
    assert gc.get_count()[0] < YOUNG


def test_few_young_objects_are_left_alone() -> None:
    """A collection in each idle round would cost the round more than its work."""
    idle = IdleCollection()
    gc.collect()
    knot = weakref.ref(Knot())
    idle.collect()
    assert knot() is not None


def test_a_frozen_cycle_is_freed_when_the_process_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage that was in use when it was frozen must not fill the memory over weeks."""
    monkeypatch.setattr(garbage, "LOOK_EACH", 1)
    memory = [0]
    idle, tied = IdleCollection(lambda: memory[0]), Knot()
    knot, kept = weakref.ref(tied), fill_young()
    idle.collect()
    del tied
    kept += fill_young()
    idle.collect()
    assert knot() is not None
    memory[0] = GROWTH
    kept += fill_young()
    idle.collect()
    assert knot() is None


def test_python_collects_only_young_objects_by_itself() -> None:
    """Its own collection of the older ones reads every order that execution keeps, in the middle of the work."""
    garbage.exclude_built()
    young, older, whole = gc.get_threshold()
    assert 0 < young < older == whole == garbage.NEVER

"""The world with a canceller: orders have an attendant, a living execution keeps its orders, planted bugs are found."""

from contextlib import AbstractContextManager
from functools import partial

import pytest

from engine.canceller.role import Canceller
from engine.canceller.sweep import Sweep
from engine.chaos.attended import AttendedWorld
from engine.chaos.world import Mishaps
from engine.loopback.binance.faults import FaultRates
from engine.model.words import CancelReason
from tests.engine.chaos.runs import opened, run_whole

SECONDS = 5.0
DEATHS = Mishaps(4_000_000_000, 0, 0, 0, FaultRates())


def world(seed: int, mishaps: Mishaps | None = None) -> AbstractContextManager[AttendedWorld]:
    """A world that is closed after the test in every case."""
    return opened(partial(AttendedWorld, mishaps=mishaps), seed)


def live(seed: int, mishaps: Mishaps | None = None) -> AttendedWorld:
    """A whole run with its end checked."""
    return run_whole(partial(AttendedWorld, mishaps=mishaps), seed, SECONDS)


@pytest.mark.parametrize("seed", [3, pytest.param(17, marks=pytest.mark.soak)])
def test_no_order_stays_open_without_an_attendant_and_no_living_execution_loses_one(seed: int) -> None:
    """Whatever dies or freezes, the canceller included, and whichever request is lost."""
    made = live(seed)
    assert made.counts["cancels_in_place"] > 0
    assert made.invariants.counts["orders"] > 0


@pytest.mark.soak
def test_many_seeds_hold_the_same() -> None:
    """A rare order of events needs many tries."""
    cancels = sum(live(seed).counts["cancels_in_place"] for seed in range(100, 120))
    assert cancels > 0


def is_found(seed: int) -> bool:
    """Whether this seed breaks an invariant of the canceller."""
    try:
        live(seed, DEATHS)
    except AssertionError as error:
        return "attendant" in str(error) or "living" in str(error)
    return False


def find() -> int:
    """The first of a thousand seeds that does."""
    return next(seed for seed in range(1, 1_000) if is_found(seed))


def test_a_canceller_that_never_cancels_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: a check that cannot fail proves nothing."""
    monkeypatch.setattr(Canceller, "_reason", lambda *_: CancelReason.NONE)
    print("found by seed", find())  # noqa: T201 - to run it again


def test_a_canceller_that_does_not_spare_a_new_life_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second canary: without the bound of a new life, and of a ready execution, it cancels what that places."""
    monkeypatch.setattr(Sweep, "_may_end", lambda sweep, order: order.client_id.startswith(sweep.mark))
    monkeypatch.setattr("engine.canceller.vitals.Vitals.attended", property(lambda _: False))
    print("found by seed", find())  # noqa: T201 - to run it again

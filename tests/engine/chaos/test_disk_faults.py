"""The world with a disk that has no room: nothing is lost, only exits leave, and planted bugs are found."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.chaos.disk_faults import DiskFaultWorld
from engine.execution.gate_state import GateState
from engine.execution.journal.journal import Journal
from tests.engine.chaos.runs import run_whole

SECONDS = 3.0
SETTLE = Journal.settle


def live(seed: int) -> DiskFaultWorld:
    """A whole run with its end checked."""
    return run_whole(DiskFaultWorld, seed, SECONDS)


def test_a_disk_without_room_loses_nothing_and_lets_exits_go() -> None:
    """A full disk is found on the day when everything writes most."""
    made = live(2)
    assert made.counts["intervals_without_room"] > 0
    assert made.counts["requests_without_room"] > 0


@pytest.mark.soak
def test_many_seeds_hold_the_same() -> None:
    """A failed flush, a death and a full disk must meet in every order."""
    counts = [live(seed).counts for seed in range(100, 112)]
    assert sum(one["deaths_of_a_failed_flush"] for one in counts) > 0
    assert sum(one["exits_without_room"] for one in counts) > 0


def enter_always(state: GateState) -> int:
    """A gate that does not know the disk."""
    del state
    return 0


def drop(journal: Journal, now_ns: int, *, idle: bool = True) -> None:
    """A journal that keeps nothing in memory while the disk has no room."""
    if journal.file.full:
        journal._pending.clear()
    SETTLE(journal, now_ns, idle=idle)


@pytest.mark.parametrize(
    ("where", "name", "planted", "seed", "found"),
    [
        (GateState, "_exits_only", enter_always, 2, "left while the disk has no room"),
        pytest.param(Journal, "settle", drop, 2, "of its records", marks=pytest.mark.soak),
    ],
    ids=["entries go on", "records dropped"],
)
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, where: type, name: str, planted: Callable[..., Any], seed: int, found: str
) -> None:
    """The canary: a check that cannot fail proves nothing."""
    monkeypatch.setattr(where, name, planted)
    with pytest.raises(AssertionError, match=found):
        live(seed)

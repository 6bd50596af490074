"""The world with the whole supervisor: its promises hold through every death, its own too; planted bugs are found."""

from typing import Any

import pytest

from engine.chaos.supervised import FOREVER_NS, SupervisedWorld
from engine.chaos.world import Mishaps
from engine.execution.supervisor_silence import SupervisorSilence
from engine.loopback.binance.faults import FaultRates
from engine.supervisor.keeper import Keeper
from engine.supervisor.policies import Policies
from engine.supervisor.processes.freeze import Judge
from engine.supervisor.processes.watch import Phase, Watch
from tests.engine.chaos.runs import run_whole

SECONDS = 3.0


class LoneWorld(SupervisedWorld):
    """Only the supervisor dies: the roles that live send orders through its silence."""

    command_ns = FOREVER_NS

    def __init__(self, seed: int) -> None:
        """No role dies."""
        super().__init__(seed, Mishaps(0, 0, 0, 0, FaultRates()))

    def _draw_fates(self) -> None:
        """No role freezes or fails."""


def live(seed: int, make: type[SupervisedWorld] = SupervisedWorld) -> SupervisedWorld:
    """A whole run with its end checked."""
    return run_whole(make, seed, SECONDS)


def test_every_role_runs_again_and_none_has_a_twin() -> None:
    """A role that stays dead leaves its orders alone; two of one role send every order twice."""
    made = live(1)
    assert made.counts["deaths_of_the_supervisor"] > 0
    assert made.counts["deaths_by_the_supervisor"] > 0
    assert made.invariants.counts["orders"] > 0


@pytest.mark.soak
def test_many_seeds_hold_the_same_and_meet_every_decision() -> None:
    """A rare order of events needs many tries; a decision that is never met is not checked."""
    counts = [live(seed).counts for seed in range(100, 130)]
    for what in ("parked", "silences", "exits_in_a_silence", "messages_after_a_silence", "policies_flatten"):
        assert sum(one[what] for one in counts) > 0, what


def adopt_nothing(keeper: Keeper, now_ns: int) -> None:
    """A supervisor that does not look for running processes."""
    del keeper, now_ns


def follow_nothing(policies: Policies, roles: Any, halt: Any, now_ns: int) -> None:
    """A death without its policy."""
    del policies, roles, halt, now_ns


def never(judge: Judge, age_ns: int, *, starting: bool) -> str:
    """No process is frozen."""
    del judge, age_ns, starting
    return ""


def kill_late(watch: Watch, age_ns: int, now_ns: int, *, starting: bool) -> int:
    """A role is killed as soon as a heartbeat is some milliseconds old."""
    late = age_ns > 5_000_000 and not starting and not watch._killed
    return watch._kill("late", now_ns) if late else 0


def due_always(watch: Watch, now_ns: int) -> bool:
    """A parked process is started like a waiting one."""
    return watch.phase in (Phase.WAITING, Phase.PARKED) and now_ns >= watch.start_ns


def notice_nothing(silence: SupervisorSilence, now_ns: int) -> None:
    """An execution that does not notice the silence."""
    del silence, now_ns


PLANTED = {
    "a running role is not adopted": (SupervisedWorld, 2, Keeper, "_adopt", adopt_nothing, "a twin of"),
    "a policy is not followed": (SupervisedWorld, 2, Policies, "follow", follow_nothing, "followed its death"),
    "a kill while it drains is no death": (
        SupervisedWorld, 14, Watch, "_beat_stopped", lambda _: True, "followed its death"
    ),
    "a frozen role is not found": (SupervisedWorld, 1, Judge, "verdict", never, "has not run for"),
    "a role that steps is killed": (SupervisedWorld, 1, Watch, "_check_frozen", kill_late, "and it steps"),
    "a parked role is started": (SupervisedWorld, 8, Watch, "_due", due_always, "is parked, and"),
    "entries go on in a silence": (LoneWorld, 8, SupervisorSilence, "judge", notice_nothing, "supervisor is silent"),
}  # fmt: skip


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    """The canary: a check that cannot fail proves nothing."""
    make, seed, where, name, planted, found = PLANTED[bug]
    monkeypatch.setattr(where, name, planted)
    with pytest.raises(AssertionError, match=found):
        live(seed, make)


@pytest.mark.soak
def test_the_same_seeds_hold_without_the_bugs() -> None:
    """Else the canaries find something else."""
    for make, seed in {(make, seed) for make, seed, *_ in PLANTED.values()}:
        live(seed, make)

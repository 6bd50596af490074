"""Algorithms, stops, an operator, breakers of each policy and the monitor at once, through every death."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from engine.execution.monitor_watch import MonitorWatch
from engine.monitor.recount.sums import Sums
from engine.risk.gate import RiskGate
from tests.engine.chaos.everything import EverythingWorld
from tests.engine.chaos.runs import run_whole

SECONDS, SOAK_SECONDS = 1.5, 4.0
QUICK = 36  # a seed whose breakers trip early
ADD, NOTE = Sums.add, MonitorWatch._note


def live(seed: int, seconds: float = SOAK_SECONDS) -> EverythingWorld:
    """A whole run with its end checked."""
    return run_whole(EverythingWorld, seed, seconds)


def live_many(count: int) -> Counter[str]:
    """The first seeds; what they counted together."""
    counts = Counter[str]()
    for seed in range(1, count + 1):
        made = live(seed)
        counts += Counter(made.counts) + Counter(made.invariants.counts)
    return counts


def test_everything_at_once_holds() -> None:
    """What holds alone may not hold together: a breaker trips while an algorithm works and the monitor is dead."""
    made = live(QUICK, SECONDS)
    assert made.counts["turns_tripped"] > 0
    assert made.counts["monitored"] == made.invariants.counts["fills"] > 0
    assert made.counts["deaths_in_step"] + made.counts["deaths_between_steps"] > 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_many_seeds_hold_the_same() -> None:
    """A rare order of events needs many tries."""
    counts = live_many(50)
    wanted = ("turns_tripped", "exits_with_a_breaker", "exits_without_the_monitor", "monitored", "commands_followed")
    assert {name: counts[name] for name in wanted if not counts[name]} == {}


def add_less(sums: Sums, fill: Any) -> None:
    """A monitor that leaves out one fill of each position."""
    if sums.fill_count != 2:
        ADD(sums, fill)
    else:
        sums.fill_count += 1


def note_nothing(watch: MonitorWatch, silent_ns: int) -> None:
    """An execution that does not notice that the monitor is silent."""
    NOTE(watch, silent_ns)
    watch.silent = False


def close_nothing(gate: RiskGate, closed: Any) -> None:
    """A gate that does not know which breakers have tripped."""
    del gate, closed


@pytest.mark.parametrize(
    ("where", "name", "planted", "found"),
    [
        (Sums, "add", add_less, "the monitor disagrees"),
        pytest.param(MonitorWatch, "_note", note_nothing, "left while the monitor is silent", marks=pytest.mark.soak),
        (RiskGate, "close_entries", close_nothing, "left while a breaker refuses entries"),
    ],
    ids=["a fill left out", "entries without the monitor", "entries with a tripped breaker"],
)
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, where: type, name: str, planted: Callable[..., Any], found: str
) -> None:
    """The canary: a check that cannot fail proves nothing."""
    monkeypatch.setattr(where, name, planted)
    with pytest.raises(AssertionError, match=found):
        live_many(50)

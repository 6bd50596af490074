"""The world with an operator: commands hold through every death, and planted bugs are found."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.chaos.commanded import CommandedWorld
from engine.execution.commands import Commands
from engine.execution.flatten.flatten import Flatten
from engine.execution.scopes import Scopes
from tests.engine.chaos.runs import run_whole

SECONDS = 2.0
APPLY = Scopes._apply


def live(seed: int) -> CommandedWorld:
    """A whole run with its end checked."""
    return run_whole(CommandedWorld, seed, SECONDS)


def test_every_command_holds_through_every_death() -> None:
    """A halt that a death lifts sends orders; a flattening that is not one leaves a position unwatched."""
    made = live(1)
    assert made.counts["deaths_of_the_supervisor"] > 0
    assert made.counts["commands_followed"] > 0
    assert made.flat.checked > 0


@pytest.mark.soak
def test_many_seeds_hold_the_same() -> None:
    """A rare order of events needs many tries."""
    assert sum(live(seed).invariants.counts["orders"] for seed in range(100, 112)) > 0


def close_all(scopes: Scopes) -> None:
    """A halt that closes positions as a flattening does."""
    APPLY(scopes)
    scopes.flattening = dict(scopes.held)


def repeat(commands: Commands, life: int, cursor: int) -> None:
    """A new life that carries out again what the one before it carried out."""
    del life, cursor
    commands._settings.restore(commands._lane)


def lose(commands: Commands, life: int, cursor: int) -> None:
    """A new life that begins with the next command."""
    del life, cursor
    commands._settings.restore(commands._lane)
    commands._lane.cursor = commands._lane.end


def close_nothing(flatten: Flatten, scope: Any, now_ns: int) -> tuple[()]:
    """A flattening that closes no position."""
    del flatten, scope, now_ns
    return ()


@pytest.mark.parametrize(
    ("where", "name", "planted", "seed", "found"),
    [
        (Scopes, "_apply", close_all, 1, "closes what is not flattened"),
        (Commands, "restore", repeat, 3, "lost or followed twice"),
        pytest.param(Commands, "restore", lose, 5, "lost or followed twice", marks=pytest.mark.soak),
        (Flatten, "_left", close_nothing, 1, "is called flat"),
    ],
    ids=["a halt closes positions", "commands repeated", "commands lost", "nothing closed"],
)
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, where: type, name: str, planted: Callable[..., Any], seed: int, found: str
) -> None:
    """The canary: a check that cannot fail proves nothing."""
    monkeypatch.setattr(where, name, planted)
    with pytest.raises(AssertionError, match=found):
        live(seed)

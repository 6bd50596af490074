"""The world with an operator: commands hold through every death, and planted bugs are found."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.chaos.commanded import OPERATOR, RATES, CommandedWorld
from engine.chaos.world import Mishaps
from engine.execution.commands import Commands
from engine.execution.flatten.flatten import Flatten
from engine.execution.scopes import Scopes
from engine.execution.settings import Settings
from engine.loopback.binance.faults import FaultRates
from engine.model.scope import Scope
from engine.model.words import CommandKind
from tests.engine.chaos.runs import run_whole

SECONDS = 2.0
APPLY = Scopes._apply
DEATHS = Mishaps(200_000_000, 0, 0, 0, FaultRates())


class OneCommandWorld(CommandedWorld):
    """Deaths and one kind of command: the halt of an instrument, or the rate that risk allows.

    The strategies do not see the halt of an instrument: they keep sending entries, and execution alone refuses them.
    """

    kind = CommandKind.HALT

    def __init__(self, seed: int) -> None:
        """The only faults are deaths."""
        super().__init__(seed, DEATHS)

    def _command_drawn(self) -> None:
        self._do(self.kind, self._draws.choice([Scope(instrument=one.id) for one in self.instruments]))

    def _set(self) -> None:
        self.settings.change(
            "risk", {"max_order_rate_per_min": self._draws.choice(RATES)}, (), (), OPERATOR, self.now_ns
        )


class OneLimitWorld(OneCommandWorld):
    """The same, with the rate."""

    kind = CommandKind.SET


class LastingHaltWorld(OneCommandWorld):
    """An instrument stays halted over many deaths of execution: nothing resumes it before the end."""

    command_ns, resume_ns = 1_500_000_000, 100_000_000_000


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


def ignore(scopes: Scopes) -> None:
    """A gate that does not know what is halted."""
    scopes.flattening = {scope: one for scope, one in scopes.held.items() if one.flattens}


def forget(*_: Any) -> None:
    """A new life that does not read what the journal or COMMANDS has of it."""


@pytest.mark.parametrize(
    ("make", "seconds", "where", "name", "planted", "seed", "found"),
    [
        (OneCommandWorld, SECONDS, Scopes, "_apply", ignore, 2, "sent while halted"),
        (OneLimitWorld, SECONDS, Settings, "restore", forget, 1, "the rate is"),
        (LastingHaltWorld, 4.0, Scopes, "restore", forget, 6, "sent while halted"),
    ],
    ids=["an entry sent while halted", "a limit forgotten at a restart", "a halt forgotten at a restart"],
)
def test_a_halt_or_a_limit_that_does_not_hold_is_found(
    monkeypatch: pytest.MonkeyPatch, make: type[OneCommandWorld], seconds: float, where: type, name: str, planted: Any,
    seed: int, found: str,
) -> None:  # fmt: skip
    """The canary of what an operator relies on; without the bug the same seed passes."""
    with monkeypatch.context() as patch:
        patch.setattr(where, name, planted)
        with pytest.raises(AssertionError, match=found):
            run_whole(make, seed, seconds)
    assert run_whole(make, seed, seconds).counts["commands_followed"] > 0


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

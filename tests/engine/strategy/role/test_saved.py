"""A strategy's own state after a death at any moment: each fill is in it once, and no order is submitted twice."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from engine.lanes import STRATEGY, open_lanes
from engine.model.records import STATE_BYTES
from engine.model.words import BUY, SELL, Reason
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.lanes import open_strategy_lanes
from engine.strategy.role.role import StrategyRole
from tests.engine.strategy.conftest import BTC, ETH, NAME, NUMBER, System, begin, full


class Killed(BaseException):
    """The process ends here."""


class Counting(Strategy):
    """Counts what it sees, and hedges each fill."""

    class Parameters(msgspec.Struct, frozen=True):
        """Of this test."""

        size: int = 1

    class State(msgspec.Struct):
        """What it has counted."""

        bought: int = 0
        books: int = 0
        refused: int = 0
        orders: int = 0

    effect: Callable[[str], None] = staticmethod(lambda _: None)

    def on_start(self) -> None:
        """Nothing is counted."""
        self.state = self.State()

    def on_book(self, book: Any) -> None:
        """Count."""
        del book
        self.state.books += 1

    def on_fill(self, fill: Any) -> None:
        """Count, and hedge."""
        self.state.bought += fill.side * fill.size
        self.effect("before the intent")
        self.enter(self.instruments[fill.instrument], SELL, fill.size, 100)
        self.effect("after the intent")

    def on_refusal(self, verdict: Any) -> None:
        """Count."""
        del verdict
        self.state.refused += 1

    def on_order(self, order: Any) -> None:
        """Count."""
        del order
        self.state.orders += 1

    def save(self) -> Any:
        """All of it."""
        return self.state

    def load(self, state: Any) -> None:
        """All of it."""
        self.state = state


class MortalCells:
    """The cell of states; the process may end before or after a write."""

    def __init__(self, cells: Any, effect: Callable[[str], None]) -> None:
        """Wrap the cell."""
        self._cells, self._effect, self.read, self.close = cells, effect, cells.read, cells.close

    def write(self, *fields: Any) -> None:
        """Write, if the process lives."""
        self._effect("before the state")
        self._cells.write(*fields)
        self._effect("after the state")


EFFECTS = ("before the intent", "after the intent", "before the state", "after the state")


def life(system: System, effect: Callable[[str], None], strategy: Strategy | None = None) -> tuple[StrategyRole, Any]:
    """A life that calls `effect` at each of its effects."""
    made = strategy or Counting((BTC, ETH), Counting.Parameters())
    made.__dict__["effect"] = effect
    lanes = open_strategy_lanes(open_lanes(system.name, STRATEGY, NAME, system.owners), NUMBER)
    lanes = replace(lanes, states=MortalCells(lanes.states, effect))
    system.opened.append(lanes)
    return StrategyRole(NAME, NUMBER, made, lanes), made


def nothing(_: str) -> None:
    """The process lives."""


def again(system: System) -> list[str]:
    """What a replay of every life decides otherwise."""
    steps, history = system.steps, system.history
    lives = replay(lambda lanes: StrategyRole(NAME, NUMBER, Counting((BTC, ETH), Counting.Parameters()), lanes),
                   history, steps)  # fmt: skip
    return differences(lives, history, steps)


@pytest.mark.parametrize("dies_at", EFFECTS)
def test_after_a_death_at_any_effect_each_fill_is_in_the_state_once(system: System, dies_at: str) -> None:
    """An average price that misses a fill, or has it twice, is a wrong stop; a hedge submitted twice is a position."""
    role, _ = life(system, lambda effect: die() if armed and effect == dies_at else None)
    armed = False

    def die() -> None:
        raise Killed

    begin(role)
    system.book([(99, 1)], [(101, 1)])
    system.fill(7, BUY, 3)
    role.step(1_010)
    armed = True
    system.fill(8, BUY, 5)
    with pytest.raises(Killed):
        role.step(1_020)
    system.kill()
    system.fill(9, BUY, 2)
    system.verdict(10, Reason.ORDER_RATE)
    role, strategy = life(system, nothing)
    begin(role, 9_000)
    assert msgspec.to_builtins(strategy.state) == {"bought": 10, "books": 1, "refused": 1, "orders": 0}
    assert strategy.position(BTC) == 10
    hedges = [intent.size for intent in system.intents]
    assert hedges == [3] if dies_at == "before the intent" else hedges == [3, 5]
    assert not strategy.draining
    system.fill(11, BUY, 4)
    role.step(9_100)
    assert [intent.size for intent in system.intents][-1] == 4
    assert again(system) == []


@pytest.mark.parametrize("seed", [278_853_662, 1, 2])
def test_many_lives_count_as_one(system: System, seed: int) -> None:
    """Deaths at random effects, one after the other, also before a life has saved anything of its own."""
    draw, bought = random.Random(seed), 0

    def effect(_: str) -> None:
        if draw.random() < 0.15:
            raise Killed

    begin(life(system, nothing)[0], 500)  # before its first state a strategy has counted nothing
    system.kill()
    now_ns, strategy = 1_000, None
    for _ in range(40):
        role, strategy = life(system, effect)
        try:
            for _ in range(draw.randrange(1, 9)):
                now_ns += 10
                role.step(now_ns)
                if draw.random() < 0.6:
                    size = draw.randrange(1, 9)
                    bought += size
                    system.fill(1, BUY, size)
        except Killed:
            pass
        system.kill()
        system.accept(len(system.intents))
    role, strategy = life(system, nothing)
    begin(role, now_ns + 100)
    assert strategy.state.bought == bought, f"seed {seed}"
    assert again(system) == [], f"seed {seed}"


def refused(system: System, caplog: pytest.LogCaptureFixture, strategy: Strategy) -> str:
    """Why the next life does not load the state."""
    system.kill()
    caplog.clear()
    role, _ = life(system, nothing, strategy)
    begin(role, 9_000)
    return next((one.message for one in caplog.records if "not loaded" in one.message), "")


def test_a_state_of_other_code_or_parameters_is_not_loaded(system: System, caplog: pytest.LogCaptureFixture) -> None:
    """What an earlier version counted may mean something else now."""

    class Other(Counting):
        """Another class of the same module."""

    begin(life(system, nothing)[0])
    other = Other((BTC, ETH), Other.Parameters())
    assert refused(system, caplog, other) == "its saved state is not loaded: it was saved with other code"
    text = refused(system, caplog, Counting((BTC,), Counting.Parameters(2)))
    assert text == "its saved state is not loaded: it was saved with other code and parameters"
    assert refused(system, caplog, Counting((BTC,), Counting.Parameters(2))) == ""


def test_a_state_of_another_run_is_not_loaded(system: System, caplog: pytest.LogCaptureFixture) -> None:
    """Its cursors are of lanes that are gone."""
    begin(life(system, nothing)[0])
    cell = role_cell(system)
    system.kill()
    system.writer("states").write(0, *cell._replace(lanes=cell.lanes ^ 1))
    system.writers.pop(full("states")).close()
    assert "other lanes" in refused(system, caplog, Counting((BTC, ETH), Counting.Parameters()))


def role_cell(system: System) -> Any:
    """What is saved now."""
    return system.opened[-1].states.read(0)


def test_a_state_that_is_too_large_stops_the_strategy_with_its_size(system: System) -> None:
    """A state that grows without a bound must not be cut, and not be lost in silence."""
    role, strategy = life(system, nothing)
    begin(role)
    strategy.state = "x" * STATE_BYTES
    system.fill(7, SELL, 3, strategy=NUMBER + 1)
    with pytest.raises(ValueError, match=r"Counting.save\(\) gave 15827 bytes, expected 15824 at most: keep less"):
        role.step(2_000)

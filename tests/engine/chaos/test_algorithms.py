"""The world's taker with execution algorithms: every invariant holds through every mishap."""

from collections.abc import Mapping
from typing import Any

import pytest

import shm
from engine.chaos.world import World
from engine.model import algorithms
from engine.model.words import OrderFlag, ParentStatus
from engine.strategy.api.strategy import Strategy
from tests.engine.chaos.asking import Asking, Closing, Opposing, PairsThere, Waiting, WaitingThere
from tests.engine.chaos.runs import opened, run_whole

SECONDS, LEAST_KINDS = 3.0, 2


class Algorithms(World):
    """A world whose taker asks for algorithms."""

    kind: type[Asking] = Asking

    def make_strategy(self, name: str) -> Strategy:
        """The taker asks, the maker is as ever."""
        if name != "taker":
            return super().make_strategy(name)
        return self.kind(tuple(one for one in self.instruments if one.symbol == "ETHUSDT"), self.kind.Parameters())


class Triggers(Algorithms):
    """A world whose taker asks for stops, pairs and brackets."""

    kind = Waiting


class Natives(Algorithms):
    """A world whose taker asks for orders that wait at the venue."""

    kind = WaitingThere


class Pairs(Algorithms):
    """A world whose taker asks for pairs at the venue."""

    kind = PairsThere


class Closings(Algorithms):
    """A world whose taker closes as well."""

    kind = Closing


class Netted(World):
    """A world of two strategies that ask for opposite sides, and are netted."""

    execution_options: Mapping[str, Any] = {"netting": True}

    def make_strategy(self, name: str) -> Strategy:
        """Both ask, for opposite sides."""
        instruments = tuple(one for one in self.instruments if one.symbol == "ETHUSDT")
        return Opposing(instruments, Opposing.Parameters(phase=("maker", "taker").index(name)))


@pytest.mark.parametrize("seed", [2, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 100))])
def test_the_invariants_hold_while_two_strategies_are_netted(seed: int) -> None:
    """Half an internal fill is a position that one strategy believes in, and another has given away."""
    made = run_whole(Netted, seed, SECONDS)
    if seed == 2:
        assert made.counts["deaths_in_step"] + made.counts["deaths_between_steps"] > 0
        assert made.invariants.counts["netted"] > 0


@pytest.mark.parametrize("world", [Algorithms, Triggers, Natives, Pairs, Closings])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 100))])
def test_the_invariants_hold_with_every_algorithm_at_work(world: type[World], seed: int) -> None:
    """A death in an algorithm's step must neither lose nor double an order, nor leave one at the venue."""
    with opened(world, seed) as made:
        parents, orders = made.lanes.reader("parents"), made.lanes.reader("orders")
        made.run(SECONDS)
        made.settle()
        made.check_end()
        last = {row.intent_id: row for row in parents.rows() if not isinstance(row, shm.Lapped)}
        assert {row.status for row in last.values()} <= {ParentStatus.DONE}
        if seed == 1:  # elsewhere mishaps may leave execution without a session for the whole run
            assert len({row.algorithm for row in last.values()}) >= LEAST_KINDS
            assert made.counts["deaths_in_step"] + made.counts["deaths_between_steps"] > 0
        if world is Pairs and seed == 1:
            done = [row for row in orders.rows() if not isinstance(row, shm.Lapped) and row.flags & OrderFlag.PAIRED]
            assert any(row.filled for row in done)
        if world is Closings and seed == 1:
            assert any(algorithms.closes(row.algorithm) and row.filled for row in last.values())

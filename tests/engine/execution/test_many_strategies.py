"""Forty strategies and execution in one system, in memory: each step has the cursor of every lane."""

from functools import partial
from pathlib import Path

from engine.lanes import LOOKERS, STRATEGY
from engine.model.step import steps_of
from engine.strategy.replay import differences, replay
from engine.strategy.role.lanes import INPUTS, StrategyLanes, open_strategy_lanes
from engine.strategy.role.role import StrategyRole
from engine.strategy.samples import ImbalanceMaker
from tests.engine.execution.memory import BTC, MS, House

NAMES = {number: f"maker{number}" for number in range(3, 43)}


class Desk(House):
    """A house whose lanes are a whole system's, so that strategies run beside execution."""

    def power_on(self) -> None:
        """The lanes of all strategies, and the strategies on them."""
        super().power_on()
        self.strategies = {number: self.make_strategy(number, index) for index, number in enumerate(NAMES)}

    @property
    def names(self) -> dict[int, str]:
        """The strategies' names by number."""
        return NAMES

    def make_strategy(self, number: int, index: int) -> StrategyRole:
        """A strategy on the lanes that the door gives it."""
        return strategy(number, open_strategy_lanes(self.memory.open_lanes(STRATEGY, NAMES[number]), index))

    def records(self, name: str) -> list[object]:
        """Every record of a lane."""
        reader = self.memory.open_lanes(LOOKERS).ring_reader(*name.split(".", 1))
        reader.cursor = 0
        return list(iter(reader.read, None))

    def trade(self, steps: int) -> None:
        """A market that moves, and everybody's steps."""
        for step in range(steps):
            self.book(6_000_000 + 300 * (step % 7), 6_000_100 + 300 * (step % 7), imbalance=(step % 3 - 1) / 2)
            for role in self.strategies.values():
                role.step(self.now_ns)
            self.run(10)  # a step reads the messages about few orders, and every strategy submits some


def strategy(number: int, lanes: StrategyLanes) -> StrategyRole:
    """The same strategy, live or replayed; each has sizes of its own."""
    parameters = ImbalanceMaker.Parameters(size=f"0.{number:03}", position_max="1", short=True)
    return StrategyRole(NAMES[number], number, ImbalanceMaker((BTC,), parameters), lanes)


def test_forty_strategies_trade_and_each_is_replayed_to_the_byte(tmp_path: Path) -> None:
    """The fifteenth strategy and all after it had no place in a STEP: neither they nor execution could be replayed."""
    desk = Desk(tmp_path, strategies=tuple(NAMES))
    desk.ready()
    desk.trade(40)
    history = {lane: desk.records(lane) for lane in INPUTS}
    for number, name in NAMES.items():
        lanes = history | {"intents": desk.records(f"intents.{name}.execution")}
        steps = desk.records(f"steps.{name}")
        assert len(lanes["intents"]) > 10, name
        assert differences(replay(partial(strategy, number), lanes, steps), lanes, steps) == []


def test_a_step_of_execution_has_the_cursor_of_every_strategy(tmp_path: Path) -> None:
    """The cursors of all forty, in the order of the configuration: that is what a replay of execution is driven by."""
    desk = Desk(tmp_path, strategies=tuple(NAMES))
    desk.ready()
    desk.trade(20)
    desk.run(5, 100 * MS)
    *_, last = steps_of(desk.records("steps.execution"))  # type: ignore[arg-type]
    intents = [desk.memory.rings[f"intents.{name}.execution"].cursor for name in NAMES.values()]
    assert list(last.cursors[2:-1]) == intents  # the last is of TICKS
    assert sum(intents) > 400
    assert len({order.strategy for order in desk.role.blotter.orders.values()}) == len(NAMES)

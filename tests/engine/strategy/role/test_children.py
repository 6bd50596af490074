"""A strategy whose intent has two living orders: in its running role, in its next life and in a replay."""

from pathlib import Path
from typing import Any

import pytest

from engine.model import algorithms
from engine.model.words import BUY, SELL, IntentKind, OrderState
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.role import StrategyRole
from tests.engine.execution.algorithms.halves import HALVES
from tests.engine.execution.memory import House
from tests.engine.strategy.conftest import BTC, NAME, NUMBER, Recorder, System, begin

BID, ASK = 6_000_000, 6_000_100


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry with the tests' algorithm."""
    monkeypatch.setattr(algorithms, "REGISTRY", [*algorithms.REGISTRY, HALVES])


class Joined:
    """A strategy's role on lanes in shared memory, and execution on lanes of its own: records are copied between."""

    def __init__(self, system: System, house: House, role: StrategyRole) -> None:
        """Begin both."""
        self.system, self.house, self.role = system, house, role
        self.copied = dict.fromkeys(("verdicts", "fills", "orders"), 0)
        self.now_ns = 1_000
        house.ready()
        begin(role)

    def run(self, steps: int = 4) -> None:
        """Let both work."""
        for _ in range(steps):
            self.now_ns += 1
            self.role.step(self.now_ns)
            intents = self.system.intents
            for row in intents[self.house.intents[NUMBER].cursor :]:
                self.house.intents[NUMBER].publish(*row._replace(now_ns=self.house.now_ns))
            self.system.accept(len(intents))
            self.house.run()
            for lane, copied in self.copied.items():
                log = self.house.rings[lane].log
                if len(log) > copied:
                    self.system.writer(lane).publish_bytes(bytes(log[copied:]))
                self.copied[lane] = len(log)

    def fill(self, child: int, size: int) -> None:
        """The venue fills a part of a child of the newest parent."""
        parent = list(self.house.role.blotter.parents.values())[-1]
        order = next(one for one in parent.children if one.child == child)
        self.house.venue.fill(order.client_id.hex(), size)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Execution and its venue."""
    return House(tmp_path)


def rests(strategy: Recorder) -> list[tuple[int, int, OrderState | None]]:
    """Every working order of a strategy."""
    return [(one.child, one.remaining, one.state) for one in strategy.orders(BTC)]


def test_both_children_are_working_orders_in_every_life(system: System, house: House, recorder: Recorder) -> None:
    """A strategy that sees one of two orders trades as if the other did not exist."""
    joined = Joined(system, house, system.role(recorder))
    intent_id = recorder.place(BTC, BUY, 1000, 5_999_000, algorithm="halves", parameters={"apart": 500})
    joined.run()
    joined.fill(1, 200)
    joined.run()
    expected = [(0, 500, OrderState.OPEN), (1, 300, OrderState.PARTLY_FILLED)]
    assert (rests(recorder), recorder.position(BTC)) == (expected, 200)
    system.kill()
    joined.role = system.role(second := Recorder((BTC,), Strategy.Parameters()))
    begin(joined.role, 2_000)
    assert (rests(second), second.position(BTC)) == (expected, 200)
    assert second.cancel(intent_id) is not None
    joined.run(8)
    assert rests(second) == []
    assert not any(one.open for one in house.venue.orders.values())


def test_an_exit_leaves_what_both_children_may_still_sell(system: System, house: House, recorder: Recorder) -> None:
    """By the rest of one child alone the exit would sell 500 too much, and the position would be short."""
    joined = Joined(system, house, system.role(recorder))
    recorder.place(BTC, BUY, 2000, ASK)
    joined.run()
    assert recorder.position(BTC) == 0
    joined.house.venue.fill(next(iter(house.venue.orders)), 2000)
    joined.run()
    assert recorder.position(BTC) == 2000
    recorder.place(BTC, SELL, 1000, 6_001_000, algorithm="halves")
    joined.run()
    joined.fill(0, 100)
    joined.run()
    assert rests(recorder) == [(0, 400, OrderState.PARTLY_FILLED), (1, 500, OrderState.OPEN)]
    recorder.exit(BTC, BID)
    assert (system.intents[-1].side, system.intents[-1].size) == (SELL, 1900 - 900)


class Exiting(Strategy):
    """Works an intent in halves, and exits what its halves leave, at every book."""

    def on_book(self, book: Book) -> None:
        """Decide by the number and the rest of every order."""
        orders = self.orders(book.instrument)
        if not self.position(book.instrument):
            if not orders:
                self.place(book.instrument, BUY, 1000, book.best_bid, algorithm="halves", parameters={"apart": 500})
        elif len(orders) == 1 and orders[0].side == BUY:
            self.cancel(orders[0].intent_id)
        else:
            self.exit(book.instrument, book.best_bid, signal=float(sum(one.remaining for one in orders)))


def test_a_replay_decides_by_the_same_children(system: System, house: House) -> None:
    """A replay that knew one child of two would exit another size than the strategy did."""
    strategy = Exiting((BTC,), Strategy.Parameters())
    joined = Joined(system, house, system.role(strategy))

    def show(steps: int) -> None:
        system.book([(BID, 1)], [(ASK, 1)])
        joined.run(steps)

    show(4)
    joined.fill(0, 300)
    show(4)
    joined.fill(0, 200)
    joined.fill(1, 100)
    show(8)
    show(8)
    kinds = [(one.kind, one.side, one.size, one.signal) for one in system.intents]
    assert kinds[0] == (IntentKind.PLACE, BUY, 1000, 0.0)
    assert (IntentKind.PLACE, SELL, 300, 700.0) in kinds
    assert IntentKind.CANCEL in [one[0] for one in kinds]
    history, steps = system.history, system.steps

    def make_role(lanes: Any) -> StrategyRole:
        return StrategyRole(NAME, NUMBER, Exiting((BTC,), Strategy.Parameters()), lanes)

    assert differences(replay(make_role, history, steps), history, steps) == []

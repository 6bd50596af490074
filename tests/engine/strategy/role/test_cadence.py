"""Scheduled methods and a cadence in the role: when they run, and that a replay runs them in the same steps."""

import random
from typing import Any

from engine.model.words import BUY
from engine.strategy.api.schedule import at, every
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.role import StrategyRole
from tests.engine.strategy.conftest import BTC, ETH, NAME, NUMBER, Recorder, System, begin

S = 1_000_000_000
DAY = 86_400 * S


class Timed(Strategy):
    """Notes the times, and places an order at each."""

    def on_start(self) -> None:
        """None yet."""
        self.seen: list[tuple[str, int]] = []

    @every("30s")
    def often(self, now_ns: int) -> None:
        """Note it."""
        self.seen.append(("often", now_ns))
        self.place(BTC, BUY, 1, 100)

    @at("00:01")
    def once(self, now_ns: int) -> None:
        """Note it."""
        self.seen.append(("once", now_ns))
        self.place(BTC, BUY, 2, 100)


def test_methods_run_in_the_first_step_at_their_time_and_once_where_several_times_have_passed(system: System) -> None:
    """A step late is late by a step; a night's sleep is no burst of calls."""
    strategy = Timed((BTC,), Strategy.Parameters())
    role = system.role(strategy)
    begin(role, DAY + S)
    for second in (29, 30, 31, 59, 60, 200, 201, 210):
        role.step(DAY + second * S)
    assert strategy.seen == [
        ("often", DAY + 30 * S), ("often", DAY + 60 * S), ("once", DAY + 60 * S), ("often", DAY + 200 * S),
        ("often", DAY + 210 * S),
    ]  # fmt: skip
    history, steps = system.history, system.steps
    lives = replay(
        lambda lanes: StrategyRole(NAME, NUMBER, Timed((BTC,), Strategy.Parameters()), lanes), history, steps
    )
    assert len(history["intents"]) == 5
    assert differences(lives, history, steps) == []


def test_with_a_cadence_market_data_waits_for_it_and_own_records_do_not(system: System, recorder: Recorder) -> None:
    """A slow view of the market must not be a late view of its own position."""
    role = system.role(recorder, cadence_ns=10 * S)
    begin(role, DAY + S)
    role.step(DAY + 2 * S)  # nothing waits, so the next time is 10 s
    system.book([(99, 1)], [(101, 1)])
    system.fill(7, BUY, 3)
    role.step(DAY + 3 * S)
    assert recorder.calls == ["start", ("fill", 3, 3)]
    for _ in range(200):
        system.print_(BUY, 1)
    for now_ns in range(DAY + 10 * S, DAY + 10 * S + 9):
        role.step(now_ns)
    assert sum(call[0] == "print" for call in recorder.calls) == 200, "all that waits is read in one go of steps"
    assert ("book", 1, 99, 101) in recorder.calls
    system.print_(BUY, 1)
    role.step(DAY + 19 * S)
    assert sum(call[0] == "print" for call in recorder.calls) == 200
    role.step(DAY + 20 * S)
    assert sum(call[0] == "print" for call in recorder.calls) == 201


class Answering(Strategy):
    """An order for each event."""

    def on_book(self, book: Any) -> None:
        """As many as there are books."""
        self.place(book.instrument, BUY, self.now_ns % 97 + 1, book.best_bid)

    def on_fill(self, fill: Any) -> None:
        """As many as there are fills."""
        self.place(self.instruments[fill.instrument], BUY, self.now_ns % 89 + 1, 100)


def test_a_cadence_is_replayed_step_by_step(system: System) -> None:
    """Steps without work are not recorded, so the replay must not need them."""
    seed = random.randrange(1 << 30)
    draw = random.Random(seed)
    role = system.role(Answering((BTC, ETH), Strategy.Parameters()), cadence_ns=50)
    for now_ns in range(DAY, DAY + 600, 3):
        for _ in range(draw.randrange(3)):
            system.book([(draw.randrange(50, 99), 1)], [(101, 1)], of=draw.choice((1, 2)))
        if draw.random() < 0.2:
            system.fill(draw.randrange(1 << 30), BUY, 1)
        role.step(now_ns)
        system.accept(len(system.intents))
    history, steps = system.history, system.steps
    lives = replay(
        lambda lanes: StrategyRole(NAME, NUMBER, Answering((BTC, ETH), Strategy.Parameters()), lanes, cadence_ns=50),
        history,
        steps,
    )
    assert len(history["intents"]) > 30
    assert differences(lives, history, steps) == [], f"seed {seed}"

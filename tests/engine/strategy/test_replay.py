"""A strategy replayed from its STEPS sends the same intents, byte for byte, through every death, lap and full lane."""

import random
from collections.abc import Callable

import msgspec
import pytest

from engine.model.words import BookState, OrderState
from engine.strategy.api.book import Book
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.role import StrategyRole
from engine.strategy.samples import ImbalanceMaker
from tests.engine.strategy.conftest import BTC, ETH, NAME, NUMBER, System


def maker() -> ImbalanceMaker:
    """The sample on two instruments."""
    return ImbalanceMaker((BTC, ETH), ImbalanceMaker.Parameters(size="0.001", position_max="0.01"))


def some_book(system: System, draw: random.Random) -> None:
    """A book anywhere, now and then one that is not good."""
    middle = 1_000 + draw.randrange(-9, 10)
    bids = [(middle - 2 - level, draw.randrange(1, 50)) for level in range(draw.randrange(1, 10))]
    asks = [(middle + 2 + level, draw.randrange(1, 50)) for level in range(draw.randrange(1, 10))]
    state = BookState.GOOD if draw.random() < 0.9 else BookState.SUSPECT
    system.book(bids, asks, state=state, of=draw.choice((1, 2)))


def lap(system: System) -> None:
    """A thousand books, and a recorder that keeps up."""
    for _ in range(1_000):
        system.book([(99, 1)], [(101, 1)])
    system.recorded("books")


def answer(system: System, draw: random.Random) -> None:
    """The records that execution might publish about any intent so far."""
    intent = draw.choice(system.intents)
    system.verdict(intent.intent_id, draw.choice((0, 0, 12)), intent.kind, intent.instrument)
    state = draw.choice((OrderState.OPEN, OrderState.FILLED, OrderState.CANCELLED, OrderState.CANCELLING))
    system.order(
        intent.intent_id, state, side=intent.side or 1, price=intent.price, size=intent.size, of=intent.instrument
    )
    if state == OrderState.FILLED:
        system.fill(intent.intent_id, intent.side or 1, intent.size or 1, of=intent.instrument)
    system.accept(draw.randrange(len(system.intents) + 1))


def run(system: System, seed: int, make: Callable[[], Strategy]) -> None:
    """Hours of market and mishap, in a few hundred steps."""
    draw = random.Random(seed)
    role = system.role(make())
    for now_ns in range(1_000, 1_600):
        for _ in range(draw.randrange(3) if draw.random() < 0.99 else 100):
            some_book(system, draw)
        if draw.random() < 0.002:
            for _ in range(9):
                lap(system)
        if system.intents and draw.random() < 0.5:
            answer(system, draw)
        if draw.random() < 0.02:
            system.kill()
            role = system.role(make())
        role.step(now_ns)
        system.recorded("books")


def make_role(make: Callable[[], Strategy]) -> Callable[..., StrategyRole]:
    """The role as it ran, on whatever lanes the replay gives it."""
    return lambda lanes: StrategyRole(NAME, NUMBER, make(), lanes)


@pytest.mark.parametrize("seed", range(4))
def test_a_replay_submits_the_same_byte_for_byte(system: System, seed: int) -> None:
    """Yesterday's decisions can be explained only if they can be made again."""
    print(f"seed {seed}")  # noqa: T201 - to run it again
    run(system, seed, maker)
    history, steps = system.history, system.steps
    assert len(history["intents"]) > 20
    assert differences(replay(make_role(maker), history, steps), history, steps) == []


def test_a_replay_of_another_strategy_is_found(system: System) -> None:
    """A check that never fails checks nothing."""
    run(system, 1, maker)
    other = msgspec.structs.replace(maker().parameters, lean_steps=5)
    history, steps = system.history, system.steps
    lives = replay(make_role(lambda: ImbalanceMaker((BTC, ETH), other)), history, steps)
    assert differences(lives, history, steps)


class Greedy(Strategy):
    """Sends far more intents than the lane holds."""

    def on_book(self, book: Book) -> None:
        """Send intents until the lane is full, and one more."""
        while self.place(book.instrument, 1, 10, book.best_bid):
            pass


def test_a_full_lane_is_replayed_as_full(system: System) -> None:
    """What a strategy was refused is part of why it did what it did."""
    role = system.role(Greedy((BTC,), Strategy.Parameters()))
    for now_ns in range(5):
        system.book([(99, 1)], [(101, 1)])
        role.step(now_ns)
        system.accept(100 * now_ns)
    history, steps = system.history, system.steps
    assert role.counts.intents_refused_full == 3
    assert (
        differences(replay(make_role(lambda: Greedy((BTC,), Strategy.Parameters())), history, steps), history, steps)
        == []
    )


def test_a_drain_is_replayed_as_a_drain(system: System) -> None:
    """The last decisions of a day are decisions too."""
    role = system.role(maker())
    for now_ns in range(5):
        system.book([(99, 1)], [(101, 1)])
        role.step(now_ns)
    role.drain(6)
    history, steps = system.history, system.steps
    assert history["intents"][-1].kind == 3
    assert differences(replay(make_role(maker), history, steps), history, steps) == []

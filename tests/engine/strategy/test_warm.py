"""A rehearsal between decisions keeps an order's code in the caches, and nothing may show that it happened."""

from typing import Any

import pytest

from engine.model.words import BookState, OrderState
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.footprint import MOST_BYTES, footprint
from engine.strategy.role.role import StrategyRole
from tests.engine.strategy.conftest import BTC, ETH, NAME, NUMBER, Recorder, System, begin


class Taker(Strategy):
    """Sends a taking order at every book, and counts the calls."""

    calls = 0

    def on_book(self, book: Any) -> None:
        """One order."""
        self.calls += 1
        self.enter(book.instrument, 1, 10 + self.calls, book.best_ask, signal=book.imbalance)

    def on_print(self, print_: Any) -> None:
        """Another."""
        self.calls += 1
        self.enter(BTC, print_.side, print_.size, print_.price)


def taker() -> Taker:
    """A fresh one on two instruments."""
    return Taker((BTC, ETH), Strategy.Parameters())


def test_a_warmed_life_is_replayed_without_warming_to_the_same_bytes(system: System) -> None:
    """A byte, an id or a call from a rehearsal would be an order without a decision."""
    strategy = taker()
    role = system.role(strategy)
    role.warm(999)
    begin(role)
    for now_ns in range(2_000, 2_030):
        role.warm(now_ns)
        system.print_(1, now_ns)
        system.book([(99, now_ns)], [(now_ns, 1)], of=1 + now_ns % 2)
        role.step(now_ns)
        for _ in range(now_ns % 3):
            role.warm(now_ns)
            role.step(now_ns)
    assert strategy.calls == role.counts.intents == len(system.intents) == len(role.ledger.working) == 60
    history, steps = system.history, system.steps
    lives = replay(lambda lanes: StrategyRole(NAME, NUMBER, taker(), lanes), history, steps)
    assert differences(lives, history, steps) == []


def test_what_waits_during_a_rehearsal_is_read_by_the_next_step(system: System, recorder: Recorder) -> None:
    """A rehearsal that read a real record would lose a print, a book or the end of an order."""
    role = system.role(recorder)
    begin(role)
    recorder.act = lambda one: one.place(BTC, 1, 10, 99)
    system.book([(99, 1)], [(101, 1)])
    role.step(2_000)
    intent_id = system.intents[0].intent_id
    role.step(2_001)
    for _ in range(3):
        system.print_(1, 5)
        system.order(intent_id, OrderState.OPEN)
        system.book([(98, 1)], [(102, 1)], state=BookState.SUSPECT)
        role.warm(2_002)
        assert role.step(2_003) == 3
    seen = [("order", intent_id, OrderState.OPEN), ("print", 1, 5), ("bad", 1, BookState.SUSPECT)]
    assert recorder.calls[2:] == [*seen, *[one for _ in range(2) for one in seen[:2]]]
    assert (list(role.ledger.working), len(system.intents), role.lag()) == ([intent_id], 1, 0)


def test_an_order_is_seen_working_in_the_hook_that_submitted_it(system: System, recorder: Recorder) -> None:
    """The ledger applies it late; a strategy that looks must find it, or it would send it twice."""
    role = system.role(recorder)
    seen: list[Any] = []
    begin(role)

    def act(one: Recorder) -> None:
        placed = one.place(BTC, 1, 10, 99)
        seen.append((placed, [order.intent_id for order in one.orders(BTC)], one.cancel(placed or 0)))

    recorder.act = act
    system.book([(99, 1)], [(101, 1)])
    role.step(2_000)
    first = NUMBER << 40 | system.intents[0].intent_id & ((1 << 40) - 1)
    assert seen == [(first, [first], first + 1)]


def test_a_lane_that_was_full_is_not_counted_again(system: System, recorder: Recorder) -> None:
    """A rehearsal refuses no intent; a user who reads the count looks for a lost decision."""
    role = system.role(recorder)
    begin(role)

    def fill_up(one: Recorder) -> None:
        while one.cancel_all(BTC):
            pass

    recorder.act = fill_up
    system.book([(99, 1)], [(101, 1)])
    role.step(2_000)
    refused = role.counts.intents_refused_full
    role.warm(2_001)
    assert role.counts.intents_refused_full == refused == 1


@pytest.mark.parametrize("wrong", [(1.5, 100), (10, 100.5), (1 << 63, 100)])
def test_a_number_that_is_no_exact_one_is_refused(system: System, recorder: Recorder, wrong: tuple[Any, Any]) -> None:
    """A price cut down to an integer on its way would be another price."""
    role = system.role(recorder)
    begin(role)
    recorder.act = lambda one: one.place(BTC, 1, *wrong)
    system.book([(99, 1)], [(101, 1)])
    with pytest.raises((TypeError, ValueError), match=r"(size|price): found"):
        role.step(2_000)
    assert system.intents == []


def test_a_check_before_every_order_is_asked_for_those_that_take_too(system: System) -> None:
    """A subclass that narrows `place` means every order by it."""

    class Careful(Taker):
        def place(self, *_: Any, **__: Any) -> None:
            """No."""

    role = system.role(Careful((BTC, ETH), Strategy.Parameters()))
    begin(role)
    system.book([(99, 1)], [(101, 1)])
    role.step(2_000)
    assert system.intents == []


def test_the_footprint_is_the_strategys_own_code_and_bounded() -> None:
    """What is asked for pushes something else out."""
    extents = footprint(taker())
    assert id(Taker.on_book.__code__) in dict(extents)
    assert id(Strategy.on_book.__code__) not in dict(extents)
    assert 0 < sum(size for _, size in extents) <= MOST_BYTES

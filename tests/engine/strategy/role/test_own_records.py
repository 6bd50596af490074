"""A strategy's answers are read in place among those of all strategies, with the same effect as row by row."""

import random
from typing import Any

import pytest

from engine.lanes import lane_of
from engine.model.words import IntentKind, OrderState, Reason
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.own_records import OrderChange
from engine.strategy.role.role import StrategyRole
from tests.engine.strategy.conftest import BTC, NAME, NUMBER, Recorder, System, begin

OTHER = NUMBER + 1
STATES = (OrderState.SENT, OrderState.OPEN, OrderState.CANCELLING, OrderState.FILLED, OrderState.EXPIRED)
REASONS = (Reason.APPROVED, Reason.APPROVED, Reason.PRICE_COLLAR, Reason.DUPLICATE_INTENT)


class Asker(Recorder):
    """Submits and cancels at every book, and notes all that a hook can see."""

    def on_book(self, book: Any) -> None:
        """One order; a cancel of the oldest."""
        self.place(BTC, 1, 10, book.best_bid)
        for order in self.orders(BTC)[:-3]:
            self.cancel(order.intent_id)

    def on_order(self, order: Any) -> None:
        """Note every attribute."""
        self.calls.append([getattr(order, name) for name in type(order).__slots__])

    def on_fill(self, fill: Any) -> None:
        """Note the row, and the position."""
        self.calls.append((fill, self.position(BTC)))

    def on_refusal(self, verdict: Any) -> None:
        """Note the row."""
        self.calls.append(verdict)


def answer(system: System, draw: random.Random) -> None:
    """What execution may publish about one of the last intents, and the same about another strategy's."""
    intent, strategy = draw.choice(system.intents[-6:]), draw.choice((NUMBER, OTHER))
    reason = draw.choice(REASONS)
    system.writer("verdicts").publish(intent.intent_id, 9, 5, 4, 0, strategy, 1, reason, intent.kind, 0, 0)
    state = draw.choice(STATES)
    system.order(intent.intent_id, state, price=intent.price, size=10, filled=draw.randrange(10), strategy=strategy)
    if state == OrderState.FILLED:
        system.fill(intent.intent_id, 1, 10, strategy=strategy)


@pytest.mark.parametrize("seed", range(3))
def test_a_life_and_its_replay_call_the_same_hooks_with_the_same_values(system: System, seed: int) -> None:
    """The replay reads rows, the life bytes: a field read from a wrong place would be a wrong position."""
    print(f"seed {seed}")  # noqa: T201 - to run it again
    draw, made = random.Random(seed), [Asker((BTC,), Strategy.Parameters())]
    role = system.role(made[0])
    begin(role)
    for now_ns in range(2_000, 2_200):
        if draw.random() < 0.5:
            system.book([(99, 1)], [(101, 1)])
        for _ in range(draw.randrange(4) if system.intents else 0):
            answer(system, draw)
        role.step(now_ns)
        system.accept(len(system.intents))

    def again(lanes: Any) -> StrategyRole:
        made.append(Asker((BTC,), Strategy.Parameters()))
        return StrategyRole(NAME, NUMBER, made[-1], lanes)

    history, steps = system.history, system.steps
    assert differences(list(replay(again, history, steps)), history, steps) == []
    lived, replayed = made
    assert len(lived.calls) > 100
    assert lived.calls == replayed.calls
    assert role.ledger.position(1) == sum(one.size for one in system.recorded("fills") if one.strategy == NUMBER)


def test_the_records_of_other_strategies_are_read_and_have_no_effect(system: System, recorder: Recorder) -> None:
    """They share the lanes: a fill of another strategy is no position of this one, and it may not wait either."""
    role = system.role(recorder)
    begin(role)
    system.verdict(7, Reason.PRICE_COLLAR)
    system.order(8, OrderState.OPEN, strategy=OTHER)
    system.fill(8, 1, 10, strategy=OTHER)
    system.writer("verdicts").publish(8, 9, 5, 4, 0, OTHER, 1, Reason.PRICE_COLLAR, IntentKind.PLACE, 0, 0)
    assert role.step(2_000) == 4
    assert recorder.calls == ["start", ("refusal", 7, Reason.PRICE_COLLAR)]
    assert (role.lag(), role.ledger.position(1), role.ledger.working) == (0, 0, {})


def test_a_change_has_fields_of_an_order_record_alone() -> None:
    """The ledger reads a change and a row by the same names."""
    names = {name for name in dir(OrderChange) if not name.startswith("_")}
    assert names < {field.name for field in lane_of("orders").record.fields}

"""The orders of an algorithm: several living children of one intent, each with its own rest."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from engine.lanes import lane_of
from engine.lanes.memory import MemoryRing
from engine.model.words import BUY, DONE_STATES, SELL, IntentKind, OrderFlag, OrderState, Reason, VerdictFlag
from engine.strategy.api.ledger import Ledger, Order
from engine.strategy.role.recovery import recover_orders
from tests.engine.execution.memory import BTC, ETH

NUMBER, PRICE, HELD = 3, 100, 10**6
COIN = replace(BTC, notional_min=1)
LANES = ("intents", "verdicts", "orders")
LIVING = tuple(state for state in OrderState if state not in DONE_STATES)


def row_of(lane: str, **values: Any) -> Any:
    """A record's row, zero except for these values."""
    record = lane_of(lane).record
    empty = [b"" if one.code == "S" else (0,) * one.count if one.count > 1 else 0 for one in record.fields]
    return record.row(*empty)._replace(**values)


def endless(lane: str) -> MemoryRing:
    """A lane that keeps every record."""
    return MemoryRing(lane_of(lane), keep_all=True)


def order(child: int, state: OrderState = OrderState.OPEN, **values: Any) -> Any:
    """A record of a child of intent 5: a buy of 10."""
    values = {"side": BUY, "price": PRICE, "size": 10, "strategy": NUMBER, "instrument": 1} | values
    return row_of("orders", intent_id=5, child=child, state=state, **values)


def intent(kind: IntentKind, intent_id: int, target_id: int = 0) -> Any:
    """An intent of ours."""
    values = {"side": BUY, "price": PRICE, "size": 30, "strategy": NUMBER, "instrument": 1}
    return row_of("intents", kind=kind, intent_id=intent_id, target_id=target_id, **values)


@pytest.fixture
def ledger() -> Ledger:
    """A ledger with intent 5, of which two children live."""
    one = Ledger(NUMBER, {1: COIN, 2: ETH})
    one.intend(intent(IntentKind.PLACE, 5))
    one.change(order(0))
    one.change(order(1, size=7))
    return one


def rests(ledger: Ledger) -> list[tuple[int, int]]:
    """Child and rest of every order, in the ledger's sequence."""
    return [(one.child, one.remaining) for one in ledger.orders(1)]


def test_each_child_is_an_order_of_its_own(ledger: Ledger) -> None:
    """One order for the whole intent would show the size of whichever child changed last."""
    first, second = ledger.orders(1)
    assert (first.intent_id, second.intent_id, rests(ledger)) == (5, 5, [(0, 10), (1, 7)])
    assert ledger.change(order(1, OrderState.PARTLY_FILLED, size=7, filled=3)) is second
    assert ledger.change(order(0, OrderState.PARTLY_FILLED, filled=4)) is first
    assert rests(ledger) == [(0, 6), (1, 4)]


@pytest.mark.parametrize("ended", [0, 1])
def test_the_end_of_one_child_leaves_the_others(ledger: Ledger, ended: int) -> None:
    """An intent whose children seem gone is placed a second time."""
    kept = next(one for one in ledger.orders(1) if one.child != ended)
    ledger.change(order(ended, OrderState.CANCELLED))
    assert list(ledger.orders(1)) == [kept]
    assert ledger.working == {5: kept}
    ledger.change(order(kept.child, OrderState.CANCELLED))
    assert (ledger.working, list(ledger.orders(1))) == ({}, [])


def test_an_exit_leaves_what_every_child_may_still_close() -> None:
    """Counted by one child alone, the exit and the other children together would turn the position round."""
    ledger = Ledger(NUMBER, {1: COIN})
    ledger.set_held(1, 100 * 1000)
    ledger.change(order(0, side=SELL))
    ledger.change(order(1, side=SELL, size=25))
    assert ledger.exit_size(COIN, PRICE) == 100 - 35
    ledger.change(order(1, OrderState.PARTLY_FILLED, side=SELL, size=25, filled=5))
    assert ledger.exit_size(COIN, PRICE) == 100 - 30


@pytest.mark.parametrize(("size", "together"), [(10, 10), (25, 25), (4, 10)])
def test_a_child_in_the_place_of_another_counts_only_beyond_it(size: int, together: int) -> None:
    """The venue fills one of the two: if both were counted, an exit would leave a part of the position."""
    ledger = Ledger(NUMBER, {1: COIN})
    ledger.set_held(1, 100 * 1000)
    ledger.change(order(0, side=SELL))
    ledger.change(order(1, OrderState.SENT, side=SELL, size=size, replaces_id=5, replaces_child=0))
    assert ledger.exit_size(COIN, PRICE) == 100 - together
    ledger.change(order(0, OrderState.CANCELLED, side=SELL))
    assert ledger.exit_size(COIN, PRICE) == 100 - size


def test_a_replacement_of_another_intent_is_not_of_this_one(ledger: Ledger) -> None:
    """`replaces_child` without the intent's own `replaces_id` is the number of another intent's child."""
    made = ledger.change(order(2, size=20, replaces_id=4, replaces_child=0))
    assert made.added == 20


def test_a_chain_of_replacements_keeps_no_order_that_is_done() -> None:
    """A chase moves its order for hours: each kept object would be memory that is never free again."""
    ledger = Ledger(NUMBER, {1: COIN})
    for child in range(20):
        made = ledger.change(order(child, replaces_id=5, replaces_child=child - 1))
        assert child == 0 or made.replaced is not None
        ledger.change(order(child - 1, OrderState.CANCELLED))
    assert (rests(ledger), made.replaced) == ([(19, 10)], None)


def test_a_cancel_marks_every_child_and_its_refusal_none(ledger: Ledger) -> None:
    """A cancel of the intent ends all its orders; a refused one may be submitted again."""
    ledger.intend(intent(IntentKind.CANCEL, 6, 5))
    assert [one.cancelling for one in ledger.orders(1)] == [True, True]
    assert ledger.cancellable(5) is None
    ledger.judge(row_of("verdicts", intent_id=6, reason=Reason.UNKNOWN_ORDER))
    assert [one.cancelling for one in ledger.orders(1)] == [False, False]
    ledger.intend(intent(IntentKind.CANCEL_ALL, 7))
    assert [one.cancelling for one in ledger.orders(1)] == [True, True]


def test_a_child_made_before_execution_read_the_cancel_is_being_cancelled(ledger: Ledger) -> None:
    """It would seem to be left, and its intent would be cancelled again at every event."""
    ledger.intend(intent(IntentKind.CANCEL, 6, 5))
    assert ledger.change(order(2)).cancelling


def test_an_intent_can_be_cancelled_while_its_algorithm_cancels_a_child(ledger: Ledger) -> None:
    """The algorithm's own cancel ends one order and is followed by the next; only an intent's cancel ends all."""
    ledger.change(order(0, OrderState.CANCELLING))
    assert (found := ledger.cancellable(5)) is not None
    assert found.child == 1
    ledger.change(order(1, OrderState.CANCELLED))
    assert ledger.cancellable(5) is None
    ledger.change(order(2))
    ledger.change(order(0, OrderState.CANCELLED))
    ledger.change(order(2, OrderState.CANCELLING, flags=OrderFlag.REPRICING))
    assert (found := ledger.cancellable(5)) is not None
    assert (found.child, found.cancelling) == (2, False)


def test_a_lap_drops_every_child(ledger: Ledger) -> None:
    """A child that is kept after records were lost may have ended long ago."""
    ledger.drop_orders()
    assert (ledger.working, list(ledger.orders(1)), ledger.cancellable(5)) == ({}, [], None)
    ledger.change(order(1))
    assert rests(ledger) == [(1, 10)]


# Random histories against a plain model.


@dataclass
class Child:
    """What the model keeps of one order."""

    intent_id: int
    number: int
    side: int
    size: int
    replaces: int = -1
    filled: int = 0
    state: OrderState | None = None

    @property
    def lives(self) -> bool:
        """Whether it is an intent on its way, in flight or open."""
        return self.state not in DONE_STATES


@dataclass
class Model:
    """A history of intents with children, on lanes in memory and as plain objects."""

    draw: random.Random
    ledger: Ledger = field(default_factory=lambda: Ledger(NUMBER, {1: COIN}))
    lanes: dict[str, MemoryRing] = field(default_factory=lambda: {one: endless(one) for one in LANES})
    children: list[Child] = field(default_factory=list)
    intents: int = 0

    def living(self) -> list[Child]:
        """The orders that work."""
        return [one for one in self.children if one.lives]

    def place(self) -> None:
        """A strategy submits an intent."""
        self.intents += 1
        made = Child(self.intents, 0, self.draw.choice((BUY, SELL)), self.draw.randrange(1, 50))
        self.children.append(made)
        row = row_of(
            "intents", kind=IntentKind.PLACE, intent_id=made.intent_id, instrument=1, side=made.side, price=PRICE,
            size=made.size, strategy=NUMBER,
        )  # fmt: skip
        self.lanes["intents"].publish(*row)
        self.ledger.begin(made.intent_id, 1, made.side, PRICE, made.size)

    def refuse(self, one: Child) -> None:
        """Risk refuses an intent without an order, or the further child of an intent with some."""
        row = row_of("verdicts", intent_id=one.intent_id, strategy=NUMBER, reason=Reason.ORDER_RATE)
        if one.state is None:
            one.state = OrderState.REJECTED
        self.lanes["verdicts"].publish(*row)
        self.ledger.judge(row)

    def send(self, one: Child, state: OrderState) -> None:
        """Execution publishes an order."""
        one.state = state
        row = row_of(
            "orders", intent_id=one.intent_id, child=one.number, side=one.side, price=PRICE, size=one.size,
            filled=one.filled, state=state, strategy=NUMBER, instrument=1, replaces_child=max(0, one.replaces),
            replaces_id=one.intent_id if one.replaces >= 0 else 0,
        )  # fmt: skip
        self.lanes["orders"].publish(*row)
        self.ledger.change(row)

    def add_child(self, beside: Child, *, replacing: bool) -> None:
        """An algorithm sends a further child, beside or in place of one."""
        number = 1 + max(one.number for one in self.children if one.intent_id == beside.intent_id)
        replaces = beside.number if replacing else -1
        made = Child(beside.intent_id, number, beside.side, self.draw.randrange(1, 50), replaces)
        self.children.append(made)
        self.send(made, OrderState.CREATED)

    def fill(self, one: Child) -> None:
        """The venue fills a part of an order, or its rest."""
        one.filled += self.draw.randrange(1, one.size - one.filled + 1)
        self.send(one, OrderState.FILLED if one.filled == one.size else OrderState.PARTLY_FILLED)

    def step(self) -> None:
        """One thing happens."""
        living = self.living()
        if not living or self.draw.random() < 0.15:
            self.place()
            return
        one, what = self.draw.choice(living), self.draw.random()
        if one.state is None:
            self.refuse(one) if what < 0.2 else self.send(one, OrderState.CREATED)
        elif what < 0.3:
            self.add_child(one, replacing=what < 0.15)
        elif what < 0.55:
            self.fill(one)
        elif what < 0.6:
            self.refuse(one)
        elif what < 0.8:
            self.send(one, self.draw.choice(LIVING))
        else:
            self.send(one, self.draw.choice((OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED)))

    def exposure(self, side: int) -> int:
        """The size that the orders of a side can still fill."""
        rest = {(one.intent_id, one.number): one.size - one.filled for one in self.living() if one.side == side}
        return sum(
            max(0, rest[one.intent_id, one.number] - rest.get((one.intent_id, one.replaces), 0))
            for one in self.living() if one.side == side
        )  # fmt: skip

    def facts(self) -> list[tuple[int, int, int, int, OrderState | None]]:
        """What a ledger must know of every working order."""
        return sorted((one.intent_id, one.number, one.size, one.size - one.filled, one.state) for one in self.living())

    def recovered(self) -> Ledger:
        """The ledger of a further life of the strategy."""
        readers = {name: ring.reader(ring.first) for name, ring in self.lanes.items()}
        ledger = Ledger(NUMBER, {1: COIN})
        lanes: Any = SimpleNamespace(
            verdicts=(readers["verdicts"],), orders=(readers["orders"],), own=(readers["intents"],)
        )
        assert recover_orders(lanes, ledger)
        return ledger


def facts(orders: Iterator[Order]) -> list[tuple[int, int, int, int, OrderState | None]]:
    """What a ledger knows of every working order."""
    return sorted((one.intent_id, one.child, one.size, one.remaining, one.state) for one in orders)


def check(model: Model, ledger: Ledger) -> None:
    """A ledger's orders and exits are the model's."""
    assert facts(ledger.orders(1)) == model.facts()
    assert ledger.working.keys() == {one.intent_id for one in model.living()}
    for side in (BUY, SELL):
        ledger.set_held(1, side * HELD * 1000)
        assert ledger.exit_size(COIN, PRICE) == side * (HELD - model.exposure(-side))


@pytest.mark.parametrize("seed", range(30))
def test_a_random_history_of_children_is_counted_as_the_plain_model_counts_it(seed: int) -> None:
    """Running and recovered ledgers must agree with it at every step: an exit of the wrong size is a wrong order."""
    print(f"seed {seed}")  # noqa: T201 - to run it again
    model = Model(random.Random(seed))
    for _ in range(150):
        model.step()
        check(model, model.ledger)
        if model.draw.random() < 0.1:
            check(model, model.recovered())
    assert any(one.number > 3 for one in model.children)


@pytest.mark.parametrize(("flags", "works"), [(VerdictFlag.CHILD, True), (0, False)])
def test_the_refusal_of_a_kept_order_s_child_leaves_the_intent_and_that_of_the_intent_ends_it(
    flags: int, *, works: bool
) -> None:
    """Execution asks again for the child: a strategy that forgets the stop cannot cancel it."""
    kept = Ledger(NUMBER, {1: COIN})
    kept.intend(intent(IntentKind.PLACE, 9))
    kept.judge(row_of("verdicts", intent_id=9, strategy=NUMBER, reason=Reason.APPROVED))
    kept.judge(row_of("verdicts", intent_id=9, strategy=NUMBER, reason=Reason.UNKNOWN_ORDER, flags=flags))
    assert (kept.cancellable(9) is not None) is works
    assert bool(list(kept.orders(1))) is works

"""A strategy over several feeds and several executions: each instrument by its own lanes, and an exact replay."""

import random
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.lanes import Owners
from engine.model.step import steps_of
from engine.model.words import BUY, SELL, OrderState
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.lanes import LANES_MOST, check_places, places
from engine.strategy.role.role import StrategyRole
from tests.engine.strategy.conftest import BTC, ETH, NAME, NUMBER, Recorder, System, begin, running

OWNERS = Owners((NAME,), (NAME,), ("east", "west"), ("main", "side"))
PLACES = {1: 0, 2: 1}  # BTC at east and main, ETH at west and side
INTENTS_MOST = (1 << 12) - 64  # of a lossless lane without a reader


@pytest.fixture
def many() -> Iterator[System]:
    """Two feeds and two executions."""
    yield from running(System(f"test{secrets.token_hex(6)}", owners=OWNERS, places=PLACES))


class Both(Recorder):
    """Sends an intent at every book and one at every print."""

    def on_start(self) -> None:
        """Begin."""
        super().on_start()
        self.given: list[Any] = []
        self.act = lambda s: s.given.append(s.place(BTC, BUY, 10, 99))

    def on_book(self, book: Any) -> None:
        """Buy what moved."""
        self.calls.append(("book", book.instrument.id, book.best_bid, book.best_ask))
        self.given.append(self.place(book.instrument, BUY, 10, book.best_bid))

    def on_print(self, print_: Any) -> None:
        """Sell what was bought, unless too much of it waits."""
        self.calls.append(("print", print_.side, print_.size))
        one = self.instruments[print_.instrument]
        if print_.size % 3 and len(list(self.orders(one))) < 20:
            self.given.append(self.place(one, SELL, print_.size, print_.price))
        elif not print_.size % 5:
            self.cancel_all(one)


def both() -> Both:
    """A fresh one."""
    return Both((BTC, ETH), Strategy.Parameters())


def history(many: System) -> dict[str, list[Any]]:
    """Every record of every lane, under the names of the system."""
    names = [f"{kind}.{of}" for kind in ("ticks", "books") for of in OWNERS.feeds]
    names += [f"{kind}.{of}" for kind in ("verdicts", "orders", "fills") for of in OWNERS.executions]
    own = {f"intents.{of}": many.recorded(f"intents.{NAME}.{of}") for of in OWNERS.executions}
    return {**{name: many.recorded(name) for name in (*names, "commands")}, **own}


def test_an_intent_goes_to_the_execution_of_its_instrument(many: System) -> None:
    """An order at the wrong account is an order at another venue, or none."""
    strategy = both()
    begin(many.role(strategy))
    given = [strategy.place(BTC, BUY, 10, 99), strategy.place(ETH, SELL, 10, 99), strategy.cancel_all(ETH)]
    main, side = (many.recorded(f"intents.{NAME}.{of}") for of in OWNERS.executions)
    assert [row.intent_id for row in main] == given[:1]
    assert [row.intent_id for row in side] == given[1:]
    assert len({*given}) == 3


def test_books_orders_and_fills_of_every_owner_reach_the_hooks(many: System) -> None:
    """A lane that is not read is a market, or a position, that the strategy does not know."""
    strategy = both()
    role = many.role(strategy)
    begin(role)
    many.book([(99, 30)], [(101, 10)])
    many.book([(199, 30)], [(201, 10)], of=2)
    role.step(2_000)
    many.fill(strategy.given[0], BUY, 4)
    many.fill(strategy.given[1], BUY, 5, of=2)
    many.order(strategy.given[1], OrderState.PARTLY_FILLED, filled=5, of=2)
    many.print_(BUY, 3, of=2)
    role.step(2_001)
    assert [one for one in strategy.calls if one[0] == "book"] == [("book", 1, 99, 101), ("book", 2, 199, 201)]
    assert (strategy.position(BTC), strategy.position(ETH)) == (4, 5)
    assert ("order", strategy.given[1], OrderState.PARTLY_FILLED) in strategy.calls
    assert ("print", BUY, 3) in strategy.calls
    assert role.lag() == 0


def test_a_step_has_a_cursor_for_every_lane_of_every_owner(many: System) -> None:
    """What is in no cursor cannot be replayed. Sixteen do not fit one record, so the step is two."""
    role = many.role(both())
    begin(role)
    for _ in range(3):
        many.book([(199, 30)], [(201, 10)], of=2)
    role.step(2_000)
    *_, step = steps_of(many.steps)
    place = places(OWNERS.feeds, OWNERS.executions)
    assert len(place) == len(step.cursors) == 16
    assert step.cursors[place["books", "west"]] - step.cursors[place["books", "east"]] == 3
    assert step.cursors[place["intents", "side"]] - step.cursors[place["intents", "main"]] == 1
    assert [row.first for row in many.steps[-2:]] == [0, 15]


def test_a_dead_execution_refuses_only_what_it_would_trade(many: System) -> None:
    """One account whose execution stopped must not stop the other."""
    strategy = both()
    role = many.role(strategy)
    begin(role)
    for _ in range(INTENTS_MOST):
        assert strategy.place(BTC, BUY, 10, 99) is not None
    assert strategy.place(BTC, BUY, 10, 99) is None
    assert strategy.place(ETH, BUY, 10, 99) is not None


def answer(many: System, draw: random.Random, of: int) -> None:
    """What an execution may publish of one of its intents."""
    intents = many.recorded(f"intents.{NAME}.{OWNERS.executions[PLACES[of]]}")
    if not intents:
        return
    row = draw.choice(intents)
    state = draw.choice((OrderState.OPEN, OrderState.FILLED, OrderState.CANCELLED))
    many.verdict(row.intent_id, draw.choice((0, 0, 12)), row.kind, of)
    many.order(row.intent_id, state, side=row.side or 1, price=row.price, size=row.size, of=of)
    if state == OrderState.FILLED:
        many.fill(row.intent_id, row.side or 1, row.size or 1, of=of)


def run(many: System, draw: random.Random, make: Callable[[], Strategy]) -> None:
    """A random market at both venues, with deaths of the strategy."""
    role = many.role(make())
    for now_ns in range(1_000, 1_400):
        for _ in range(draw.randrange(4) if draw.random() < 0.98 else 100):
            of = draw.choice((1, 2))
            if draw.random() < 0.6:
                many.book([(draw.randrange(90, 99), 30)], [(draw.randrange(100, 110), 10)], of=of)
            else:
                many.print_(BUY, draw.randrange(1, 30), of=of)
        if draw.random() < 0.4:
            answer(many, draw, draw.choice((1, 2)))
        if draw.random() < 0.01:
            many.kill()
            role = many.role(make())
        role.step(now_ns)
        history(many)
        for lane, of in ((f"intents.{NAME}.main", 1), (f"intents.{NAME}.side", 2)):
            many.writer("accepted", of).write(NUMBER, len(many.recorded(lane)), 1, 0, (0,) * 5)


@pytest.mark.parametrize("seed", range(4))
def test_the_replay_of_a_strategy_over_two_feeds_is_exact(many: System, seed: int) -> None:
    """Byte for byte, over both feeds and both accounts, also across a death and a burst."""
    print(f"seed {seed}")  # noqa: T201 - to run it again
    run(many, random.Random(seed), both)
    lanes, steps = history(many), many.steps
    assert min(len(lanes["intents.main"]), len(lanes["intents.side"])) > 100
    lives = replay(lambda opened: StrategyRole(NAME, NUMBER, both(), opened, routes=PLACES), lanes, steps, OWNERS)
    assert differences(lives, lanes, steps, OWNERS) == []


def test_a_replay_that_submits_to_the_other_account_is_found_out(many: System) -> None:
    """A comparison that does not look at the lane of an intent would prove nothing."""
    run(many, random.Random(1), both)
    lanes, steps = history(many), many.steps
    lives = replay(lambda opened: StrategyRole(NAME, NUMBER, both(), opened, routes={1: 1, 2: 0}), lanes, steps, OWNERS)
    assert {text.partition(" differs")[0].split()[2] for text in differences(lives, lanes, steps, OWNERS)} >= {"intent"}


def test_a_restarted_strategy_knows_its_positions_and_orders_at_every_execution(many: System) -> None:
    """A restart that forgets one account quotes there a second time."""
    first = both()
    role = many.role(first)
    begin(role)
    at_main, at_side = first.place(BTC, BUY, 10, 99), first.place(ETH, BUY, 20, 99)
    assert at_main is not None
    assert at_side is not None
    many.order(at_main, OrderState.PARTLY_FILLED, filled=4)
    many.fill(at_main, BUY, 4)
    many.order(at_side, OrderState.FILLED, size=20, filled=20, of=2)
    many.fill(at_side, BUY, 20, of=2)
    many.kill()
    again = both()
    begin(many.role(again), 9_000)
    assert (again.position(BTC), again.position(ETH)) == (4, 20)
    assert [order.intent_id for order in again.orders(BTC)] == [at_main]
    assert list(again.orders(ETH)) == []
    following = again.place(ETH, BUY, 1, 99)
    assert following == max(at_main, at_side) + 1


def test_more_owners_than_a_step_has_bits_for_are_refused() -> None:
    """The lapped lanes are bits of one cell: a lane without a bit could be lapped and replayed as if it were not."""
    check_places(10, 10)
    with pytest.raises(ValueError, match="11 feeds and 10 accounts: a strategy reads 66 lanes, expected 64 at most"):
        check_places(11, 10)
    assert len(places(tuple("abcdefghij"), tuple("klmnopqrst"))) == LANES_MOST


def test_one_feed_and_one_execution_have_the_cursors_that_they_always_had() -> None:
    """Yesterday's STEPS must stay readable."""
    assert [kind for kind, _ in places()] == [
        "ticks", "books", "verdicts", "orders", "fills", "commands", "intents", "bars", "global_books", "opportunities",
    ]  # fmt: skip

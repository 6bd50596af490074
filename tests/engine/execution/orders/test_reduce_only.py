"""Reduce-only: an order that never opens a position and never turns one, whatever its size, its type and the venue."""

import random
from pathlib import Path
from typing import Any

import pytest

from engine.model import algorithms
from engine.model.refusals import refusal_text
from engine.model.words import BUY, SELL, IntentFlag, IntentKind, OrderFlag, Reason, TimeInForce
from tests.engine.execution.memory import AS_CHASE, AS_LIMIT, AS_MARKET, MS, OTHER, STRATEGY, House
from tests.engine.execution.orders.test_exit_histories import HELD, History, run_histories

SHARE, WHOLE = 6, 4_000
NARROW = (6_000_000, 6_000_100)
REDUCE = {"flags": IntentFlag.REDUCE_ONLY}


def worked(name: str, **terms: int) -> dict[str, Any]:
    """The words of an intent for an algorithm."""
    number, parameters = algorithms.encode(name, terms)
    return {"algorithm": number, "parameters": parameters}


KINDS = (
    AS_LIMIT, AS_LIMIT, AS_MARKET, AS_CHASE, worked("protected"), worked("twap", duration_ms=900, slices=3),
    worked("stop", stop_price=6_000_050), worked("oco", stop_price=6_050_000), worked("oco", stop_price=5_950_000),
)  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that holds 1000 units."""
    house = House(tmp_path)
    house.ready()
    order = house.place(size=1000, price=6_000_000)
    house.venue.fill(order.client_id.hex(), 1000)
    house.run(3)
    return house


class Reducing(History):
    """Reduce-only intents of any kind, on either side, in a book in which entries would be approved."""

    def __init__(self, directory: Path, random_: random.Random) -> None:
        """The book is narrow again."""
        super().__init__(directory, random_)
        self.house.book(*NARROW)
        self.house.run(2)

    def place(self) -> None:
        """Either way, of any kind and size."""
        strategy = self.random.choice((STRATEGY, OTHER))
        if self.random.random() < 0.4:
            self.house.venue.liquidity["BTCUSDT"] = self.random.randint(1, 2_000)
        self.intents[strategy].append(self.house.intent(
            strategy=strategy, side=self.random.choice((BUY, SELL)), size=self.size(strategy), **REDUCE,
            price=self.random.choice((5_990_000, 6_000_000, 6_010_000)), **self.random.choice(KINDS),
            time_in_force=self.random.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC)),
        ))  # fmt: skip

    def replace(self) -> None:
        """A larger size for an order that may be open."""
        strategy = self.random.choice((STRATEGY, OTHER))
        if self.intents[strategy]:
            target = self.random.choice(self.intents[strategy][-4:])
            side = SELL if HELD[strategy] > 0 else BUY
            self.intents[strategy].append(self.house.intent(
                strategy=strategy, kind=IntentKind.REPLACE, target_id=target, side=side, price=6_000_000,
                size=self.size(strategy),
            ))  # fmt: skip

    def die(self) -> None:
        """Execution is killed and lives again."""
        self.house.restart()
        self.house.run(self.random.choice((0, 30)))
        self.house.book(*NARROW)

    def move(self) -> None:
        """The book moves."""
        by = self.random.randint(-10, 10) * 100
        self.house.book(NARROW[0] + by, NARROW[1] + by)


@pytest.mark.parametrize("count", [SHARE, pytest.param(WHOLE, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_no_history_of_reduce_only_intents_opens_turns_or_grows_a_position(tmp_path: Path, count: int) -> None:
    """An entry would be approved here: only the flag holds these orders to the position."""
    left = run_histories(Reducing, tmp_path, count)
    assert left < count * 3_500, "too few orders were approved for the test to mean something"


def test_the_order_is_cut_to_what_no_open_order_closes_already(house: House) -> None:
    """Two orders that each close everything would turn the position."""
    house.place(side=SELL, size=300, price=6_010_000)
    cut = house.place(side=SELL, size=5_000, price=6_020_000, **REDUCE)
    assert (cut.size, cut.flags & OrderFlag.REDUCE_ONLY) == (700, OrderFlag.REDUCE_ONLY)
    late = house.intent(side=SELL, size=100, price=6_020_000, **REDUCE)
    house.run(3)
    assert house.verdict(late) == Reason.NOTHING_TO_REDUCE
    assert "no position that its open orders do not close" in refusal_text(Reason.NOTHING_TO_REDUCE)
    house.check_truth()


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_position_on_the_other_side_it_is_refused(house: House, kind: dict[str, Any]) -> None:
    """A purchase opens more of a long position."""
    intent_id = house.intent(side=BUY, size=100, price=6_010_000, **REDUCE, **kind)
    house.run(5)
    refused = (Reason.NOTHING_TO_REDUCE, Reason.UNKNOWN_ORDER, Reason.ALGORITHM_PARAMETER)
    assert house.verdict(intent_id) in refused
    assert len(house.venue.orders) == 1


@pytest.mark.parametrize("fill", [0, 100])
def test_a_replacement_stays_within_the_position(house: House, fill: int) -> None:
    """The flag is the order's for its whole life, over its replacement and over a death."""
    order = house.place(side=SELL, size=400, price=6_010_000, **REDUCE)
    if fill:
        house.venue.fill(order.client_id.hex(), fill)
    house.restart()
    house.ready()
    intent_id = house.intent(kind=IntentKind.REPLACE, target_id=order.intent_id, side=SELL, size=9_000, price=6_020_000)
    house.run(10)
    new = house.role.blotter.newest[intent_id]
    assert (new.size, bool(new.flags & OrderFlag.REDUCE_ONLY)) == (1_000 - fill, True)


def test_an_order_with_an_end_time_is_cancelled_within_ten_milliseconds_of_it_also_after_a_death(house: House) -> None:
    """Binance spot knows no such order: execution keeps the time, in the journal."""
    order = house.place(side=SELL, size=100, price=6_010_000, timeout_ns=500 * MS)
    end_ns = order.deadline_ns
    house.restart()
    house.ready()
    while house.now_ns < end_ns - 10 * MS:
        house.run()
    there = house.venue.orders[order.client_id.hex()]
    assert there.open
    while house.now_ns < end_ns + 10 * MS:
        house.run()
    assert not there.open

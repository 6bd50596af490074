"""A resting child that only reduces, while other orders reduce the position: it is never more than what is left."""

import contextlib
from pathlib import Path

import pytest

from engine.model.words import BUY, SELL, IntentFlag
from tests.engine.execution.algorithms.market import ASK, BID, DeathError, MarketHouse, die_after
from tests.engine.execution.memory import MS, STRATEGY, requests

FAR, SIZE = 1_000, 1_000
AMEND = "order.amend.keepPriority"


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that holds a position."""
    house = MarketHouse(tmp_path)
    house.intent(side=BUY, size=SIZE, price=ASK)
    house.turn(5)
    return house


def rests(house: MarketHouse, size: int = SIZE, price: int = BID + FAR) -> int:
    """A reduce-only intent whose child rests above the market."""
    terms = {"stop_price": BID - FAR, "flags": IntentFlag.REDUCE_ONLY}
    intent_id = house.parent("oco", size, price, SELL, **terms)
    house.turn(5)
    return intent_id


def sell(house: MarketHouse, size: int) -> None:
    """Another order of the strategy, which is no exit of the account's kind: it sells at once."""
    house.intent(side=SELL, size=size, price=BID)
    house.turn(20)


def position(house: MarketHouse) -> int:
    """What the strategy holds."""
    return int(house.role.ledger.owned[STRATEGY, 1].size)


@pytest.mark.parametrize("before", [0, 250])
def test_a_resting_exit_is_made_smaller_at_its_place_when_another_order_sells(house: MarketHouse, before: int) -> None:
    """It would open the other side; a cancel and a new order would lose its place in the queue."""
    intent_id = rests(house)
    (child,) = house.children(intent_id)
    if before:
        house.venue.fill(child.client_id, before)
        house.turn(5)
    sell(house, 400)
    assert house.venue.resting == [child]
    assert [one["newQty"] for one in requests(house, AMEND)] == ["0.00600"]
    house.venue.sweep(BID + FAR, ASK + FAR)
    house.turn(50)
    assert (child.executed, position(house)) == (600, 0)
    house.check_ended(intent_id)


def test_the_target_of_a_bracket_is_made_smaller_too(tmp_path: Path) -> None:
    """Its exits are cut as those of a reduce-only order."""
    house = MarketHouse(tmp_path)
    intent_id = house.parent("bracket", SIZE, ASK, target_price=BID + FAR, stop_price=BID - FAR)
    house.turn(20)
    sell(house, 400)
    (target,) = house.venue.resting
    assert target.size == 600
    house.venue.sweep(BID + FAR, ASK + FAR)
    house.turn(50)
    assert position(house) == 0
    house.check_ended(intent_id)


def test_two_resting_exits_are_made_smaller_one_after_the_other(house: MarketHouse) -> None:
    """Counted at once, each would give up the whole difference, and a part of the position would have no exit."""
    made = [rests(house, 500), rests(house, 500, BID + 2 * FAR)]
    sell(house, 300)
    assert sum(one.size - one.executed for one in house.venue.resting) == position(house) == 700
    house.venue.sweep(BID + 2 * FAR, ASK + 2 * FAR)
    house.turn(50)
    assert position(house) == 0
    house.check_ended(made[0])


def test_what_is_too_small_for_an_order_is_cancelled(house: MarketHouse) -> None:
    """An order below the venue's least size cannot be made; what is left of the position stays with its owner."""
    intent_id = rests(house)
    sell(house, SIZE)
    assert (house.venue.resting, requests(house, AMEND)) == ([], [])
    house.turn(300)
    house.check_ended(intent_id)


@pytest.mark.parametrize("what", ["lose", "mute", "unknown_done", "unknown_not", "late", "cut", "busy"])
@pytest.mark.parametrize("dies", [False, True])
def test_a_lost_answer_or_a_death_leaves_no_exit_that_is_too_large(
    house: MarketHouse, what: str, *, dies: bool
) -> None:
    """The size at the venue may be the old one or the new one, and the next life has no record of the request."""
    intent_id = rests(house)
    house.venue.fault(AMEND, what)
    if dies:
        die_after(house, 6)
    with contextlib.suppress(DeathError):
        sell(house, 400)
    if dies:
        house.rings["journal"].__dict__.pop("publish_bytes", None)
        house.restart()
        house.ready()
    house.run(40, 250 * MS)
    house.turn(200, 10 * MS)
    assert [one.size - one.executed for one in house.venue.resting] == [position(house)]
    house.venue.sweep(BID + FAR, ASK + FAR)
    house.turn(100)
    assert position(house) == 0
    house.check_ended(intent_id)

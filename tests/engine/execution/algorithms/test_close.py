"""Close: the orders end, the venue confirms it, the position is sold or bought back in slices, through any death."""

import random
from pathlib import Path

import pytest

from engine.model.words import BUY, SELL, IntentKind, ParentStatus, Reason
from tests.engine.execution.algorithms.market import MarketHouse, die_after, run_through
from tests.engine.execution.memory import MS, OTHER, STRATEGY

SHARE, WHOLE = 40, 1_000
soak = (pytest.mark.soak, pytest.mark.timeout(3600))
LEAST = 9  # 5 USDT at the price of the market, in steps of 0.00001


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade."""
    return MarketHouse(tmp_path)


def hold(house: MarketHouse, size: int = 1_000, side: int = BUY) -> None:
    """A position, and an order that rests on each side."""
    house.intent(side=side, size=size, price=6_000_100 if side == BUY else 6_000_000)
    house.turn(4)
    house.intent(side=BUY, size=300, price=5_990_000)
    house.intent(side=SELL, size=200, price=6_010_000)
    house.turn(4)
    assert len(house.venue.resting) == 2


def close(house: MarketHouse, **terms: int) -> int:
    """The intent; its side is what the strategy believed."""
    return house.parent("close", 0, terms.pop("price", 0), SELL, **terms)


def held(house: MarketHouse, strategy: int = STRATEGY) -> int:
    """The strategy's position."""
    return house.role.ledger.owned[strategy, 1].size


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_orders_are_cancelled_and_confirmed_before_the_first_slice(house: MarketHouse, side: int) -> None:
    """A sale beside an open sale could sell more than is held."""
    hold(house, side=side)
    intent_id = close(house)
    house.turn(1)
    assert house.children(intent_id) == [], "the venue has not confirmed the cancels yet"
    house.turn(6)
    assert held(house) == 0
    [child] = house.children(intent_id)
    assert child.side == ("SELL" if side == BUY else "BUY")
    assert child.price == ("59940.00" if side == BUY else "60061.00"), "10 bps beyond the best opposite price"
    house.check_ended(intent_id)


def test_a_fill_that_overtakes_the_cancel_is_closed_too(house: MarketHouse) -> None:
    """The position of the moment of the intent is not the one that must become flat."""
    hold(house)
    intent_id = close(house)
    resting = next(one for one in house.venue.orders.values() if one.size == 300)
    house.venue.fill(resting.client_id, 120)
    house.turn(8)
    assert (held(house), house.filled(intent_id)) == (0, 1_120)
    house.check_ended(intent_id)


def test_slices_follow_one_another_and_leave_nothing_too_small_for_an_order(house: MarketHouse) -> None:
    """A last slice under the least notional would be rejected, and the position stay."""
    hold(house)
    intent_id = close(house, slice=331)
    house.turn(400)
    assert [one.size for one in house.children(intent_id)] == [331, 331, 338]
    assert held(house) == 0
    house.check_ended(intent_id)


@pytest.mark.parametrize("size", [LEAST - 1, 0])
def test_what_no_order_can_close_is_refused_with_its_size(house: MarketHouse, size: int) -> None:
    """The strategy must learn that its dust stays, and that nothing works for it any more."""
    hold(house)
    if size:
        house.intent(side=SELL, size=1_000 - size, price=6_000_000)
    else:
        house.intent(side=SELL, size=1_000, price=6_000_000)
    house.turn(4)
    intent_id = close(house)
    house.turn(8)
    [approval, refusal] = [row for row in house.rings["verdicts"].rows if row.intent_id == intent_id]
    assert (approval.reason, refusal.kind) == (Reason.APPROVED, IntentKind.PLACE)
    expected = (Reason.NOTIONAL_TOO_SMALL, 6_000_000 * size) if size else (Reason.SIZE_STEP, 0)
    assert (refusal.reason, refusal.value) == expected
    assert held(house) == size
    house.check_ended(intent_id)


def test_dust_that_a_thin_book_leaves_is_said(house: MarketHouse) -> None:
    """Flat and not quite flat must look different."""
    hold(house)
    house.venue.depth = 995
    intent_id = close(house)
    house.turn(400)
    last = [row for row in house.rings["verdicts"].rows if row.intent_id == intent_id][-1]
    assert (last.reason, last.value, held(house)) == (Reason.NOTIONAL_TOO_SMALL, 5 * 6_000_000, 5)
    house.check_ended(intent_id)


def test_nothing_is_sold_beyond_the_limit_and_the_time_ends_it(house: MarketHouse) -> None:
    """An author's own price holds for every slice."""
    hold(house)
    house.turn()
    intent_id = close(house, price=6_000_100, timeout_ms=500)
    house.turn(300)
    assert house.children(intent_id) == []
    house.turn(400)
    assert (house.status(intent_id), held(house)) == (ParentStatus.DONE, 1_000)
    house.check_ended(intent_id)


def test_slices_without_a_fill_follow_at_doubling_pauses(house: MarketHouse) -> None:
    """A book that nothing trades in must not use up the order rate."""
    hold(house)
    house.venue.depth = 0
    intent_id = close(house)
    house.turn(3_000)
    assert len(house.children(intent_id)) <= 8
    house.venue.depth = 10**9
    house.turn(4_000)
    assert held(house) == 0
    house.check_ended(intent_id)


def test_orders_of_another_strategy_and_later_ones_stay(tmp_path: Path) -> None:
    """A strategy closes what is its own, and may begin anew at once."""
    house = MarketHouse(tmp_path, strategies=(STRATEGY, OTHER))
    hold(house)
    house.intent(side=BUY, size=500, price=5_980_000, strategy=OTHER)
    house.turn(4)
    close(house)
    house.intent(side=BUY, size=700, price=5_970_000)
    house.turn(12)
    assert sorted(one.size for one in house.venue.resting) == [500, 700]
    assert held(house) == 0


def test_an_older_stop_ends_too(house: MarketHouse) -> None:
    """A stop that outlives the position would open one on the other side."""
    hold(house)
    stop = house.parent("stop", 1_000, side=SELL, stop_price=5_900_000)
    house.turn(3)
    assert house.status(stop) == ParentStatus.WORKING
    intent_id = close(house)
    house.turn(10)
    assert (house.status(stop), held(house)) == (ParentStatus.DONE, 0)
    house.check_ended(intent_id)


@pytest.mark.parametrize("kind", [IntentKind.CANCEL, IntentKind.CANCEL_ALL])
def test_a_close_that_waits_can_be_cancelled(house: MarketHouse, kind: IntentKind) -> None:
    """Its strategy must not wait for it for ever."""
    hold(house)
    house.venue.fault("order.cancel", "late", "late")
    intent_id = close(house)
    house.turn(2)
    house.intent(kind=kind, target_id=intent_id)
    house.turn(2)
    assert house.status(intent_id) == ParentStatus.DONE
    assert house.verdict(intent_id) == Reason.UNKNOWN_ORDER
    assert held(house) == 1_000


def test_a_close_during_a_halt_is_refused(house: MarketHouse) -> None:
    """A halt stops exits too; closing during a halt is the operator's flatten."""
    hold(house)
    house.role.gate.halted = True
    intent_id = close(house)
    house.turn(3)
    assert house.verdict(intent_id) == Reason.HALTED


@pytest.mark.parametrize("count", [SHARE, pytest.param(WHOLE, marks=soak)])
def test_a_death_after_any_record_ends_flat(tmp_path: Path, count: int) -> None:
    """Every record of the choreography is a place where execution may die; the next life closes what is left."""

    def begin(directory: Path) -> MarketHouse:
        directory.mkdir()
        house = MarketHouse(directory)
        hold(house)
        house.venue.depth = 400
        return house

    whole = begin(tmp_path / "whole")
    before = whole.rings["journal"].cursor
    run_through(whole, close(whole, slice=300))
    records = whole.rings["journal"].cursor - before
    for at in range(1, records, max(1, records // count)):
        house = begin(tmp_path / str(at))
        die_after(house, at)
        intent_id = close(house, slice=300)
        run_through(house, intent_id)
        assert held(house) == 0, f"record {at}"
        house.check_ended(intent_id)


@pytest.mark.parametrize("count", [SHARE // 10, pytest.param(WHOLE, marks=soak)])
def test_drawn_markets_and_deaths_leave_at_most_dust(tmp_path: Path, count: int) -> None:
    """Whatever the market does and whenever execution dies: never beyond flat, nothing left at the venue."""
    for seed in range(count):
        print(f"seed {seed}")  # noqa: T201 - to repeat it
        draw = random.Random(f"close {seed}")
        (tmp_path / str(seed)).mkdir()
        house = MarketHouse(tmp_path / str(seed))
        side = draw.choice((BUY, SELL))
        hold(house, draw.randrange(300, 3_000), side)
        die_after(house, draw.randrange(1, 60))
        intent_id = close(house, slice=draw.choice((0, 200, 450)))
        run_through(house, intent_id, draw, each_ns=5 * MS)
        assert 0 <= held(house) * side <= 2 * LEAST, f"seed {seed}"
        house.check_ended(intent_id)

"""A smaller size of an open order: in place, under the same id, recovered whatever becomes of the answer."""

import contextlib
from pathlib import Path

import pytest

from engine.model.fixed import to_fixed
from engine.model.words import IntentKind, OrderState, Reason
from tests.engine.execution.algorithms.market import DeathError, die_after
from tests.engine.execution.memory import MS, House, requests

AMEND = "order.amend.keepPriority"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path)
    house.ready()
    return house


def amend(house: House, target: int, size: int, **more: int) -> int:
    """The intent."""
    return house.intent(kind=IntentKind.AMEND, target_id=target, size=size, **more)


def exposed(house: House) -> int:
    """What open orders may still buy."""
    return int(house.role.ledger.account[1].open_buy)


def test_an_order_is_made_smaller_in_place(house: House) -> None:
    """Its id at the venue, and so its place in the queue, stays; the exposure is smaller once the venue confirms it."""
    order = house.place(size=1_000)
    before = order.venue_order_id
    number = amend(house, order.intent_id, 400)
    house.run(1)
    assert exposed(house) == 1_000, "not confirmed yet"
    house.run(3)
    assert (order.size, order.state, order.venue_order_id, exposed(house)) == (400, OrderState.OPEN, before, 400)
    assert house.verdict(number) == Reason.APPROVED
    assert [one["newQty"] for one in requests(house, AMEND)] == ["0.00400"]
    house.venue.fill(order.client_id.hex(), 400)
    house.run(3)
    assert order.state == OrderState.FILLED
    house.check_truth()


def test_an_order_with_fills_is_made_smaller_and_fills_whole(house: House) -> None:
    """The size is the whole, with the filled part."""
    order = house.place(size=1_000)
    house.venue.fill(order.client_id.hex(), 300)
    house.run(2)
    amend(house, order.intent_id, 500)
    house.run(4)
    house.venue.fill(order.client_id.hex(), 200)
    house.run(4)
    assert (order.filled, order.state) == (500, OrderState.FILLED)
    house.check_truth()


def test_a_fill_that_overtakes_the_amend_leaves_the_order_as_it_is(house: House) -> None:
    """The venue refuses a size below what is filled."""
    order = house.place(size=1_000)
    amend(house, order.intent_id, 400)
    house.venue.fill(order.client_id.hex(), 600)
    house.run(40)
    assert (order.size, order.filled, order.state) == (1_000, 600, OrderState.PARTLY_FILLED)
    assert exposed(house) == 400
    house.check_truth()


@pytest.mark.parametrize(("size", "target", "reason"), [
    (1_000, 0, Reason.NOT_AMENDABLE), (2_000, 0, Reason.NOT_AMENDABLE), (0, 0, Reason.NOT_AMENDABLE),
    (-5, 0, Reason.NOT_AMENDABLE), (5, 0, Reason.NOTIONAL_TOO_SMALL), (400, 77, Reason.UNKNOWN_ORDER),
])  # fmt: skip
def test_a_wrong_amend_is_refused_and_sends_nothing(house: House, size: int, target: int, reason: Reason) -> None:
    """A larger size would be a new order at the end of the queue, and needs risk's whole list."""
    order = house.place(size=1_000)
    number = amend(house, target or order.intent_id, size)
    house.run(3)
    assert (house.verdict(number), requests(house, AMEND)) == (reason, [])


def test_one_amend_at_a_time_and_none_during_a_halt(house: House) -> None:
    """With two under way it would not be known which size holds."""
    order = house.place(size=1_000)
    amend(house, order.intent_id, 800)
    second = amend(house, order.intent_id, 600)
    house.run(4)
    assert house.verdict(second) == Reason.NOT_AMENDABLE
    house.role.gate.halted = True
    third = amend(house, order.intent_id, 500)
    house.run(1)
    assert house.verdict(third) == Reason.HALTED


@pytest.mark.parametrize("fault", ["lose", "mute", "late", "twice", "cut", "unknown_done", "unknown_not"])
def test_an_answer_that_is_lost_doubled_or_late_ends_in_the_venue_s_size(house: House, fault: str) -> None:
    """The size that the order has at the venue is the exposure that risk must count."""
    order = house.place(size=1_000)
    house.venue.fault(AMEND, fault)
    amend(house, order.intent_id, 400)
    house.settle(30)
    there = house.venue.orders[order.client_id.hex()]
    assert (order.size, exposed(house)) == (there.size, there.size)
    assert there.size == (1_000 if fault in ("lose", "unknown_not") else 400)
    house.venue.fill(there.client_id, there.size)
    house.settle(2)
    assert order.state == OrderState.FILLED
    house.check_truth()
    assert not house.halts_asked


def test_a_report_from_before_the_amend_is_no_contradiction(house: House) -> None:
    """Events and answers overtake one another: a halt for it would stop a sound instrument."""
    order = house.place(size=1_000)
    house.venue.event_latency_ns = 300 * MS
    house.venue.fill(order.client_id.hex(), 100)
    amend(house, order.intent_id, 400)
    house.settle(10)
    assert (order.size, order.filled) == (400, 100)
    assert not house.role.alarm.instruments
    house.check_truth()


@pytest.mark.parametrize("fault", ["ok", "mute", "lose"])
def test_a_death_after_any_record_ends_in_the_venue_s_size(tmp_path: Path, fault: str) -> None:
    """The request may have left or not: the next life accepts both sizes, and counts the one that the venue has."""
    for at in range(6):
        house = House(tmp_path / str(at))
        house.ready()
        order = house.place(size=1_000)
        house.venue.fault(AMEND, fault)
        die_after(house, at)
        amend(house, order.intent_id, 400)
        with contextlib.suppress(DeathError):
            house.run(40)
        house.rings["journal"].__dict__.pop("publish_bytes", None)
        house.restart()
        house.settle(30)
        there = house.venue.orders[order.client_id.hex()]
        here = house.role.blotter.orders[order.client_id]
        assert (here.size, exposed(house)) == (there.size, there.size), f"record {at}"
        assert to_fixed(there.price, 2) == here.price
        house.check_truth()

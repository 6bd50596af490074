"""What a strategy knows of its positions and orders, record by record."""

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from engine.model.words import BUY, SELL, IntentKind, OrderState, Reason
from engine.strategy.api import ledger as module
from engine.strategy.api.ledger import Ledger
from tests.engine.execution.memory import BTC, ETH

COARSE = replace(BTC, size_decimals=5, size_step=5, size_min=10, notional_min=1000)  # 1000 holdings in a unit of size


def ledger(settle: Any = None) -> Ledger:
    """Flat, in two instruments."""
    return Ledger(7, {1: COARSE, 2: ETH}, settle)


def intent(kind: IntentKind, intent_id: int, target_id: int = 0, **other: int) -> Any:
    """An intent as it lies on its lane."""
    row = {"instrument": 1, "side": BUY, "price": 100, "size": 10} | other
    return SimpleNamespace(kind=kind, intent_id=intent_id, target_id=target_id, **row)


def order(intent_id: int, state: OrderState, **other: int) -> Any:
    """An order's record."""
    row = {"instrument": 1, "side": BUY, "price": 100, "size": 10, "filled": 0} | other
    child = {"child": 0, "replaces_id": 0, "replaces_child": 0, "flags": 0} | row
    return SimpleNamespace(intent_id=intent_id, state=state, **child)


def verdict(intent_id: int, reason: Reason) -> Any:
    """Execution's answer to an intent."""
    return SimpleNamespace(intent_id=intent_id, reason=reason, flags=0)


def fill(fill_id: int, side: int = BUY, size: int = 10, **other: Any) -> Any:
    """A fill's record."""
    row = {"instrument": 1, "dust": 0, "fee": 0, "fee_asset": b""} | other
    return SimpleNamespace(venue_fill_id=fill_id, side=side, size=size, **row)


def test_nothing_is_held_and_nothing_works_at_the_beginning() -> None:
    """A position believed without a record is one that an exit sells for real."""
    one = ledger()
    assert (one.position(1), one.dust(1), one.working, one.strategy) == (0, 0, {}, 7)


def test_fills_add_up_with_their_sign_less_the_fee_in_the_base_asset() -> None:
    """A strategy that counts the fee as held asks for more than the venue has."""
    one = ledger()
    assert one.fill(fill(1, size=100, fee=2_500, fee_asset=b"BTC\0"))
    assert (one.held[1], one.position(1), one.dust(1)) == (97_500, 95, 2_500)
    assert one.fill(fill(2, SELL, 20, fee=9, fee_asset=b"USDT"))
    assert (one.held[1], one.position(1), one.dust(1)) == (77_500, 75, 2_500)
    assert one.fill(fill(3, SELL, 200))
    assert (one.held[1], one.position(1), one.dust(1)) == (-122_500, -120, -2_500)
    assert one.position(2) == 0


def test_an_openings_dust_is_held_as_well() -> None:
    """A ring whose first record is a position also brings, beside the size, the rest that no order can close."""
    one = ledger()
    one.fill(fill(0, SELL, 15, dust=-2_999))
    assert (one.position(1), one.dust(1)) == (-15, -2_999)


def test_a_fill_counts_once_for_each_instrument_and_number() -> None:
    """Two instruments may use one number; one instrument uses it once."""
    one = ledger()
    assert one.fill(fill(1))
    assert not one.fill(fill(1))
    assert one.fill(fill(1, instrument=2))
    assert (one.position(1), one.position(2)) == (10, 10)


def test_the_oldest_fill_is_forgotten_first_and_only_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and the fills that a restart repeats are the youngest."""
    monkeypatch.setattr(module, "FILLS_REMEMBERED", 2)
    one = ledger()
    one.fill(fill(1))
    one.fill(fill(2))
    assert not one.fill(fill(1))
    one.fill(fill(3))
    assert [one.fill(fill(number)) for number in (3, 2, 1)] == [False, False, True]


def test_a_restart_may_repeat_4096_fills_and_no_more_are_remembered() -> None:
    """Each of them must be known, and memory stays bounded."""
    one = ledger()
    for number in range(4096):
        one.fill(fill(number))
    assert not any(one.fill(fill(number)) for number in range(4096))
    one.fill(fill(4096))
    assert one.fill(fill(0))


def test_a_fill_of_an_instrument_that_is_not_configured_is_new_and_moves_nothing() -> None:
    """A former life may have traded it."""
    one = ledger()
    assert one.fill(fill(1, instrument=9))
    assert not one.fill(fill(1, instrument=9))
    assert (one.position(9), one.held) == (0, {})


def test_a_cell_sets_what_is_held_exactly() -> None:
    """Size and dust together; a cell of an instrument that is not configured is ignored."""
    one = ledger()
    one.set_held_from_cell(SimpleNamespace(instrument=1, size=15, dust=2_999))
    one.set_held_from_cell(SimpleNamespace(instrument=9, size=15, dust=0))
    assert (one.held, one.positions, one.dust(1)) == ({1: 17_999}, {1: 15}, 2_999)


def test_an_exit_asks_for_the_whole_position_where_it_is_worth_an_order(caplog: pytest.LogCaptureFixture) -> None:
    """The least notional is inside; under it nothing is asked for, which is logged once until it changes."""
    caplog.set_level(logging.INFO)
    one = ledger()
    one.set_held(1, -10_000)
    assert one.exit_size(COARSE, 100) == -10
    assert one.exit_size(COARSE, 99) == one.exit_size(COARSE, 99) == 0
    assert [(record.held, record.strategy, record.symbol) for record in caplog.records] == [
        ("-0.00010000", 7, "BTCUSDT")
    ]
    assert one.exit_size(COARSE, 100) == -10
    assert one.exit_size(COARSE, 99) == 0
    assert len(caplog.records) == 2


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_exit_asks_only_for_what_no_working_order_may_take(side: int) -> None:
    """Both filled would turn the position round; an order on the other side adds to it and counts for nothing."""
    one, small = ledger(), replace(ETH, notional_min=100)
    one.set_held(2, side * 50 * 10_000)
    one.begin(1, 2, -side, 100, 30)
    one.begin(2, 2, side, 100, 7)
    one.begin(3, 1, -side, 100, 9)
    assert one.exit_size(small, 100) == side * 20
    one.begin(4, 2, -side, 100, 19)
    assert one.exit_size(small, 100) == side
    assert one.exit_size(replace(small, notional_min=101), 100) == 0
    for size in (1, 5):
        one.begin(5, 2, -side, 100, size)
        assert one.exit_size(small, 100) == 0
    one.drop_orders()
    one.set_held(2, side * 10_000)
    assert one.exit_size(small, 100) == side


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_exit_asks_for_no_more_than_the_venues_largest_order(side: int) -> None:
    """Several orders build a position that no single order can close: asked for whole, it is refused for ever."""
    one, bounded = ledger(), replace(ETH, size_step=4, size_max=30, notional_min=100)
    one.set_held(2, side * 50 * 10_000)
    assert one.exit_size(bounded, 100) == side * 28
    one.begin(1, 2, -side, 100, 28)
    assert one.exit_size(bounded, 100) == side * 22
    assert one.exit_size(replace(bounded, size_max=0), 100) == side * 22


def test_an_exit_of_nothing_is_nothing_and_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Flat is not dust, also where no least notional is asked for."""
    caplog.set_level(logging.INFO)
    one, free = ledger(), replace(COARSE, notional_min=0)
    assert (one.exit_size(COARSE, 100), one.exit_size(free, 100), caplog.records) == (0, 0, [])
    one.set_held(1, 9_999)
    assert one.exit_size(free, 100) == 0
    assert len(caplog.records) == 1


def test_a_new_order_is_an_intent_on_its_way() -> None:
    """It has no state before execution has made an order of it."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5, side=SELL, price=101, size=20))
    (found,) = one.orders(1)
    assert one.working == {5: found}
    assert (found.intent_id, found.instrument, found.side, found.price, found.size) == (5, 1, SELL, 101, 20)
    assert (found.state, found.filled, found.remaining, found.cancelling, found.done) == (None, 0, 20, False, False)
    assert list(one.orders(2)) == []


def test_a_cancel_marks_its_target_alone() -> None:
    """And is no order itself; a target that is gone is ignored."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    one.intend(intent(IntentKind.PLACE, 6))
    one.intend(intent(IntentKind.CANCEL, 7, 5))
    one.intend(intent(IntentKind.CANCEL, 8, 99))
    assert {key: found.cancelling for key, found in one.working.items()} == {5: True, 6: False}


def test_a_replacement_is_an_order_and_marks_what_it_replaces() -> None:
    """Both may work for a while."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    one.intend(intent(IntentKind.REPLACE, 6, 5))
    assert {key: found.cancelling for key, found in one.working.items()} == {5: True, 6: False}


def test_a_cancel_of_everything_marks_every_order_of_the_instrument() -> None:
    """And none of another; a place marks none."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    one.intend(intent(IntentKind.PLACE, 6, instrument=2))
    assert not any(found.cancelling for found in one.working.values())
    one.intend(intent(IntentKind.CANCEL_ALL, 7))
    assert {key: found.cancelling for key, found in one.working.items()} == {5: True, 6: False}


def test_a_refused_intent_is_gone_and_an_approved_one_works() -> None:
    """A refused order that seems to work keeps the strategy from placing another."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    one.intend(intent(IntentKind.PLACE, 6))
    one.judge(verdict(5, Reason.APPROVED))
    one.judge(verdict(6, Reason.ORDER_RATE))
    one.judge(verdict(99, Reason.ORDER_RATE))
    assert list(one.working) == [5]


def test_a_second_verdict_does_not_end_an_order_that_works() -> None:
    """An intent that was doubled is refused once, and its order lives."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    one.change(order(5, OrderState.OPEN))
    one.judge(verdict(5, Reason.ORDER_RATE))
    assert list(one.working) == [5]


@pytest.mark.parametrize(("reason", "cancelling"), [(Reason.APPROVED, True), (Reason.ORDER_RATE, False)])
def test_a_refused_cancel_is_undone_and_an_approved_one_is_not(reason: Reason, cancelling: bool) -> None:
    """The strategy may then ask again; a refused replacement leaves its target as well."""
    for kind in (IntentKind.CANCEL, IntentKind.REPLACE):
        one = ledger()
        one.intend(intent(IntentKind.PLACE, 5))
        one.intend(intent(kind, 6, 5))
        one.judge(verdict(6, reason))
        assert one.working[5].cancelling is cancelling


def test_the_refusal_of_another_intent_undoes_no_cancel() -> None:
    """Whatever the number of the order that is being cancelled."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 1))
    one.intend(intent(IntentKind.CANCEL, 2, 1))
    one.judge(verdict(9, Reason.ORDER_RATE))
    assert one.working[1].cancelling


def test_a_verdict_ends_the_wait_of_its_cancel() -> None:
    """A verdict that comes again must not undo a later cancel."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    one.intend(intent(IntentKind.CANCEL, 6, 5))
    one.judge(verdict(6, Reason.APPROVED))
    one.judge(verdict(6, Reason.ORDER_RATE))
    assert one.working[5].cancelling


def test_an_order_gets_the_values_of_its_record_and_stays_the_same_object() -> None:
    """Strategies keep it."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    kept = one.working[5]
    assert one.change(order(5, OrderState.PARTLY_FILLED, price=102, size=30, filled=12)) is kept
    assert (kept.state, kept.price, kept.size, kept.filled, kept.remaining) == (
        OrderState.PARTLY_FILLED, 102, 30, 12, 18,
    )  # fmt: skip
    assert one.working == {5: kept}


def test_an_order_of_a_former_life_is_read_from_its_record() -> None:
    """A strategy that does not know its order places it twice."""
    one = ledger()
    found = one.change(order(5, OrderState.OPEN, side=SELL, instrument=2, price=102, size=30))
    assert (found.intent_id, found.instrument, found.side, found.price, found.size) == (5, 2, SELL, 102, 30)
    assert one.working == {5: found}


@pytest.mark.parametrize("end", [OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED])
def test_an_order_that_is_done_works_no_longer(end: OrderState) -> None:
    """Nor does an order whose first report is its end."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    assert one.change(order(5, end)).done
    assert one.change(order(6, end)).done
    assert one.working == {}


def test_a_cancel_under_way_shows_and_ends_when_the_venue_did_not_cancel() -> None:
    """An order that seems to be cancelled for ever is never cancelled again."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    assert one.change(order(5, OrderState.CANCELLING)).cancelling
    assert not one.change(order(5, OrderState.OPEN)).cancelling


def test_a_cancel_submitted_before_the_order_was_open_stays_submitted() -> None:
    """A report that it is open does not answer the cancel."""
    one = ledger()
    one.intend(intent(IntentKind.PLACE, 5))
    one.intend(intent(IntentKind.CANCEL, 6, 5))
    assert one.change(order(5, OrderState.OPEN)).cancelling


def test_what_was_begun_meanwhile_is_added_before_the_ledger_is_read() -> None:
    """The compiled path notes an order later than it sends it."""
    begun = [5, 6]
    one = ledger(lambda: [one.begin(begun.pop(), 1, BUY, 100, 10) for _ in tuple(begun)])
    assert sorted(one.working) == [5, 6]


def test_a_lap_forgets_orders_and_cancels_and_keeps_what_is_held() -> None:
    """What was lost of ORDERS cannot be known; POSITIONS can."""
    one = ledger()
    one.fill(fill(1))
    one.intend(intent(IntentKind.PLACE, 5))
    one.intend(intent(IntentKind.CANCEL, 6, 5))
    one.drop_orders()
    assert (one.working, one.position(1)) == ({}, 10)
    one.change(order(5, OrderState.CANCELLING))
    one.judge(verdict(6, Reason.ORDER_RATE))
    assert one.working[5].cancelling

"""A venue whose report contradicts the order: nothing false is applied, and the instrument is halted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.execution.orders.order import Order
from engine.execution.venue import contradictions
from engine.execution.venue.recovery import FETCHES_MOST
from engine.model.text import shown
from engine.model.words import (
    BUY,
    SELL,
    AlarmReason,
    CommandKind,
    OrderFlag,
    OrderState,
    OrderType,
    Reason,
    SessionState,
    TimeInForce,
)
from engine.venues.trading.news import FillNews, OrderNews
from tests.engine.execution.memory import BTC, House, requests
from tests.engine.execution.venue.test_alarm import alarms
from tests.engine.execution.venue_double import RefusedError

S = OrderState


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path)
    house.ready()
    return house


def report(house: House, order: Any, **wrong: Any) -> None:
    """An execution report of a fill of 0.00400 at the limit, with something wrong in it."""
    there = house.venue.orders[order.client_id.hex()]
    event = {
        "e": "executionReport", "s": "BTCUSDT", "c": order.client_id.hex(), "S": "BUY", "q": "0.01000",
        "p": "59990.00", "X": "PARTIALLY_FILLED", "i": there.id, "l": "0.00400", "z": "0.00400", "L": "59990.00",
        "T": house.now_ns // 1_000_000, "t": 777, "C": "", "n": "0.1", "N": "USDT", "m": True,
    } | wrong  # fmt: skip
    house.venue.ports[-1].inbox.append((0, json.dumps({"event": event}).encode()))


def refusal(house: House, **more: Any) -> int:
    """The verdict on one more intent."""
    house.book(instrument=more.get("instrument", 1))
    intent_id = house.intent(**more)
    house.run(3)
    return house.verdict(intent_id)


FALSE_FILLS = {
    "another symbol": {"s": "ETHUSDT", "q": "0.0100", "l": "0.0040", "z": "0.0040"},
    "a symbol that is not configured": {"s": "DOGEUSDT"},
    "the other side": {"S": "SELL"},
    "no price": {"L": "0.00"},
    "no size": {"l": "0.00000", "t": 778},
    "worse than the limit": {"L": "59990.01"},
    "more than the order's size": {"l": "0.01001", "z": "0.01001"},
    "more than the venue's own figure": {"l": "0.00500"},
    "another of the venue's orders": {"i": 999_999},
    "a fee above what was traded": {"n": "240.10000000"},
    "a fee in the base asset above what was traded": {"n": "0.00500000", "N": "BTC"},
    "a figure above the order's size": {"z": "0.01500"},
    "FILLED with less than its size": {"X": "FILLED"},
    "FILLED without a fill": {"X": "FILLED", "t": -1, "l": "0.00000", "z": "0.00000"},
    "an end with less than its fills": {"X": "CANCELED", "z": "0.00300", "t": -1},
}


@pytest.mark.parametrize("wrong", FALSE_FILLS.values(), ids=FALSE_FILLS)
def test_a_contradiction_halts_its_instrument_alone(house: House, wrong: dict[str, Any]) -> None:
    """Believed, it is a position that does not exist, and every exit after it opens one."""
    order = house.place()
    if "an end" in next(name for name, one in FALSE_FILLS.items() if one is wrong):
        report(house, order)
        house.run(2)
    report(house, order, **wrong)
    house.run(5)
    assert alarms(house)[0] in (AlarmReason.FALSE_FILL, AlarmReason.FALSE_STATUS)
    assert not house.role.gate.halted
    assert set(house.role.alarm.instruments) == {1}
    assert refusal(house) == Reason.INSTRUMENT_HALTED
    assert refusal(house, side=SELL, price=6_000_200) == Reason.INSTRUMENT_HALTED
    assert refusal(house, instrument=2) == Reason.APPROVED
    cell = house.cells["instrument_halts"].read(0)
    assert (cell.instrument, cell.reason) == (1, house.role.alarm.instruments[1].reason)
    assert b"was not applied" in cell.text or b"contradicts it" in cell.text
    house.settle(5)
    assert not any(one.open for one in house.venue.orders.values() if one.symbol == "BTCUSDT")


def test_one_trade_under_three_numbers_is_taken_in_once(house: House) -> None:
    """It is a fill by the venue's own figure."""
    order = house.place()
    for number in (777, 778, 779):
        report(house, order, t=number)
    house.run(5)
    assert (order.filled, house.role.ledger.account[1].size) == (400, 400)
    assert alarms(house) == [AlarmReason.FALSE_FILL]


def test_a_later_report_that_comes_first_is_no_contradiction(house: House) -> None:
    """News may come late: a figure is only held against a later or a final one."""
    order = house.place()
    report(house, order, t=778, l="0.00300", z="0.00700")
    report(house, order, t=777)
    house.run(3)
    assert (order.filled, alarms(house)) == (700, [])


def test_a_better_price_is_no_contradiction(house: House) -> None:
    """Price improvement is what a limit is for."""
    order = house.place()
    report(house, order, L="59000.00")
    house.run(3)
    assert (order.filled, alarms(house)) == (400, [])


def test_an_order_reported_as_filled_without_fills_is_an_alarm(house: House) -> None:
    """Asked for ever it blocks the next start; forgotten it is a position that is not counted."""
    order = house.place()
    report(house, order, X="FILLED", t=-1, l="0.00000", z="0.01000")
    house.run(2)
    assert order.flags & (OrderFlag.FILLS_MISSING | OrderFlag.FILLS_ABSENT) == OrderFlag.FILLS_MISSING
    house.settle(FETCHES_MOST)
    assert alarms(house) == [AlarmReason.FILLS_ABSENT]
    assert (order.filled, order.missing) == (0, False)
    assert order.flags & (OrderFlag.FILLS_MISSING | OrderFlag.FILLS_ABSENT) == OrderFlag.FILLS_ABSENT, "the router's"
    assert refusal(house) == Reason.INSTRUMENT_HALTED


def test_an_instruments_halt_outlives_the_process_and_ends_by_its_own_resume(house: House) -> None:
    """Neither SIGKILL nor another instrument's RESUME ends it, and what was resumed is not raised again."""
    order = house.place()
    report(house, order, S="SELL")
    house.run(5)
    house.restart()
    house.settle(5)
    assert refusal(house) == Reason.INSTRUMENT_HALTED
    house.command(CommandKind.RESUME, instrument=2)
    house.settle(1)
    assert refusal(house) == Reason.INSTRUMENT_HALTED
    house.command(CommandKind.RESUME, instrument=1)
    house.settle(1)
    assert refusal(house) == Reason.APPROVED
    assert house.cells["instrument_halts"].read(0).reason == 0
    house.restart()
    house.settle(5)
    assert refusal(house) == Reason.APPROVED
    assert alarms(house) == [AlarmReason.FALSE_FILL]


def test_a_systems_resume_ends_every_instruments_halt(house: House) -> None:
    """One command of the operator for the whole system."""
    report(house, house.place(), S="SELL")
    house.run(5)
    house.command(CommandKind.RESUME)
    house.settle(1)
    assert refusal(house) == Reason.APPROVED


def test_contradictions_at_any_speed_write_one_record(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A venue gone wrong must fill neither the journal nor the disk with its noise."""
    order = house.place()
    for number in range(5000):
        report(house, order, t=10_000 + number, S="SELL")
    house.run(5)
    assert alarms(house) == [AlarmReason.FALSE_FILL]
    assert len(caplog.records) < 100


def test_an_order_of_ours_in_a_symbol_that_is_not_configured_halts_the_system(house: House) -> None:
    """No strategy here can manage it, and no start may fail because of it."""
    house.venue.symbols = ("BTCUSDT", "ETHUSDT", "DOGEUSDT")
    order = house.place()
    there = house.venue.orders[order.client_id.hex()]
    stray = order.client_id[:-1] + b"\x07"
    house.venue.foreign(client_id=stray.hex()).symbol = "DOGEUSDT"
    there.status = "CANCELED"
    show = house.venue.show
    house.venue.show = lambda one, full=False: show(one, full) if one.symbol != "DOGEUSDT" else {
        "symbol": "DOGEUSDT", "orderId": one.id, "clientOrderId": one.client_id, "status": "NEW", "side": "BUY",
    }  # fmt: skip
    for _ in range(3):
        house.restart()
        house.settle(5)
        assert house.role.gate.halted
    assert AlarmReason.FALSE_STATUS in alarms(house)


def test_a_fill_whose_order_is_answered_with_another_symbol_ends_no_life(house: House) -> None:
    """The KeyError came again in every life: the fill was listed anew, and the answer stayed the same."""
    house.venue.lose_events = 2
    stray = house.venue.foreign(client_id=(house.role.broker._system + bytes(9) + b"\x09").hex(), size=100)
    house.venue.fill(stray.client_id, 100)
    status = house.venue.do_order_status
    house.venue.do_order_status = lambda port, params: status(port, params) | {"symbol": "DOGEUSDT"}
    for _ in range(3):
        house.restart()
        house.settle(5)
    assert AlarmReason.UNREADABLE in alarms(house)
    assert house.role.ledger.account[1].size == 0
    del house.venue.do_order_status
    house.settle(40)
    assert order_state(house, stray.client_id) == OrderState.FILLED
    assert house.role.ledger.account[1].size == 100


def test_a_persons_trade_in_another_symbol_halts_nothing(house: House) -> None:
    """The account may be shared: the checks concern our own orders only."""
    order = house.place()
    report(house, order, s="DOGEUSDT", c="web_17", i=5)
    house.run(3)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def session(house: House) -> Any:
    """What lookers are shown of the session."""
    return house.cells["sessions"].read(0)


def test_a_key_without_the_right_to_trade_is_no_ready_session(house: House) -> None:
    """The logon is accepted and every order refused: `status` followed the session and showed "trading"."""
    place = house.venue.do_order_place

    def refuse(*_: Any) -> Any:
        raise RefusedError(-2015, "Invalid API-key, IP, or permissions for action.")

    house.venue.do_order_place = refuse
    assert house.place().state == OrderState.REJECTED
    assert (session(house).state, shown(session(house).error)) == (SessionState.DENIED, "-2015")
    assert session(house).text.startswith(b"order refused: -2015 Invalid API-key, IP, or permissions for action.")
    house.venue.do_order_place = place
    house.book()
    house.place()
    assert session(house).state == SessionState.READY


def test_a_key_without_the_right_to_trade_is_known_before_the_first_order(tmp_path: Path) -> None:
    """The first order of the day is the worst moment to learn it; and a right that was given is noticed again."""
    house = House(tmp_path)
    may = house.venue.do_order_test

    def refuse(*_: Any) -> Any:
        raise RefusedError(-2015, "Invalid API-key, IP, or permissions for action.")

    house.venue.do_order_test = refuse
    house.ready()
    house.run(1)
    assert not requests(house, "order.place")
    assert (session(house).state, shown(session(house).error)) == (SessionState.DENIED, "-2015")
    assert session(house).text.startswith(b"test order refused: -2015 Invalid API-key, IP, or permissions for action.")
    house.venue.do_order_test = may
    house.settle(31)
    assert session(house).state == SessionState.READY


def test_an_account_that_may_not_trade_is_known_by_its_balances(tmp_path: Path) -> None:
    """An account can be barred while its key is in order."""
    house = House(tmp_path, balance_interval_ns=60_000_000_000)
    status = house.venue.do_account_status
    house.venue.do_account_status = lambda *call: status(*call) | {"canTrade": False}
    house.ready()
    house.settle(50)
    assert session(house).state == SessionState.DENIED
    assert b"canTrade is false" in session(house).text
    house.venue.do_account_status = status
    house.settle(61)
    assert session(house).state == SessionState.READY


def order_state(house: House, client_id: str) -> int:
    """The state of an order of ours."""
    return int(house.role.blotter.orders[bytes.fromhex(client_id)].state)


def purchase(**values: int) -> Order:
    """Ours: 0.01000 BTC at 100.00 at most, with these values."""
    one = Order(bytes(range(16)), 1, 3, 1, BUY, OrderType.LIMIT, TimeInForce.GTC, 10_000, 1_000)
    for name, value in values.items():
        setattr(one, name, value)
    return one


def fill(**values: Any) -> FillNews:
    """0.00400 of it at its limit, without a fee."""
    reported = {
        "symbol": "BTCUSDT", "client_id": b"", "venue_order_id": b"", "fill_id": b"7", "side": BUY, "price": 10_000,
        "size": 400, "fee": 0, "fee_asset": b"", "maker": False, "venue_ns": 0,
    }  # fmt: skip
    return FillNews(**reported | values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("order", "reported", "more", "why"),
    [
        ({}, {}, {}, ""),
        ({}, {"symbol": "ETHUSDT"}, {}, "a trade of ETHUSDT"),
        ({"venue_order_id": b"5"}, {"venue_order_id": b"5"}, {}, ""),
        ({"venue_order_id": b"2"}, {"venue_order_id": b"1"}, {}, "the venue's order 1, ours is 2"),
        ({"venue_order_id": b"1"}, {"venue_order_id": b"2"}, {}, "the venue's order 2, ours is 1"),
        ({"venue_order_id": b"5"}, {"venue_order_id": b""}, {}, ""),
        ({"venue_order_id": b""}, {"venue_order_id": b"5"}, {}, ""),
        ({}, {"side": 0}, {}, ""),
        ({}, {"side": SELL}, {}, "on side -1"),
        ({}, {"price": 1, "size": 1}, {}, ""),
        ({}, {"price": 0}, {}, "its price or its size is 0"),
        ({}, {"size": 0}, {}, "its price or its size is 0"),
        ({}, {"price": 10_001}, {}, "worse than the limit"),
        ({"side": SELL}, {"side": SELL, "price": 9_999}, {}, "worse than the limit"),
        ({"side": SELL}, {"side": SELL, "price": 10_001}, {}, ""),
        ({"price": 0}, {"price": 10_001}, {}, ""),
        ({"price": 1}, {"price": 2}, {}, "worse than the limit 1"),
        ({"filled": 600}, {}, {}, ""),
        ({"filled": 601}, {}, {}, "the order's size is 1000"),
        ({}, {}, {"executed": 400}, ""),
        ({}, {}, {"executed": 399}, "own figure is 399"),
        ({"venue_filled": 400}, {}, {"executed": 300}, ""),
        ({}, {}, {"held": 2**62 - 400}, ""),
        ({}, {}, {"held": 2**62 - 399}, "too large for a position"),
        ({}, {}, {"held": 399 - 2**62}, "too large for a position"),
        ({"size": 2**50, "price": 0}, {"size": 2**50, "price": 2**50}, {}, ""),
        ({"size": 2**50, "price": 0}, {"size": 2**50, "price": 2**50 + 1}, {}, "too large for a position"),
        ({}, {"fee": 400_001, "fee_asset": b"BTC"}, {}, ""),
        ({}, {"fee": 400_002, "fee_asset": b"BTC"}, {}, "more than what was traded"),
        ({}, {"fee": -400_002, "fee_asset": b"BTC"}, {}, "more than what was traded"),
        ({}, {"fee": 40_000_001, "fee_asset": b"USDT"}, {}, ""),
        ({}, {"fee": 40_000_002, "fee_asset": b"USDT"}, {}, "more than what was traded"),
        ({}, {"fee": 10**18, "fee_asset": b"BNB"}, {}, ""),
    ],
)
def test_a_fill_is_held_against_its_order_to_the_last_unit(
    order: dict[str, int], reported: dict[str, Any], more: dict[str, int], why: str
) -> None:
    """One unit decides between a fill that is counted and an instrument that is halted."""
    found = contradictions.of_fill(purchase(**order), fill(**reported), BTC, **{"held": 0, "executed": None} | more)
    assert why in found
    assert bool(why) == bool(found)


OURS = bytes(range(16))


@pytest.mark.parametrize(
    ("order", "reported", "why"),
    [
        ({}, {}, ""),
        ({}, {"symbol": "ETHUSDT"}, "it names ETHUSDT"),
        ({}, {"client_id": bytes(16)}, "it is of our order"),
        ({}, {"client_id": b"web_1"}, ""),
        ({"venue_order_id": b"5"}, {"venue_order_id": b"6"}, "the venue's order 6, ours is 5"),
        ({}, {"side": 0}, ""),
        ({}, {"side": SELL}, "on side -1"),
        ({}, {"size": 999}, ""),
        ({}, {"size": 1001}, "its size is 1001"),
        ({}, {"executed": 1000}, ""),
        ({}, {"executed": 1001}, "1001 are filled"),
        ({}, {"state": S.FILLED, "executed": 1000}, ""),
        ({}, {"state": S.FILLED, "executed": 999}, "FILLED with 999 of 1000"),
        ({}, {"state": S.FILLED, "executed": 999, "size": 0}, "FILLED with 999 of 1000"),
        ({}, {"state": S.FILLED, "executed": 400, "size": 400}, ""),
        ({}, {"state": S.FILLED, "executed": 399, "size": 400}, "FILLED with 399 of 400"),
        ({"filled": 400}, {"state": S.CANCELLED, "executed": 400}, ""),
        ({"filled": 400}, {"state": S.CANCELLED, "executed": 399}, "it ended with 399 filled"),
        ({"filled": 400}, {"state": S.PARTLY_FILLED, "executed": 399}, ""),
    ],
)
def test_news_is_held_against_its_order_to_the_last_unit(
    order: dict[str, int], reported: dict[str, Any], why: str
) -> None:
    """Late news is ignored; impossible news halts the instrument."""
    words = {
        "symbol": "BTCUSDT", "client_id": OURS, "venue_order_id": b"", "state": S.PARTLY_FILLED, "side": BUY,
        "price": 10_000, "size": 1_000, "executed": 0, "venue_ns": 0,
    }  # fmt: skip
    found = contradictions.of_news(purchase(**order), OrderNews(**words | reported), "BTCUSDT")  # type: ignore[arg-type]
    assert why in found
    assert bool(why) == bool(found)


@pytest.mark.parametrize(
    ("largest", "reported", "why"),
    [
        (50, {}, ""),
        (50, {"side": SELL}, ""),
        (50, {"side": 0}, "on side 0"),
        (50, {"size": 50}, ""),
        (50, {"size": 51}, "expected 1 to 50"),
        (50, {"size": 0, "executed": 0}, "expected 1 to 50"),
        (0, {"size": 2**53}, ""),
        (0, {"size": 2**53 + 1}, "expected 1 to 9007199254740992"),
        (2**60, {"size": 2**53 + 1}, "expected 1 to 9007199254740992"),
        (50, {"price": 0}, "its price is 0"),
        (50, {"executed": 1}, ""),
        (50, {"executed": 2}, "2 of 1 are filled"),
    ],
)
def test_an_order_is_adopted_only_with_numbers_that_an_order_can_have(
    largest: int, reported: dict[str, Any], why: str
) -> None:
    """Its exposure is counted from them: with a size of nothing, or of everything, no cap means anything."""
    words = {
        "symbol": "BTCUSDT", "client_id": OURS, "venue_order_id": b"", "state": S.OPEN, "side": BUY, "price": 1,
        "size": 1, "executed": 0, "venue_ns": 0,
    }  # fmt: skip
    found = contradictions.of_adopted(OrderNews(**words | reported), replace(BTC, size_max=largest))  # type: ignore[arg-type]
    assert why in found
    assert bool(why) == bool(found)

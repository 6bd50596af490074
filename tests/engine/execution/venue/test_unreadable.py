"""Messages that execution cannot read: logged, halted, and not the end of the process."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.model.words import AlarmReason, CommandKind, IntentKind, OrderState, Reason
from engine.venues.binance.trading.stages import SILENCE_MOST_NS
from tests.engine.execution.memory import MS, House, requests
from tests.engine.execution.venue.test_alarm import alarms
from tests.engine.execution.venue.test_faults import METHODS
from tests.engine.execution.venue_double import RefusedError


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path)
    house.ready()
    return house


def test_an_order_of_unknown_status_counts_as_open_halts_and_is_cancelled(house: House) -> None:
    """It may be an end or not: possible exposure is counted, and an operator has to check."""
    house.venue.words["NEW"] = "SUSPENDED"
    order = house.place()
    house.run(5)
    assert alarms(house) == [AlarmReason.STATUS_UNKNOWN]
    assert "'SUSPENDED'" in house.halts_asked[0]
    assert house.role.gate.halted
    house.settle(5)
    assert order.state == OrderState.CANCELLED
    house.check_truth()


def test_an_unknown_end_leaves_the_order_counted(house: House) -> None:
    """If it is wrongly read as an end, the room that it frees is used twice."""
    house.venue.words["CANCELED"] = "SUSPENDED"
    order = house.place()
    house.cancel(order.intent_id)
    house.settle(60)
    assert order.live
    assert house.role.ledger.account[1].open_buy == order.size
    assert len(requests(house, "order.cancel")) < 15
    house.venue.words.clear()
    house.settle(60)
    assert order.state == OrderState.CANCELLED
    house.check_truth()


def test_a_status_that_an_operator_has_seen_does_not_halt_again(house: House) -> None:
    """Neither in this life nor in the next."""
    house.venue.words["CANCELED"] = "SUSPENDED"
    order = house.place()
    house.cancel(order.intent_id)
    house.settle(1)
    house.command(CommandKind.RESUME)
    house.settle(5)
    house.restart()
    house.settle(5)
    assert (house.role.gate.halted, alarms(house)) == (False, [AlarmReason.STATUS_UNKNOWN])
    house.book()
    assert house.place().state == OrderState.OPEN


def test_anothers_order_of_unknown_status_is_published_and_halts_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not ours to understand."""
    house.venue.words["NEW"] = "SUSPENDED"
    house.venue.foreign()
    house.settle(40)
    assert [one.status for one in caplog.records if "unknown status" in one.message] == ["SUSPENDED"]
    assert alarms(house) == []


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_that_cannot_be_read_leaves_its_request_unknown(house: House, method: str) -> None:
    """An exception here is a process that dies at every start, with orders at the venue."""
    order, replaced = house.place(), house.place(size=800)
    house.venue.fault(method, "torn")
    house.venue.lose_events = 3
    house.place(size=700)
    house.intent(kind=IntentKind.REPLACE, target_id=replaced.intent_id, size=900)
    house.cancel(order.intent_id)
    house.run(1)
    if method == "order.status":
        house.venue.cut()
    house.settle(40)
    assert not house.venue.faults[method]
    assert alarms(house) == [AlarmReason.UNREADABLE]
    assert house.role.gate.halted
    house.check_truth()


def test_a_frame_that_cannot_be_read_is_asked_about(house: House) -> None:
    """It may have been a fill."""
    order = house.place()
    house.venue.lose_events = 1
    house.venue.fill(order.client_id.hex(), 400)
    house.venue.ports[-1].inbox.append((0, b'{"event":{"e":"executionReport","s":7}}'))
    house.run(3)
    assert "cannot be read" in house.halts_asked[0]
    assert "executionReport" in house.halts_asked[0]
    house.settle(6)
    assert order.filled == 400
    house.check_truth()


WIDE = 10**22
REPORT = {
    "e": "executionReport", "s": "BTCUSDT", "S": "BUY", "q": "0.01000", "p": "59990.00", "X": "PARTIALLY_FILLED",
    "i": 1, "l": "0.00400", "z": "0.00400", "L": "59990.00", "T": 1_700_000_000_000, "t": 777, "C": "", "n": "0.1",
    "N": "USDT", "m": True,
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [{name: str(WIDE)} for name in "qpzlLn"]
    + [{name: WIDE} for name in "itT"]
    + [{name: "-0.00400"} for name in "qpzlL"]
    + [{"T": -1}, {"i": -5}],
    ids=repr,
)
def test_a_number_that_no_record_can_hold_is_not_applied(house: House, wrong: dict[str, Any]) -> None:
    """Too wide it ended the process at every report; below zero it turned the position round."""
    order = house.place()
    house.venue.lose_events = 1
    house.venue.fill(order.client_id.hex(), 400)
    event = REPORT | {"c": order.client_id.hex()} | wrong
    house.venue.ports[-1].inbox.append((0, json.dumps({"event": event}).encode()))
    house.run(3)
    assert alarms(house) == [AlarmReason.UNREADABLE]
    house.settle(6)
    assert house.role.ledger.account[1].size == order.filled == 400
    house.check_truth()


@pytest.mark.parametrize("method", ["order.place", "session.logon", "openOrders.status"])
def test_a_venue_that_forbids_requests_for_ever_is_obeyed_for_as_long_as_a_ban(house: House, method: str) -> None:
    """No part would manage the orders that are open there, and no log would show it."""
    name = "do_" + method.replace(".", "_")
    answer = getattr(house.venue, name)

    def silence(*_: Any) -> None:
        raise RefusedError(-1003, "Too many requests.", 429, {"retryAfter": 9_000_000_000_000})

    setattr(house.venue, name, silence)
    house.intent()
    if method == "session.logon":
        house.venue.cut()
    house.settle(60)
    setattr(house.venue, name, answer)
    house.run(1, SILENCE_MOST_NS)
    house.settle(60)
    house.book()
    assert house.place().state == OrderState.OPEN
    house.check_truth()


def test_frames_that_cannot_be_read_are_not_asked_about_at_their_own_speed(house: House) -> None:
    """Listing everything for each of them is a ban."""
    before = len(requests(house, "openOrders.status"))
    for _ in range(1000):
        house.venue.ports[-1].inbox.append((0, b"\xff{"))
        house.run(1, 10 * MS)
    assert len(requests(house, "openOrders.status")) <= before + 2
    assert len(house.halts_asked) == 1


def test_a_listing_that_is_never_readable_keeps_trading_shut(house: House) -> None:
    """Nothing is known then, and asking goes on."""
    house.venue.fault("openOrders.status", *["torn"] * 20)
    house.restart()
    house.settle(2)
    house.command(CommandKind.RESUME)
    house.settle(2)
    house.book()
    refused = house.intent()
    house.run(2)
    assert house.verdict(refused) == Reason.NOT_RECONCILED
    house.settle(20)
    house.book()
    assert house.place().state == OrderState.OPEN

"""The report of each comparison with the venue: by the interval, and when an operator asks."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from engine.model.text import shown
from engine.model.words import CommandKind, ReconciledKind
from tests.engine.execution.memory import SECOND, House
from tests.engine.execution.venue_double import VenueOrder

LISTINGS = {"account.status", "myTrades", "openOrders.status", "order.status", "order.test", "time", "ping"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade, with one fill and one open order."""
    house = House(tmp_path, balance_interval_ns=60 * SECOND)
    house.venue.move("BTC", 10**8)
    house.ready()
    house.venue.fill(house.place().client_id.hex(), 1000)
    house.book()
    house.place(size=500)
    house.settle(5)
    return house


def ask(house: House, seconds: int = 20) -> list[Any]:
    """The records of the report that an operator asks for; the REPORT is the last."""
    asked_ns = house.now_ns
    house.command(CommandKind.RECONCILE)
    house.settle(seconds)
    rows = house.rings["reconciliations"].rows
    report = next(row for row in rows if row.kind == ReconciledKind.REPORT and row.requested_ns == asked_ns)
    return [row for row in rows if row.run == report.run]


def test_equal_sides_are_reported_with_what_was_compared(house: House) -> None:
    """An operator must see that something was compared, or he reads an empty list as agreement."""
    [report] = ask(house)
    assert (report.differences, report.orders_ours, report.orders_listed, report.orders_others) == (0, 1, 1, 0)
    assert (report.fills_listed, report.fills_unknown, report.assets) == (1, 0, 3)
    assert report.balances_ns >= report.began_ns


def test_the_interval_reports_too_and_the_log_has_a_line_each_day(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A difference of the night is found in the morning."""
    caplog.set_level(logging.INFO, "engine.execution")
    before = len(house.rings["reconciliations"].rows)
    house.settle(70)
    periodic = house.rings["reconciliations"].rows[before:]
    assert len(periodic) == 2
    assert {row.requested_ns for row in periodic} == {0}
    caplog.clear()
    house.now_ns += 86_400 * SECOND
    house.settle(70)
    assert [one.message for one in caplog.records].count("daily comparison with the venue") == 1


def test_an_order_that_the_journal_does_not_have_is_a_difference(house: House) -> None:
    """The engine adopts it and, by policy, cancels it: the operator must know that it was there."""
    stray = house.mark + "0000030000000063" + "0000"
    house.venue.orders[stray] = VenueOrder(99, "BTCUSDT", stray, "BUY", "LIMIT", "50000.00", 500)
    found, report = ask(house)
    assert (report.differences, found.kind, found.instrument) == (1, ReconciledKind.ORDER, 1)
    assert shown(found.text) == f"BTCUSDT: order {stray} was open at the venue and not in the journal"


def test_what_the_venue_answers_at_once_is_no_difference(house: House) -> None:
    """A cancel and a fill whose reports were lost are found by the comparison, and then both sides are equal."""
    (order,) = (one for one in house.venue.orders.values() if one.open)
    order.status = "CANCELED"
    house.venue.event_latency_ns = 10**18  # no report arrives any more
    house.book()
    filled = house.place(size=700)
    house.venue.fill(filled.client_id.hex(), 700)
    [report] = ask(house)
    assert (report.differences, report.orders_ours, report.fills_unknown) == (0, 0, 1)


def test_an_order_that_ends_after_it_was_listed_is_no_difference(house: House) -> None:
    """A busy engine reports many changes between the venue's list and the end of the comparison."""
    (order,) = (one for one in house.venue.orders.values() if one.open)
    recovery, asked_ns = house.role.recovery, house.now_ns
    house.command(CommandKind.RECONCILE)
    while not (recovery.audit.began_ns >= asked_ns and recovery.audit.listed):
        house.run(1)
    house.venue.fill(order.client_id, 500)
    house.settle(20)
    rows = [row for row in house.rings["reconciliations"].rows if row.requested_ns == asked_ns]
    assert [(row.differences, row.orders_listed, row.orders_ours) for row in rows] == [(0, 1, 0)]


def test_a_balance_that_no_fill_explains_is_listed_and_nothing_is_traded(house: House) -> None:
    """The report names both amounts; to repair is the operator's part."""
    ask(house)
    sent = len(house.venue.outgoing)
    house.venue.move("ETH", 400_000, reported=False)
    *found, report = ask(house)
    assert report.differences == 1
    assert "ETH: the account holds 0.00400000, expected 0.00000000" in shown(found[0].text)
    assert {json.loads(frame)["method"] for frame in house.venue.outgoing[sent:]} <= LISTINGS


def test_a_report_that_was_asked_for_waits_for_the_session(house: House) -> None:
    """Without a connection there is no answer; the one that comes later is the one that was asked for."""
    house.venue.cut()
    asked_ns = house.now_ns
    house.command(CommandKind.RECONCILE)
    house.run(3)
    assert not house.role.session.up
    rows = house.rings["reconciliations"].rows
    assert [row for row in rows if row.requested_ns == asked_ns] == []
    house.settle(60)
    assert [row.differences for row in house.rings["reconciliations"].rows if row.requested_ns == asked_ns] == [0]

"""A report of the venue on which execution fails: it names the report, and leaves it out when it failed twice."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution.orders.blotter import Blotter
from engine.execution.venue import contradictions
from engine.execution.venue.broker import report_of
from engine.model.words import AlarmReason, CommandKind, Reason
from engine.role import WorkingOn
from tests.engine.execution.memory import House, requests
from tests.engine.execution.venue.test_alarm import alarms
from tests.engine.execution.venue.test_contradictions import refusal

FILL, OF_NEWS = Blotter.fill, contradictions.of_news


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path)
    house.ready()
    return house


def poison_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fills of instrument 1 fail."""

    def fill(blotter: Blotter, order: Any, news: Any, now_ns: int) -> None:
        assert order.instrument != 1, "the poisoned fill"
        FILL(blotter, order, news, now_ns)

    monkeypatch.setattr(Blotter, "fill", fill)


def poison_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every view of an order of instrument 1 fails."""

    def of_news(order: Any, news: Any, symbol: str) -> str:
        assert order.instrument != 1, "the poisoned order"
        return OF_NEWS(order, news, symbol)

    monkeypatch.setattr(contradictions, "of_news", of_news)


def fail_twice(house: House, why: str) -> WorkingOn:
    """Fail in this life and in the next; the record that both name."""
    with pytest.raises(AssertionError, match=why):
        house.settle(5)
    first = house.role.working_on()
    house.restart()
    with pytest.raises(AssertionError, match=why):
        house.settle(5)
    assert first is not None
    assert house.role.working_on() == first
    return first


def live_without(house: House, record: WorkingOn) -> None:
    """A life that leaves this record out, as the supervisor has it begin."""
    house.config = msgspec.structs.replace(house.config, skipped=(record,))
    house.restart()
    house.ready()
    house.settle(5)


def test_a_fill_on_which_execution_failed_twice_halts_its_instrument_and_not_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Applied it fails in every life; left out silently, the next exit is sized by a wrong position."""
    order = house.place()
    poison_fills(monkeypatch)
    number = house.venue.fill(order.client_id.hex(), 400)["id"]
    record = fail_twice(house, "the poisoned fill")
    assert record == WorkingOn("fills", 0, 0, 1, str(number))
    live_without(house, record)
    assert alarms(house) == [AlarmReason.NOT_APPLIED]
    assert (house.role.gate.halted, set(house.role.alarm.instruments)) == (False, {1})
    assert b"was not applied: execution failed on it twice" in house.cells["instrument_halts"].read(0).text
    assert house.role.ledger.account[1].size == 0
    assert refusal(house) == Reason.INSTRUMENT_HALTED
    assert refusal(house, instrument=2) == Reason.APPROVED
    assert not any(one.open for one in house.venue.orders.values() if one.symbol == "BTCUSDT")


def test_the_halt_of_a_fill_that_was_left_out_ends_by_its_own_resume(house: House, monkeypatch: Any) -> None:
    """An operator who has corrected the difference by hand must be able to go on."""
    order = house.place()
    poison_fills(monkeypatch)
    house.venue.fill(order.client_id.hex(), 400)
    live_without(house, fail_twice(house, "the poisoned fill"))
    house.command(CommandKind.RESUME, instrument=1)
    house.settle(1)
    assert refusal(house) == Reason.APPROVED
    house.restart()
    house.settle(5)
    assert refusal(house) == Reason.APPROVED
    assert alarms(house) == [AlarmReason.NOT_APPLIED]


def test_an_order_whose_reports_fail_is_cancelled_and_the_other_instruments_trade(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked about for ever it keeps the account from trading; forgotten it stays open at the venue."""
    order = house.place()
    poison_reports(monkeypatch)
    house.venue.fill(order.client_id.hex(), 400)
    record = fail_twice(house, "the poisoned order")
    assert record == report_of(order, None)
    live_without(house, record)
    assert alarms(house) == [AlarmReason.NOT_APPLIED]
    assert house.role.ledger.account[1].size == 400, "its fills are applied"
    assert refusal(house, instrument=2) == Reason.APPROVED
    assert refusal(house) == Reason.INSTRUMENT_HALTED
    assert not any(one.open for one in house.venue.orders.values() if one.symbol == "BTCUSDT")
    asked = len(requests(house, "order.status"))
    house.settle(10)
    assert len(requests(house, "order.status")) == asked, "it is not asked for again and again"

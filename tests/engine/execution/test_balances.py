"""The account's balances, held against the fills: a fill that nobody told of is found, and nothing else is an alarm."""

import logging
from pathlib import Path
from typing import Any

import pytest

from engine.execution.alarm import AlarmReason
from engine.model.words import SELL, CommandKind, OrderState, Reason
from tests.engine.execution.memory import House, requests
from tests.engine.execution.test_alarm import alarms
from tests.engine.execution.test_contradictions import refusal, report

MINUTE_NS = 60_000_000_000


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade and has agreed with the venue on what it holds."""
    house = House(tmp_path, balance_interval_ns=MINUTE_NS)
    house.ready()
    house.settle(130)
    house.book()
    return house


def test_fills_deposits_and_withdrawals_are_no_difference(house: House) -> None:
    """An alarm that is raised by ordinary business is one that nobody looks at."""
    for asset, fee in (("USDT", "0.01000000"), ("BTC", "0.00000400"), ("BNB", "0.00010000")):
        house.venue.fee_asset, house.venue.fee = asset, fee
        house.book()
        house.venue.fill(house.place().client_id.hex(), 400)
    house.venue.move("USDT", 5 * 10**10)
    house.venue.move("BTC", -300)
    house.settle(200)
    assert len(requests(house, "account.status")) >= 4
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def test_a_deposit_before_the_first_fee_in_its_asset_is_no_difference(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is about to pay his fees in BNB sends BNB to the account first."""
    house.venue.move("BNB", 5 * 10**8)
    house.venue.fee_asset, house.venue.fee = "BNB", "0.00010000"
    house.venue.fill(house.place().client_id.hex(), 400)
    house.settle(200)
    assert [one.message for one in caplog.records if "balance differs" in one.message] == []
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def test_a_third_asset_that_no_fee_was_taken_in_is_not_compared(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """What else an account holds, and how it moves, is nobody's concern here."""
    house.venue.move("BNB", 5 * 10**8)
    house.venue.move("BNB", -300, told=False)
    house.settle(200)
    assert [one.message for one in caplog.records if "balance" in one.message] == []


@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_a_difference_in_a_base_asset_halts_its_instrument(house: House, asset: str) -> None:
    """A fill that the venue never tells is otherwise found by nobody."""
    house.venue.move(asset, 400_000, told=False)
    house.settle(90)
    assert alarms(house) == [AlarmReason.BALANCE_DIFFERS]
    instrument = {"BTC": 1, "ETH": 2}[asset]
    text = house.role.alarm.instruments[instrument].text
    assert f"{asset}: the account holds 0.00400000, expected 0.00000000 (difference 0.00400000)" in text
    assert refusal(house, instrument=instrument) == Reason.INSTRUMENT_HALTED
    assert refusal(house, instrument=3 - instrument) == Reason.APPROVED


def test_a_difference_in_the_quote_asset_halts_every_instrument_of_it(house: House) -> None:
    """Nobody can say which of them it came from."""
    house.venue.move("USDT", -1, told=False)
    house.settle(90)
    assert set(house.role.alarm.instruments) == {1, 2}


def test_a_resume_takes_the_balance_as_it_is(house: House) -> None:
    """An operator who has looked is not told the same again."""
    house.venue.move("BTC", 400_000, told=False)
    house.settle(90)
    house.command(CommandKind.RESUME)
    house.settle(200)
    assert house.role.alarm.instruments == {}
    assert refusal(house) == Reason.APPROVED


def test_others_trades_on_the_account_are_reported_and_halt_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A person may trade on the same account: what moved is said, and the engine goes on."""
    house.venue.fill(house.venue.foreign().client_id, 100)
    house.settle(90)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})
    said = [one.what for one in caplog.records if "others traded" in one.message]  # type: ignore[attr-defined]
    assert len(said) == 2
    assert said[0].startswith("BTC: the account holds 0.00100000, expected 0.00000000")


def test_a_fill_that_is_told_late_is_no_difference(house: House) -> None:
    """Its report was lost: the listing brings it before anything is concluded from a balance."""
    order = house.place()
    house.venue.lose_events = 1
    house.venue.fill(order.client_id.hex(), 400)
    house.settle(200)
    assert (order.filled, alarms(house)) == (400, [])


def test_an_alarm_is_followed_by_a_comparison(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Whether the false fill was one is what an operator wants to know next."""
    caplog.set_level(logging.INFO, "engine.execution")
    before = len(requests(house, "account.status"))
    report(house, house.place(), S="SELL")
    house.settle(5)
    assert len(requests(house, "account.status")) == before + 1
    assert any(one.message == "the account's balances agree with the fills" for one in caplog.records)


def test_a_balance_that_cannot_be_read_is_asked_again(house: House) -> None:
    """And halts the system as every word that cannot be read."""
    house.venue.fault("account.status", "torn")
    house.settle(150)
    assert alarms(house) == [AlarmReason.UNREADABLE]
    assert house.role.gate.halted


def test_an_interval_of_zero_never_asks(tmp_path: Path) -> None:
    """A key without the right to read the account may still trade."""
    house = House(tmp_path, balance_interval_ns=0)
    house.ready()
    house.settle(200)
    assert not requests(house, "account.status")


def test_selling_what_was_bought_agrees_too(house: House) -> None:
    """Both signs of every movement."""
    house.venue.fill(house.place().client_id.hex(), 1000)
    house.run(5)
    house.book()
    order: Any = house.place(side=SELL, price=6_000_100)
    house.venue.fill(order.client_id.hex(), 1000)
    house.settle(130)
    assert (order.state, alarms(house)) == (OrderState.FILLED, [])


def lose_a_fill(house: House) -> None:
    """A fill that moves the balances, and that neither a report nor a listing tells."""
    house.venue.move("BTC", 400_000, told=False)
    house.venue.move("USDT", -24_000_000_000, told=False)


@pytest.mark.parametrize("segment_size", [1 << 16, 1 << 12], ids=["by the journal", "by a checkpoint"])
def test_a_fill_that_nobody_tells_while_execution_is_dead_is_found(tmp_path: Path, segment_size: int) -> None:
    """A life that took the balance as it found it would never miss the fill."""
    house = House(tmp_path, balance_interval_ns=MINUTE_NS, segment_size=segment_size)
    house.ready()
    house.settle(130)
    house.book()
    house.venue.fill(house.place().client_id.hex(), 400)  # its fee too has moved the balances since they agreed
    house.settle(2)
    house.kill()
    lose_a_fill(house)
    house.role = house.live()
    house.settle(30)
    assert set(house.role.alarm.instruments) == {1, 2}
    assert "difference 0.00400000" in house.role.alarm.instruments[1].text
    house.command(CommandKind.RESUME)
    house.settle(1)
    house.restart()
    house.settle(200)
    assert house.role.alarm.instruments == {}


def test_deaths_fills_and_late_reports_are_no_difference(house: House) -> None:
    """What the former life took in, and what the next one lists, are both counted once."""
    for _ in range(3):
        order = house.place()
        house.venue.fill(order.client_id.hex(), 400)
        house.run(3)
        house.kill()
        if order.live:
            house.venue.fill(order.client_id.hex(), 300)
        house.role = house.live()
        house.settle(70)
        house.book()
    assert house.role.ledger.account[1].size == house.venue.holding(house.mark, "BTCUSDT") > 0
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


@pytest.mark.parametrize("dead", [True, False])
def test_a_deposit_while_nobody_listens_halts_nothing(
    house: House, caplog: pytest.LogCaptureFixture, dead: bool
) -> None:
    """Its event was told to nobody; a halt at the next start would teach an operator to resume without looking."""
    if dead:
        house.kill()
    else:
        house.venue.cut()
    house.venue.move("USDT", 5 * 10**10, told=False)
    if dead:
        house.role = house.live()
    house.settle(200)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})
    assert [one.what for one in caplog.records if "nobody here listened" in one.message] != []  # type: ignore[attr-defined]


def test_others_trades_before_a_death_are_no_difference_after_it(house: House) -> None:
    """The listing of the next life begins behind them."""
    house.venue.fill(house.venue.foreign().client_id, 100)
    house.settle(2)
    house.restart()
    house.settle(200)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def test_an_asset_named_by_the_venue_cannot_spoil_the_journal(house: House) -> None:
    """A name with a blank in it is one that the next life must read."""
    house.venue.fee_asset, house.venue.fee = "A B = 1", "0.00010000"
    house.venue.held["A B = 1"] = 10**8
    house.venue.fill(house.place().client_id.hex(), 400)
    house.settle(130)
    house.restart()
    house.settle(130)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def test_a_balance_wider_than_64_bits_can_be_read(house: House) -> None:
    """A coin worth a ten-millionth of a dollar is held in such numbers, and is nobody's concern here."""
    house.venue.held["BTTC"] = 10**22
    house.settle(130)
    house.venue.move("BTTC", 10**21)
    house.settle(130)
    assert (alarms(house), house.role.gate.halted) == ([], False)

"""Holdings that the account does not have: no order can sell them, and no change of a balance shows it."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.execution.orders.ledger import Position
from engine.execution.venue.shortfall import Shortfall
from engine.model.words import BUY, SELL, CommandKind
from tests.engine.execution.memory import BTC, House

MINUTE_NS = 60_000_000_000
SHORT = "the account holds less than the positions"


def of(caplog: pytest.LogCaptureFixture, message: str = SHORT) -> list[str]:
    """What was logged of it."""
    return [getattr(one, "what", "") for one in caplog.records if one.message == message]


def sold_by_hand_while_execution_is_dead(house: House) -> None:
    """0.01 BTC bought by a strategy, sold by a person before execution lives again."""
    house.venue.fee = "0.00000000"
    house.venue.fill(house.place(size=1000).client_id.hex(), 1000)
    house.run(5)
    house.kill()
    order = house.venue.foreign(client_id="web_9", size=1000)
    order.side = "SELL"
    house.venue.fill("web_9", 1000)
    house.role = house.live()
    house.ready()


@pytest.mark.parametrize("agreed", [False, True], ids=["before the first agreement", "after it"])
def test_what_others_sold_of_a_position_halts_the_instrument_that_holds_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, agreed: bool
) -> None:
    """The venue rejects each exit for ever, and the strategy counts on a position that does not exist."""
    house = House(tmp_path, balance_interval_ns=MINUTE_NS)
    house.ready()
    if agreed:
        house.settle(130)
        house.book()
    sold_by_hand_while_execution_is_dead(house)
    errors = house.role.alarm.error_count
    house.settle(400)
    assert of(caplog) == ["BTC: positions hold 0.01000000, the account 0.00000000"]
    assert (house.role.alarm.error_count - errors, list(house.role.alarm.instruments)) == (1, [1])
    assert "positions hold 0.01000000, the account 0.00000000" in house.role.alarm.instruments[1].text
    house.command(CommandKind.RESUME)
    house.settle(400)
    assert house.role.alarm.instruments == {}, "an operator has seen this figure"
    house.venue.move("BTC", 1_000_000)
    house.settle(130)
    assert of(caplog, "the account holds as much as the positions again") == [""]


def test_a_resume_that_accepts_a_balance_does_not_hide_what_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The balance counts as it is from there on; the position is still the sum of the fills."""
    house = House(tmp_path, balance_interval_ns=MINUTE_NS)
    house.ready()
    house.settle(130)
    house.book()
    house.venue.fill(house.place(size=1000).client_id.hex(), 1000)
    house.venue.move("BTC", -400_000, reported=False)
    house.settle(130)
    assert list(house.role.alarm.instruments) == [1]
    house.command(CommandKind.RESUME)
    house.settle(200)
    assert (house.role.alarm.instruments, set(of(caplog))) == (
        {}, {"BTC: positions hold 0.01000000, the account 0.00600000"}
    )  # fmt: skip


def test_a_balance_that_holds_the_positions_is_silent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Fees in the base asset leave both in the same measure, to the last digit."""
    house = House(tmp_path, balance_interval_ns=MINUTE_NS)
    house.venue.fee_asset, house.venue.fee = "BTC", "0.00000400"
    house.ready()
    for _ in range(3):
        house.book()
        house.venue.fill(house.place(size=1000).client_id.hex(), 700)
        house.settle(100)
    assert of(caplog) == []


def test_positions_in_one_asset_are_added_up_and_contracts_are_not_holdings(caplog: pytest.LogCaptureFixture) -> None:
    """Two instruments sell from the same balance; what the venue may have rounded is not missing."""
    first, second, contract = (
        Position(0, one)
        for one in (BTC, replace(BTC, id=2, quote="EUR", size_decimals=9), replace(BTC, id=3, kind="perpetual"))
    )
    first.apply(BUY, 100, 3, 0, b"", None, 1)
    second.apply(BUY, 100, 19, 0, b"", None, 1)
    contract.apply(BUY, 100, 500, 0, b"", None, 1)
    it = Shortfall((first, second, contract))
    assert it.compare({"BTC": 3_001}, {}) == {}
    assert it.compare({"BTC": 2_999}, {"BTC": 2}) == {}
    assert list(it.compare({"BTC": 2_999}, {"BTC": 1})) == ["BTC"]
    assert list(it.compare({"BTC": 2_998}, {"BTC": 1})) == ["BTC"]
    assert it.compare({"BTC": 2_998}, {"BTC": 1}) == {}
    assert (it.missing, it.holders("BTC")) == ({"BTC": 3}, [BTC.id, 2])
    second.apply(SELL, 100, 19, 0, b"", None, 2)
    first.apply(SELL, 100, 9, 0, b"", None, 2)
    assert (it.compare({}, {}), it.missing) == ({}, {})
    assert len(of(caplog)) == 2

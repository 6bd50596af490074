"""The account's number: in every record of execution, and in what a journal may be read for."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution.journal.terms import JournalTermsError
from engine.model.rows import FillRow, OrderRow
from engine.model.words import OrderType
from tests.engine.execution.memory import House

NUMBER = 513


def trade(house: House) -> None:
    """One order by the express and one by the desk, and a fill."""
    house.ready()
    house.intent()
    house.intent(order_type=OrderType.MARKET)
    house.run(5)
    assert len(house.venue.orders) == 2
    for order in [one for one in house.venue.orders.values() if one.open]:
        house.venue.fill(order.client_id, order.size)
    house.run(20)


def rows(house: House, ring: str, kind: type) -> list[Any]:
    """The records of a ring."""
    return [row for row in house.rings[ring].rows if isinstance(row, kind)]


def test_every_record_has_the_number_of_its_account(tmp_path: Path) -> None:
    """Nothing else distinguishes the orders, fills and positions of two accounts for a reader."""
    house = House(tmp_path, account=NUMBER)
    trade(house)
    orders, fills = rows(house, "orders", OrderRow), rows(house, "fills", FillRow)
    positions = [row for row in house.rows("positions") if row.fill_count]
    assert orders
    assert fills
    assert positions
    assert {row.account for row in (*orders, *fills, *positions)} == {NUMBER}


def test_a_journal_of_another_account_is_refused(tmp_path: Path) -> None:
    """Two accounts whose numbers or directories were exchanged would close each other's positions."""
    house = House(tmp_path, account=NUMBER)
    trade(house)
    house.kill()
    house.config = msgspec.structs.replace(house.config, account=2)
    house.power_on()
    with pytest.raises(JournalTermsError, match="account 2: the journal has orders or fills of account 513"):
        house.live()

"""Execution against a venue in memory: what leaves, what comes back, and what follows."""

from pathlib import Path

import pytest

from engine.model.words import BUY, SELL, CommandKind, IntentKind, OrderState, OrderType, Reason, TimeInForce
from tests.engine.execution.memory import BTC, MS, SECOND, STRATEGY, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path)
    house.ready()
    return house


def test_an_intent_becomes_an_order_and_its_fill_a_position(house: House) -> None:
    """The whole path, once."""
    order = house.place(price=5_999_000, size=1000)
    assert order.state == OrderState.OPEN
    house.venue.fill(order.client_id.hex(), 400)
    house.run(3)
    assert (order.state, order.filled) == (OrderState.PARTLY_FILLED, 400)
    house.venue.fill(order.client_id.hex(), 600)
    house.run(3)
    assert order.state == OrderState.FILLED
    cell = house.cells["positions"].read(0)
    assert (cell.size, cell.open_buy, cell.fill_count) == (1000, 0, 2)
    house.check_truth()

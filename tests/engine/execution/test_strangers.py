"""Orders of others on the account: told once, never touched, and no weight on memory."""

from pathlib import Path

import pytest

from engine.execution import strangers
from tests.engine.execution.memory import House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A system that may trade and remembers ten strangers."""
    monkeypatch.setattr(strangers, "FOREIGN_KEPT", 10)
    house = House(tmp_path)
    house.ready()
    return house


def told(house: House) -> list[int]:
    """The venue's ids of others' orders, as often as they were told."""
    return [row.venue_order_id for row in house.rings["orders"].rows if row.flags & 32]


def test_others_orders_do_not_fill_the_memory(house: House) -> None:
    """Another program on the account may send a hundred thousand a day."""
    for number in range(300):
        house.venue.foreign(client_id=f"web_{number}")
        house.venue.fill(f"web_{number}", 500)
        house.run(3)
    assert len(house.role.strangers.foreign) == 10
    assert len(told(house)) == len(set(told(house))) == 300
    house.settle(40)
    assert len(house.role.strangers.foreign) == 10
    assert house.role.blotter.watermarks[1] == int(house.venue.fills[-1]["id"])
    assert not house.role.strangers.waiting


def test_what_stands_is_remembered_longer_than_what_passed(house: House) -> None:
    """An order that rests for a week is in every listing: it must not be told each time."""
    resting = house.venue.foreign(client_id="rests")
    for number in range(100):
        house.venue.foreign(client_id=f"web_{number}")
        house.venue.fill(f"web_{number}", 500)
        house.settle(4)
    assert told(house).count(resting.id) == 1

"""An account keeps to its budget of a cap that spans accounts, and sends exits only while it is not confirmed."""

from pathlib import Path
from typing import Any

import pytest

from engine.execution.ports import ExecutionLanes
from engine.lanes import ROUTER
from engine.lanes.memory import MemoryCells
from engine.model.words import SELL, IntentKind, OrderState, Reason
from tests.engine.execution.memory import MS, House

STALE_NS = 500 * MS
DOLLAR = 1_000_000


class Budgeted(House):
    """A house whose account has a budget."""

    routers = (ROUTER,)

    def __init__(self, directory: Path) -> None:
        """With the product's default age."""
        super().__init__(directory, budget_stale_ns=STALE_NS)

    def open_lanes(self) -> ExecutionLanes:
        """The lanes of an account with a budget."""
        lanes = super().open_lanes()
        lanes.budget, lanes.budgeted = self.budgets, self.budgeted
        return lanes

    @property
    def budgets(self) -> MemoryCells:
        """The router's cells."""
        return self.memory.cells["budgets.router"]

    @property
    def budgeted(self) -> MemoryCells:
        """What execution confirms."""
        return self.memory.cells["budgeted.execution"]

    def give(self, dollars: int, version: int) -> None:
        """A budget, confirmed now."""
        self.budgets.write(0, version, dollars * DOLLAR, self.now_ns, 1, 0, (0,) * 4)
        self.run(10)

    def reason(self, **more: Any) -> int:
        """The verdict on an intent."""
        intent = self.intent(**more)
        self.run(3)
        return self.verdict(intent)


@pytest.fixture
def house(tmp_path: Path) -> Budgeted:
    """A ready one, without a budget yet."""
    house = Budgeted(tmp_path)
    house.ready()
    return house


def test_without_a_budget_no_entry_leaves(house: Budgeted) -> None:
    """An execution that cannot know its part of the cap must not guess it."""
    assert house.reason() == Reason.BUDGET_STALE
    assert not house.venue.orders


def test_the_budget_bounds_the_gross_worst_case(house: Budgeted) -> None:
    """0.01 BTC at 60 000 is 600 dollars: the second order would be beyond 1 000."""
    house.give(1_000, 1)
    assert house.reason() == Reason.APPROVED
    assert house.reason() == Reason.BUDGET_EXCEEDED
    house.give(1_300, 2)
    assert house.reason() == Reason.APPROVED


def test_what_is_in_force_is_confirmed_with_what_is_used(house: Budgeted) -> None:
    """The router gives away only what an execution has confirmed to be without."""
    house.give(1_000, 7)
    house.reason()
    house.give(900, 8)
    row = house.budgeted.read(0)
    assert row.version == 8
    house.run(60)
    assert house.budgeted.read(0).used == pytest.approx(600 * DOLLAR, rel=0.01)


def test_a_stale_budget_stops_entries_and_neither_exits_nor_cancels(house: Budgeted) -> None:
    """Whoever cannot enter must still be able to get out."""
    house.give(2_000, 1)
    bought = house.place()
    house.venue.fill(bought.client_id.hex(), bought.size)
    house.run(3)
    assert bought.state == OrderState.FILLED
    resting = house.place()
    house.run(12, 50 * MS)
    house.book()
    assert house.reason() == Reason.BUDGET_STALE
    house.intent(kind=IntentKind.CANCEL, target_id=resting.intent_id)
    house.run(5)
    assert resting.state == OrderState.CANCELLED
    assert house.reason(side=SELL, size=bought.filled, price=6_000_000) == Reason.APPROVED
    house.give(2_000, 2)
    house.book()
    assert house.reason() == Reason.APPROVED


def test_the_next_life_keeps_to_the_same_budget(house: Budgeted) -> None:
    """A death must not free what another account may have by now."""
    house.give(1_000, 3)
    assert house.reason() == Reason.APPROVED
    house.restart()
    house.ready()
    house.give(1_000, 3)
    assert house.reason() == Reason.BUDGET_EXCEEDED


def test_what_an_operator_sets_does_not_end_the_budget(house: Budgeted) -> None:
    """A change of the account's own limits makes the gate's caps anew."""
    house.give(1_000, 1)
    house.set_values(1, max_order_rate_per_min=5_000)
    house.run(3)
    house.give(1_000, 1)
    assert house.reason() == Reason.APPROVED
    assert house.reason() == Reason.BUDGET_EXCEEDED

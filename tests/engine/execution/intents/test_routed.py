"""Intents of the router: execution follows them for the strategy that they name, once, through the same gate."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution.intents.desk import Desk
from engine.lanes import ROUTER
from engine.model import algorithms
from engine.model.intent_id import ROUTED, routed_id
from engine.model.rows import IntentRow
from engine.model.words import BUY, CommandKind, IntentKind, OrderState, OrderType, Reason, TimeInForce
from engine.role import WorkingOn
from tests.engine.execution.memory import SECOND, STRATEGY, House

CLOSE = algorithms.encode("close", {})[0]


class Routed(House):
    """A house beside a router."""

    routers = (ROUTER,)

    @property
    def routed(self) -> Any:
        """The router's lane."""
        return self.memory.rings["routed.router.execution"]

    def route(self, count: int, **more: Any) -> int:
        """An intent of the router; its id."""
        intent_id: int = more.get("intent_id", routed_id(STRATEGY, count))
        self.routed.publish(
            intent_id, more.get("target_id", 0), self.now_ns, SECOND, 0, self.now_ns, 5_999_000, 1000, 0,
            more.get("strategy", STRATEGY), more.get("instrument", 1), more.get("kind", IntentKind.PLACE), BUY,
            OrderType.LIMIT, TimeInForce.GTC, 0, 0, 0.0, (0, 0, 0, 0),
        )  # fmt: skip
        return intent_id


@pytest.fixture
def house(tmp_path: Path) -> Routed:
    """A ready one."""
    house = Routed(tmp_path)
    house.ready()
    return house


def test_a_routed_intent_becomes_an_order_of_its_strategy(house: Routed) -> None:
    """Positions, caps and halts are by strategy: an order of the router alone would be in none of them."""
    intent = house.route(5)
    house.run(3)
    order = house.role.blotter.newest[intent]
    assert (order.strategy, order.state) == (STRATEGY, OrderState.OPEN)
    assert house.cells["accepted"].read(1).cursor == 1


def test_a_repeated_routed_intent_is_a_duplicate_also_in_the_next_life(house: Routed) -> None:
    """A router that died after it had submitted must be able to submit again."""
    intent = house.route(5)
    house.run(3)
    house.route(5)
    house.run(3)
    assert house.verdict(intent) == Reason.DUPLICATE_INTENT
    house.restart()
    house.ready()
    house.route(5)
    house.run(3)
    assert house.verdict(intent) == Reason.DUPLICATE_INTENT
    assert len(house.venue.orders) == 1


def test_the_ids_of_the_router_and_of_the_strategy_do_not_bar_one_another(house: Routed) -> None:
    """Each line has its own newest id: a high one of the router must not make the strategy's next intent a repeat."""
    house.route(1_000)
    house.run(3)
    own = house.intent()
    house.run(3)
    assert house.role.blotter.newest[own].state == OrderState.OPEN
    house.restart()
    house.ready()
    later = house.intent()
    house.route(1_001)
    house.run(3)
    assert house.verdict(later) == Reason.APPROVED
    assert len(house.venue.orders) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"intent_id": STRATEGY << 40 | 9},
        {"intent_id": routed_id(STRATEGY + 1, 9)},
        {"intent_id": routed_id(STRATEGY, 9), "strategy": ROUTED | STRATEGY},
    ],
    ids=["the strategy's own line", "another strategy", "a strategy that cannot be"],
)
def test_an_intent_of_another_line_is_refused(house: Routed, wrong: dict[str, Any]) -> None:
    """The router speaks for the strategy that an id names, and for no other."""
    intent = house.route(9, **wrong)
    house.run(3)
    assert house.verdict(intent) == Reason.MALFORMED
    assert not house.venue.orders


def test_a_strategy_cannot_use_the_routers_line(house: Routed) -> None:
    """It could make the router's next child a duplicate."""
    intent = house.intent(intent_id=routed_id(STRATEGY, 9))
    house.run(3)
    assert house.verdict(intent) == Reason.MALFORMED


def test_the_gate_judges_a_routed_intent_by_its_strategys_permits(tmp_path: Path) -> None:
    """No way to an order goes round the gate."""
    house = Routed(tmp_path, permits={STRATEGY: frozenset({2})})
    house.ready()
    intent = house.route(5)
    house.run(3)
    assert house.verdict(intent) == Reason.INSTRUMENT_NOT_PERMITTED


def test_a_routed_intent_that_fails_twice_names_its_strategy_and_is_skipped(
    house: Routed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left on the lane, it would end execution in each life; the strategy's own records are other ones."""
    follow, poisoned = Desk.on_intent, house.route(5)

    def fail(desk: Desk, intent: IntentRow, *more: Any) -> None:
        assert intent.intent_id != poisoned, "the poisoned intent"
        follow(desk, intent, *more)

    monkeypatch.setattr(Desk, "on_intent", fail)
    with pytest.raises(AssertionError, match="the poisoned intent"):
        house.run(3)
    record = house.role.working_on()
    assert record == WorkingOn("routed", 0, STRATEGY, 1)
    monkeypatch.undo()
    house.config = msgspec.structs.replace(house.config, skipped=(record,))
    house.restart()
    house.ready()
    own, later = house.intent(), house.route(6)
    house.run(3)
    assert house.verdict(poisoned) == Reason.MALFORMED
    assert poisoned not in house.role.blotter.newest
    assert [house.role.blotter.newest[one].state for one in (own, later)] == [OrderState.OPEN] * 2


def test_the_cancel_of_a_routed_intent_ends_its_order(house: Routed) -> None:
    """A parent that stops has its children cancelled."""
    intent = house.route(5)
    house.run(3)
    house.route(6, kind=IntentKind.CANCEL, target_id=intent)
    house.run(5)
    assert house.role.blotter.newest[intent].state == OrderState.CANCELLED


@pytest.mark.parametrize(
    "command",
    [
        {"kind": CommandKind.HALT},
        {"kind": CommandKind.HALT, "strategy": STRATEGY},
        {"kind": CommandKind.HALT, "instrument": 1},
        {"kind": CommandKind.CANCEL_ALL},
        {"kind": CommandKind.DRAIN},
        {"kind": CommandKind.FLATTEN, "strategy": STRATEGY},
    ],
    ids=["halt", "halt of the strategy", "halt of the instrument", "cancel", "drain", "flatten"],
)
def test_an_operators_command_cancels_the_routers_orders_too(house: Routed, command: dict[str, Any]) -> None:
    """An order that a halt leaves at the venue can fill while the operator reads that nothing is open."""
    intent = house.route(5)
    house.run(3)
    house.command(**command)
    house.run(5)
    assert house.role.blotter.newest[intent].state == OrderState.CANCELLED


def test_a_strategys_cancel_of_an_instrument_reaches_the_routers_orders_also_after_a_death(house: Routed) -> None:
    """The record of the cancel means the same orders to the life that reads it."""
    intent = house.route(5)
    house.run(3)
    house.venue.fault("order.cancel", "lose")
    house.intent(kind=IntentKind.CANCEL_ALL, instrument=1)
    house.run(3)
    house.restart()
    house.ready()
    house.run(10)
    assert house.role.blotter.newest[intent].state == OrderState.CANCELLED


def test_a_close_waits_for_the_routers_orders(house: Routed) -> None:
    """Their fills change the position that the close is to bring to 0."""
    intent = house.route(5)
    house.run(3)
    house.intent(algorithm=CLOSE, size=0, price=0, side=0)
    house.run(5)
    assert house.role.blotter.newest[intent].state == OrderState.CANCELLED

"""A halt of one account, strategy or instrument: what it stops, what it leaves alone, and how long it holds."""

from pathlib import Path
from typing import Any

import pytest

from engine.execution.restore.checkpoint import Request, advance
from engine.model.scope import Scope
from engine.model.words import BUY, SELL, AlarmReason, CommandKind, OrderFlag, Reason
from tests.engine.execution.memory import BTC, ETH, MS, OTHER, STRATEGY, House, requests

SCOPES = {"account": 1, "strategy": STRATEGY, "instrument": 1}
REASONS = {
    "account": Reason.ACCOUNT_HALTED,
    "strategy": Reason.STRATEGY_HALTED,
    "instrument": Reason.INSTRUMENT_HALTED,
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Two strategies that may trade two instruments."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER))
    house.ready()
    house.book(bid=300_000, ask=300_100, instrument=2)
    house.run()
    return house


def verdict(house: House, **more: Any) -> int:
    """Risk's answer to an order now."""
    house.book()
    house.book(bid=300_000, ask=300_100, instrument=2)
    intent = house.intent(**more)
    house.run(3)
    return house.verdict(intent)


def halt(house: House, scope: str, kind: CommandKind = CommandKind.HALT) -> None:
    """An operator's command for a scope."""
    house.command(kind, **{scope: SCOPES[scope]})
    house.run(10)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_halted_scope_refuses_entries_and_exits_with_a_reason_that_names_it(house: House, scope: str) -> None:
    """As under a halt of the system: no new order at all, so that an operator need not know what an exit is."""
    order = house.place()
    house.venue.fill(order.client_id.hex(), 400)
    house.run(10)
    halt(house, scope)
    assert verdict(house) == REASONS[scope]
    assert verdict(house, side=SELL, size=100, price=6_000_000) == REASONS[scope]
    row = house.rings["verdicts"].rows[-1]
    assert row.value == {"account": 1, "strategy": STRATEGY, "instrument": AlarmReason.OPERATOR}[scope]


@pytest.mark.parametrize("scope", SCOPES)
def test_the_open_orders_of_the_scope_are_cancelled_and_the_others_stay(house: House, scope: str) -> None:
    """A halt of one strategy must not cost another its place in the queue."""
    inside = house.place()
    outside = {
        "account": [],
        "strategy": [house.place(strategy=OTHER)],
        "instrument": [house.place(instrument=2, price=299_000)],
    }[scope]
    halt(house, scope)
    assert not inside.live
    assert all(one.open for one in outside)
    assert not house.role.gate.halted


@pytest.mark.parametrize("scope", ["strategy", "instrument"])
def test_what_is_outside_the_scope_trades_on(house: House, scope: str) -> None:
    """The reason to halt a part is that the rest goes on."""
    halt(house, scope)
    other = {"strategy": OTHER} if scope == "strategy" else {"instrument": 2, "price": 299_000}
    assert verdict(house, **other) == Reason.APPROVED


@pytest.mark.parametrize("scope", SCOPES)
def test_a_halted_scope_is_held_over_restarts_and_lost_memory_until_it_is_resumed(house: House, scope: str) -> None:
    """The journal has it: a SIGKILL, `down` and `up` must not let a halted strategy trade."""
    halt(house, scope)
    house.restart()
    house.ready()
    assert verdict(house) == REASONS[scope]
    house.kill()
    house.power_on()
    house.role = house.live()
    house.ready()
    assert verdict(house) == REASONS[scope]
    halt(house, scope, CommandKind.RESUME)
    assert verdict(house) == Reason.APPROVED
    house.restart()
    house.ready()
    assert verdict(house) == Reason.APPROVED


def test_a_command_that_came_while_execution_was_dead_is_in_force_before_the_first_intent(house: House) -> None:
    """The intent lies on its lane already when the new life begins."""
    house.kill()
    house.command(CommandKind.HALT, strategy=STRATEGY)
    intent = house.intent()
    house.role = house.live()
    house.ready()
    assert house.verdict(intent) == Reason.STRATEGY_HALTED
    assert not house.venue.orders


def test_a_checkpoint_holds_the_scopes(tmp_path: Path) -> None:
    """A start from a checkpoint reads no older record, so the halts must be in it."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER), segment_size=1 << 14)
    house.ready()
    house.command(CommandKind.HALT, strategy=OTHER)
    house.command(CommandKind.FLATTEN, instrument=2)
    while house.role.journal.closed < 2:
        house.book()
        house.place()
        house.role.desk.cancel_all(house.now_ns)
        house.run(10)
    held = dict(house.role.scopes.held)
    config = house.config
    request = Request(
        config.journal.directory, house.role.journal.closed, config.instruments, tuple(config.strategies),
        house.role.blotter.fill_order.name, config.account,
    )  # fmt: skip
    advance(request)
    assert [*tmp_path.glob("checkpoint.*")]
    house.restart()
    assert house.role.scopes.held == held
    assert set(held) == {Scope(strategy=OTHER), Scope(instrument=2)}


def test_a_resume_of_the_system_leaves_a_halted_scope_halted(house: House) -> None:
    """Two operators, two reasons: who ends the system's halt has not looked at the strategy."""
    halt(house, "strategy")
    house.command(CommandKind.HALT)
    house.run(10)
    house.command(CommandKind.RESUME)
    house.run(10)
    assert verdict(house) == Reason.STRATEGY_HALTED
    assert verdict(house, strategy=OTHER) == Reason.APPROVED


def test_a_scope_of_another_account_or_instrument_changes_nothing_here(house: House) -> None:
    """Each execution reads every command and carries out what concerns it."""
    house.command(CommandKind.HALT, account=2)
    house.command(CommandKind.HALT, instrument=77)
    house.run(10)
    assert verdict(house) == Reason.APPROVED
    house.restart()
    house.ready()
    assert verdict(house) == Reason.APPROVED


def test_an_order_found_at_the_venue_is_cancelled_when_its_strategy_is_halted(tmp_path: Path) -> None:
    """With `orphans = "keep"` an adopted order stays, but not during its strategy's halt."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER), orphans="keep")
    house.ready()
    order = house.place()
    halt(house, "strategy")
    house.kill()
    there = house.venue.orders[order.client_id.hex()]
    there.status, there.executed = "NEW", 0
    for path in tmp_path.iterdir():
        path.unlink() if path.name.startswith("0") or "journal" in path.name else None
    house.power_on()
    house.command(CommandKind.HALT, strategy=STRATEGY)
    house.role = house.live()
    house.ready()
    house.run(20)
    assert not there.open


def test_the_cells_show_what_is_halted_and_end_with_an_empty_one(house: House) -> None:
    """`status` reads them; a cell of a halt that has ended must not be read as one."""
    halt(house, "strategy")
    halt(house, "instrument")
    rows = [row for row in house.rows("scope_halts") if row.since_ns]
    assert [(row.strategy, row.instrument) for row in rows] == [(STRATEGY, 0), (0, 1)]
    halt(house, "strategy", CommandKind.RESUME)
    first, second = house.rows("scope_halts")[:2]
    assert (first.instrument, second.since_ns) == (1, 0)


def test_cancel_ends_the_orders_of_one_intent_also_when_execution_dies_before_the_request(house: House) -> None:
    """The command is followed once: the life that journalled it may not have sent the cancel."""
    one, other = house.place(), house.place()
    house.command(CommandKind.CANCEL, target_id=one.intent_id)
    house.run(10)
    assert (one.live, other.open) == (False, True)
    house.venue.fault("order.cancel", "lose")
    house.command(CommandKind.CANCEL, target_id=other.intent_id)
    house.run(1)
    assert other.flags & OrderFlag.CANCEL_WANTED or other.cancel_pending
    house.restart()
    house.ready()
    house.settle(5)
    assert not house.role.blotter.live
    assert len(requests(house, "order.place")) == 2


def test_a_cancel_of_the_account_ends_every_order(house: House) -> None:
    """`engine-ctl cancel --account` and `--venue` are this command."""
    for more in ({}, {"strategy": OTHER}, {"instrument": 2, "price": 299_000}):
        house.place(**more)
    house.command(CommandKind.CANCEL_ALL, account=2)
    house.run(10)
    assert len(house.role.blotter.live) == 3
    house.command(CommandKind.CANCEL_ALL, account=1)
    house.run(10)
    assert not house.role.blotter.live


assert (BTC.id, ETH.id, BUY, MS) == (1, 2, 1, 1_000_000)

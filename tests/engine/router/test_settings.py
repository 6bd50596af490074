"""What an operator sets while the router runs: applied to the next wave, confirmed when it holds."""

import json
from pathlib import Path

from engine.model.intent_id import ROUTED
from engine.model.words import CommandKind, OrderState
from engine.router.budgets import CONFIRM_NS
from tests.engine.router.house import MAKER, SECOND, House
from tests.engine.router.test_budgets import CAP, World

WHOLE = 10**5


def confirmed(house: House) -> tuple[int, int, bytes]:
    """What the router's cell shows: the version in force, the refused one, and why."""
    row = house.system.cells["router_settings.router"].read(0)
    return (0, 0, b"") if row is None else (row.version, row.refused, bytes(row.error).rstrip(b"\0"))


def put(house: House, version: int, *, strategy: int = ROUTED, **values: object) -> None:
    """Publish a SET."""
    house.command(CommandKind.SET, strategy=strategy, version=version, values=json.dumps(values).encode())


def test_a_set_value_is_in_force_for_the_next_parent_and_in_the_next_life(tmp_path: Path) -> None:
    """A router that is started again with the file's value would split otherwise than its operator has set it."""
    house = House(tmp_path)
    put(house, 3, deadline_ms=2_000)
    house.step(2)
    assert confirmed(house) == (3, 0, b"")
    house.revive()
    intent = house.place(WHOLE // 2)
    house.step(3)
    house.now += 2 * SECOND
    house.step(2)
    assert house.order_of(intent).state == OrderState.EXPIRED, "the file has 60 s"


def test_a_wrong_value_is_refused_with_its_reason_and_changes_nothing(tmp_path: Path) -> None:
    """The supervisor returns to the values before: it must see which version was refused."""
    house = House(tmp_path)
    put(house, 4, wave_ms=-1)
    house.step(2)
    version, refused, error = confirmed(house)
    assert (version, refused) == (0, 4)
    assert b"wave_ms" in error
    put(house, 5, taker_fee_bps=1)
    house.step(2)
    assert b"taker_fee_bps cannot be set while the router runs" in confirmed(house)[2]
    put(house, 6, strategy=MAKER, wave_ms=7)
    house.step(2)
    assert confirmed(house)[0] == 0, "it is a strategy's"


def test_a_lower_cap_holds_only_when_every_account_has_confirmed_its_lower_budget() -> None:
    """A command that returns earlier would have its operator believe in a cap that an account may still exceed."""
    world = World(1)
    world.calm()
    assert world.budgets.holds
    world.budgets.set_cap(CAP // 2)
    assert not world.budgets.holds
    world.budgets.step(world.now_ns, world.write_all)
    east, *others = world.accounts
    for one in others:
        one.read()
        one.confirm(world.now_ns)
    world.now_ns += CONFIRM_NS
    world.budgets.step(world.now_ns, world.write_all)
    assert not world.budgets.holds, "east has not confirmed"
    assert max(one.limit for one in others) <= CAP // 6, "nothing was raised"
    east.read()
    east.confirm(world.now_ns)
    world.now_ns += CONFIRM_NS
    world.budgets.step(world.now_ns, world.write_all)
    assert world.budgets.holds
    assert world.gone_by <= CAP // 2

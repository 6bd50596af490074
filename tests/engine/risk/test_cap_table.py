"""The table of the further caps against each cap's own check, over random accounts."""

import random
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from engine.model.words import BUY
from engine.risk.cap_table import CapTable
from engine.risk.caps import CAPS
from engine.risk.gate import FurtherCap, Proposed
from tests.engine.risk.accounts import MICRO, NOW_NS, History, Sent, history
from tests.engine.risk.test_caps_model import MODELS, value_near

Make = Callable[[History, Proposed, Any], tuple[FurtherCap, ...]]


def own(key: str) -> Make:
    """The one cap of a key."""
    return lambda _, __, value: (CAPS[key].make(value),)


def drawn(draw: random.Random) -> tuple[History, Proposed]:
    """A random account, and an order that replaces none."""
    while True:
        world = history(draw)
        order = world.order()
        if not order.relief and not order.follows_book:
            return world, order


def hold(key: str, seed: int, trials: int, entered: Make) -> int:
    """Compare the table with the cap's check; how many orders the table approved."""
    draw, quick = random.Random(f"{key} {seed}"), 0
    for _ in range(trials):
        world, order = drawn(draw)
        value = value_near(draw, key, MODELS[key](world, order))
        verdict = CAPS[key].make(value).check(order, world.account)
        if CapTable(world.account, world.tops, entered(world, order, value)).approves(order):
            assert verdict is None, (key, value, order, world.fills, world.open, world.done)
            quick += 1
    return quick


@pytest.mark.parametrize("trials", [300, pytest.param(30_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
@pytest.mark.parametrize("key", MODELS)
def test_the_table_approves_only_what_its_cap_allows(key: str, trials: int) -> None:
    """An approval where the cap refuses would be an order over a limit; the sums of both are written apart."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    quick = hold(key, seed, trials, own(key))
    assert quick > trials // 200, "the table approves too few orders to be of use"


@pytest.mark.parametrize("key", [one for one in MODELS if one not in ("refuse_self_trade", "duplicate_window_ms")])
def test_a_table_with_a_wider_bound_is_noticed(key: str) -> None:
    """The test above must fail for a table whose number is not that of the cap."""

    def wider(_: History, __: Proposed, value: Any) -> tuple[FurtherCap, ...]:
        cap = CAPS[key].make(value)
        if key == "liquidation_buffer":
            cap._least /= 4  # type: ignore[attr-defined]
        else:
            cap._most = cap._most * 4 if key != "margin_buffer" else 1  # type: ignore[attr-defined]
        return (cap,)

    with pytest.raises(AssertionError):
        hold(key, 1, 2_000, wider)


@pytest.mark.parametrize("key", ["refuse_self_trade", "duplicate_window_ms"])
def test_a_table_that_never_asks_is_noticed(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for the two caps that the table asks only where an order of the account matters."""
    monkeypatch.setattr(CAPS[key].make, "precompute", lambda *_: None)
    with pytest.raises(AssertionError):
        hold(key, 1, 2_000, own(key))


def test_a_value_at_risk_just_above_a_small_limit_is_not_approved() -> None:
    """The exact value is rounded up by as much as a millionth of a dollar; a share of a small limit is less."""
    draw, quick = random.Random(1), 0
    world = next(one for one, _ in (drawn(draw) for _ in range(500)) if not one.fills and not one.open)
    for price in range(6_000_001, 6_000_200):
        order = Proposed(NOW_NS, 3, 1, BUY, price, 1, NOW_NS, 0, 0, False)
        [(_, found, _)] = MODELS["var_limit_1d_95"](world, order)
        for micro in (found - 1, found + 1):
            cap = CAPS["var_limit_1d_95"].make(Decimal(micro) / MICRO)
            if CapTable(world.account, world.tops, (cap,)).approves(order):
                assert cap.check(order, world.account) is None, (price, micro)
                quick += 1
    assert quick, "the table approved no order"


def test_an_order_that_was_sent_after_the_table_was_made_can_be_repeated() -> None:
    """The table follows execution's orders; it must not compare with those of its own first day only."""
    world = history(random.Random(5))
    world.open.clear()
    world.done.clear()
    top = world.tops[1]
    order = Proposed(top.receive_ns, 3, 1, BUY, top.bid, 1, top.receive_ns, 0, 0, False)
    table = CapTable(world.account, world.tops, (CAPS["duplicate_window_ms"].make(500),))
    assert table.approves(order)
    world.done.append(Sent(3, 1, BUY, top.bid, 1, top.receive_ns - 400_000_000))
    assert not table.approves(order)
    assert table.approves(order._replace(size=2)), "another size is another order"


def test_an_amended_order_can_be_repeated_at_its_new_size() -> None:
    """Its size changes in place; the table has the one that it was entered with, so the cap itself is asked."""
    world = history(random.Random(5))
    world.open.clear()
    world.done.clear()
    top = world.tops[1]
    order = Proposed(top.receive_ns, 3, 1, BUY, top.bid, 1, top.receive_ns, 0, 0, False)
    table = CapTable(world.account, world.tops, (CAPS["duplicate_window_ms"].make(500),))
    sent: Any = SimpleNamespace(**Sent(3, 1, BUY, top.bid, 2, top.receive_ns - 400_000_000)._asdict())
    world.done.append(sent)
    assert table.approves(order)
    table.note_amend(top.receive_ns - 100_000_000)
    sent.size = 1
    assert not table.approves(order)


def test_an_order_that_is_being_amended_when_the_table_is_made_can_be_repeated() -> None:
    """A new life of execution makes the table before the venue's answer lowers the size."""
    world = history(random.Random(5))
    world.open.clear()
    top = world.tops[1]
    order = Proposed(top.receive_ns, 3, 1, BUY, top.bid, 1, top.receive_ns, 0, 0, False)
    table = CapTable(world.account, world.tops, (CAPS["duplicate_window_ms"].make(500),))
    sent: Any = SimpleNamespace(**Sent(3, 1, BUY, top.bid, 2, top.receive_ns - 400_000_000, amend_to=1)._asdict())
    world.done[:] = [sent]
    assert table.approves(order), "it still has its first size"
    sent.size = 1
    assert not table.approves(order)

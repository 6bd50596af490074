"""Further caps in the real Execution: what they read of the blotter, also after a death."""

from pathlib import Path
from typing import Any

import pytest

from engine.model.words import SELL, CommandKind, Reason
from engine.risk.table import read_risk
from tests.engine.execution.memory import MS, OTHER, STRATEGY, House


def made(directory: Path, **risk: Any) -> House:
    """A system with these keys in `[risk]`."""
    _, caps = read_risk(risk)
    house = House(directory, strategies=(STRATEGY, OTHER), caps=caps, risk=risk, limits=risk_limits(risk))
    house.ready()
    return house


def risk_limits(risk: dict[str, Any]) -> dict[str, Any]:
    """The keys that are limits of the gate itself."""
    limits, _ = read_risk(risk)
    return {name: getattr(limits, name) for name in risk if name in limits.__struct_fields__}


def verdict(house: House, **more: Any) -> Reason:
    """Risk's answer to an order now."""
    house.book()
    intent = house.intent(**more)
    house.run(3)
    return Reason(house.verdict(intent))


def test_open_orders_are_counted_over_a_death_of_execution(tmp_path: Path) -> None:
    """The next life finds them at the venue, and they can still be filled."""
    house = made(tmp_path, max_open_orders=2)
    assert [verdict(house, price=5_990_000 + step) for step in range(3)] == [0, 0, Reason.TOO_MANY_ORDERS]
    house.restart()
    house.ready()
    assert verdict(house) == Reason.TOO_MANY_ORDERS
    house.command(CommandKind.CANCEL_ALL)
    house.settle(1)
    assert verdict(house) == Reason.APPROVED


def test_two_strategies_do_not_trade_with_each_other(tmp_path: Path) -> None:
    """The venue charges both fees, and may call it a wash trade."""
    house = made(tmp_path, refuse_self_trade=True)
    assert verdict(house, price=5_999_000) == Reason.APPROVED
    assert verdict(house, strategy=OTHER, side=SELL, price=5_999_001) == Reason.APPROVED
    assert verdict(house, strategy=OTHER, side=SELL, price=5_999_000) == Reason.SELF_TRADE
    house.restart()
    house.ready()
    assert verdict(house, strategy=OTHER, side=SELL, price=5_999_000) == Reason.SELF_TRADE
    assert verdict(house, price=5_999_001) == Reason.SELF_TRADE


def test_a_repeated_order_is_refused_also_after_a_death_between_the_two(tmp_path: Path) -> None:
    """A strategy that starts again and decides the same again must not hold twice as much."""
    house = made(tmp_path, duplicate_window_ms=10_000)
    assert verdict(house) == Reason.APPROVED
    assert verdict(house) == Reason.DUPLICATE_ORDER
    assert verdict(house, strategy=OTHER) == Reason.APPROVED
    house.restart()
    house.ready()
    assert verdict(house) == Reason.DUPLICATE_ORDER
    house.run(10, 1000 * MS)
    house.ready()
    assert verdict(house) == Reason.APPROVED


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("max_portfolio_concentration", "0.5", Reason.CONCENTRATION_TOO_HIGH),
        ("max_leverage", "0.5", Reason.LEVERAGE_TOO_HIGH),
        ("margin_buffer", "0.5", Reason.MARGIN_TOO_LOW),
    ],
)
def test_a_loss_lowers_what_a_share_of_the_equity_allows(tmp_path: Path, key: str, value: str, reason: Reason) -> None:
    """Else a losing account could go on with the sizes of a whole one; its journal keeps the loss."""
    house = made(tmp_path, capital_usd="2000", max_order_size_usd="5000", **{key: value})
    order = house.place(size=1600, price=6_000_000)  # 960 of 1,000 dollars
    house.venue.fill(order.client_id.hex(), 1600)
    house.run(5)
    assert verdict(house, size=60) == Reason.APPROVED
    house.role.desk.cancel_all(house.now_ns)
    house.settle(1)
    house.book(bid=5_400_000, ask=5_400_100)
    for _ in range(2):
        intent = house.intent(size=200, price=5_399_000)  # 864 dollars held, of an equity of 1,904
        house.run(3)
        assert Reason(house.verdict(intent)) == reason
        house.restart()
        house.ready()
        house.book(bid=5_400_000, ask=5_400_100)


def test_the_ramp_holds_every_cap_in_dollars_to_its_share(tmp_path: Path) -> None:
    """A new strategy begins with a tenth of every size, also on the compiled way, and is raised while it runs."""
    house = made(tmp_path, ramp="0.1", max_order_size_usd="6000")
    assert verdict(house, size=1000, price=6_000_000) == Reason.APPROVED
    assert verdict(house, size=1001, price=6_000_000) == Reason.ORDER_TOO_LARGE
    house.set_values(1, ramp="0.2")
    assert verdict(house, size=1001, price=6_000_000) == Reason.APPROVED
    house.set_values(2, ramp="0.1", max_gross_usd="12600")
    assert verdict(house, size=100, price=6_000_000) == Reason.GROSS_TOO_LARGE, "1,260 of it are in force"

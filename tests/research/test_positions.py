"""The position of a symbol over every account of a live system."""

from collections.abc import Iterator
from math import isnan
from typing import Any

import pytest

import shm
from research import get_position_snapshot
from tests.research.test_lanes import Lanes

MARKED = {"price_decimals": 2, "size_decimals": 5, "update_ns": 10**18}


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    """Lanes that are removed after the test in every case."""
    made = Lanes()
    yield made
    made.remove()


def write(lanes: Lanes, cell: int, **values: Any) -> None:
    """One position of BTCUSDT."""
    lanes.write("positions", cell=cell, instrument=1, holding_decimals=8, **{**MARKED, **values})


def test_a_snapshot_adds_the_accounts_and_names_the_strategies(lanes: Lanes) -> None:
    """The whole risk in a symbol is what all accounts hold together, and it is counted once."""
    write(lanes, 0, account=1, size=300_000, average_price=6_000_000, mark_price=6_100_000, realised=5.0,
          unrealised=3000.0, fees=1.5, net=3003.5, fill_count=4, open_sell=100_000)  # fmt: skip
    write(lanes, 1, account=2, size=-100_000, dust=-500, average_price=6_300_000, mark_price=6_100_000, realised=1.0,
          unrealised=2000.0, fees=0.5, net=2000.5, fill_count=2, update_ns=2 * 10**18)  # fmt: skip
    write(lanes, 2, account=1, strategy=7, size=200_000)
    write(lanes, 3, account=2, strategy=7, size=-50_000)
    lanes.write("positions", cell=4, instrument=2, size=9, holding_decimals=4)
    found = get_position_snapshot("BTCUSDT", lanes.system)
    assert found.size == 3 - 1.000005
    assert found.average_price == pytest.approx((3 * 60_000 - 1.000005 * 63_000) / (3 - 1.000005), rel=1e-12)
    assert (found.mark_price, found.realised, found.unrealised, found.fees, found.net) == (61_000, 6, 5000, 2, 5004)
    assert (found.open_buy, found.open_sell, found.fill_count, found.update_ns) == (0, 1, 6, 2 * 10**18)
    assert found.accounts == {"1": 3, "2": -1.000005}
    assert found.strategies == {"7": 1.5}


def test_a_symbol_that_was_never_traded_is_flat(lanes: Lanes) -> None:
    """An empty answer would end a script at its first start."""
    found = get_position_snapshot("ETHUSDT", lanes.system)
    assert (found.size, found.net, found.fill_count, found.update_ns, found.accounts) == (0, 0, 0, 0, {})
    assert isnan(found.average_price)
    assert isnan(found.mark_price)


def test_a_part_without_a_price_makes_the_money_unknown(lanes: Lanes) -> None:
    """A sum of the other parts looks like the profit of all."""
    write(lanes, 0, account=1, size=1, net=5.0, unrealised=5.0)
    write(lanes, 1, account=2, size=1, net=float("nan"), unrealised=float("nan"))
    found = get_position_snapshot("BTCUSDT", lanes.system)
    assert isnan(found.net)
    assert isnan(found.unrealised)
    assert found.size == 2e-5


def test_the_only_system_is_found_and_two_are_named(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook has one engine beside it most of the time; with two the answer could be of the wrong one."""
    every = shm.names()
    monkeypatch.setattr(
        shm, "names", lambda system=lanes.system: [one for one in every if one.startswith(f"{system}.")]
    )
    assert get_position_snapshot("BTCUSDT").system == lanes.system
    monkeypatch.setattr(shm, "names", lambda: ["a.positions.execution", "b.positions.execution", "c.ticks.feed"])
    with pytest.raises(ValueError, match="system is ''; expected one of those with positions here: a, b"):
        get_position_snapshot("BTCUSDT")
    with pytest.raises(ValueError, match="system is 'demo'; expected one of those with positions here: a, b"):
        get_position_snapshot("BTCUSDT", "demo")
    monkeypatch.setattr(shm, "names", list)
    with pytest.raises(ValueError, match="here: none"):
        get_position_snapshot("BTCUSDT")


def test_a_symbol_that_the_system_does_not_have_is_refused(lanes: Lanes) -> None:
    """A size of 0 for a mistyped symbol would be believed."""
    with pytest.raises(ValueError, match=r"no instrument 'BTCUSD' in .*: expected one of BTCUSDT, ETHUSDT"):
        get_position_snapshot("BTCUSD", lanes.system)

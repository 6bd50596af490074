"""Margin and liquidation by the monitor's own code: against risk's formulas, and over real orders of a derivative.

No venue of the product trades derivatives yet. The system here is the real execution and the real monitor, with a
perpetual in place of the first instrument and the spot session's wire under it.
"""

import math
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.model.monitored import exceeded
from engine.model.words import SELL, Reason
from engine.monitor.recount.margin import Margin, distance
from engine.risk.table import read_risk
from engine.venues.binance.margin import CrossMargin, read_brackets
from engine.venues.margin import MICRO
from tests.engine.execution.memory import BTC, ETH
from tests.engine.monitor.recount.watched import Watched
from tests.engine.venues.binance.test_margin import drawn

FILE = Path(__file__).resolve().parents[4] / "configs" / "margin_brackets.json"
BRACKETS = read_brackets(FILE)["BTCUSDT"]
PERPETUAL = replace(BTC, kind="perpetual")


def hold(margin: type[Margin], seed: int, trials: int) -> int:
    """Compare the monitor's figures with risk's over random positions; how many have a price of liquidation."""
    draw, priced = random.Random(seed), 0
    for _ in range(trials):
        brackets, side = drawn(draw), draw.choice((1, -1))
        size, price = draw.randrange(1, 10**6) / 1000, draw.randrange(100, 20_000) / 100
        notional = round(size * price * MICRO)
        free = int(notional * draw.choice((-0.1, 0.001, 0.05, 0.5, 2.0)) * draw.random())
        own, other = margin({1: brackets}), CrossMargin(brackets)
        assert own.maintenance(1, notional / MICRO) == pytest.approx(other.maintenance(notional) / MICRO, abs=1e-5)
        assert own.initial(1, notional / MICRO, 5) == pytest.approx(other.initial(notional, 5) / MICRO, abs=1e-5)
        found = own.liquidation(1, side * size, price, free / MICRO)
        way, whole = other.distance(side, notional, free)
        if way <= 0:
            assert found == pytest.approx(price), "it is liquidated now"
        elif side > 0 and way >= whole:
            assert math.isnan(found), "not at a price of 0 either"
        else:
            priced += 1
            assert distance(price, found) == pytest.approx(way / whole, rel=1e-6, abs=1e-6), (
                brackets,
                size,
                price,
                free,
            )
    return priced


@pytest.mark.parametrize("trials", [1_000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_two_programs_find_the_same_margin_and_the_same_price(trials: int) -> None:
    """The monitor walks along the price, risk computes the venue's formula."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    assert hold(Margin, seed, trials) > trials // 4


def test_a_walk_that_keeps_its_bracket_is_noticed() -> None:
    """The test above must be able to fail."""

    class Kept(Margin):
        def maintenance(self, number: int, notional: float) -> float:
            """Of the first bracket."""
            return self._steps[number][0].rate * notional

    with pytest.raises(AssertionError):
        hold(Kept, 1, 200)


def test_an_instrument_that_is_no_derivative_binds_its_value_and_is_never_liquidated() -> None:
    """Spot is bought with the account's own money."""
    margin = Margin({})
    assert (margin.initial(1, 100.0, 5), margin.maintenance(1, 100.0)) == (100.0, 100.0)
    assert math.isnan(margin.liquidation(1, 1.0, 100.0, 5.0))


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A perpetual with an equity of 1,000 dollars at a leverage of 6."""
    risk = {"capital_usd": "1000", "margin_brackets": str(FILE), "margin_leverage": 6, "margin_buffer": "0.05"}
    risk |= {"margin_call_threshold": "0.2", "max_position_usd": "1e6", "max_order_size_usd": "1e6"}
    limits, caps = read_risk(risk)
    house = {
        "instruments": (PERPETUAL, ETH), "margin": {1: CrossMargin(BRACKETS)}, "caps": caps, "risk": risk,
        "limits": {name: getattr(limits, name) for name in limits.__struct_fields__},
    }  # fmt: skip
    return Watched(tmp_path, brackets={1: BRACKETS}, house=house, **{**risk, "capital_usd": Decimal(1000)})


def reason(watched: Watched, bid: int = 6_000_000, **more: int) -> Reason:
    """Risk's verdict on an order now."""
    watched.show(bid, bid + 100)
    intent = watched.house.intent(**more)
    watched.run(2)
    return Reason(watched.house.verdict(intent))


def test_the_monitor_shows_the_liquidation_that_the_gate_keeps_away(watched: Watched) -> None:
    """0.05 BTC short is 3,000 dollars: with 1,000 it is liquidated 32.8 % above, and more is refused at 20 %."""
    watched.fill(5000, side=SELL, price=6_000_000)
    watched.run(20)
    [account] = [row for row in watched.house.rows("monitored") if not row.strategy and row.fill_count]
    price = (1_000 + 3_000) / (0.05 * 1.004)
    assert account.liquidation_price == pytest.approx(price, rel=1e-4)
    assert watched.view().liquidation == pytest.approx(price / 60_000.5 - 1, rel=1e-3)
    assert watched.view().free == pytest.approx(0.5, rel=1e-2)
    assert reason(watched, side=SELL, size=3_400, price=6_000_000) == Reason.LIQUIDATION_TOO_NEAR
    assert reason(watched, side=SELL, size=2_000, price=6_000_000) == Reason.APPROVED
    assert not watched.halted()


def test_a_margin_call_leaves_only_exits_and_the_monitor_names_it(watched: Watched) -> None:
    """A loss eats the free margin: the entries stop before the venue acts."""
    watched.fill(5000, side=SELL, price=6_000_000)
    watched.show(6_650_000, 6_650_100)
    watched.run(30)
    over = exceeded(watched.view())
    assert over == ["free", "liquidation"], "3,325 dollars bind 554 of an equity of 675"
    assert reason(watched, 6_650_000, size=4_000, price=6_650_100) == Reason.APPROVED, "an exit"
    watched.show(6_000_000, 6_000_100)
    watched.run(20)
    assert reason(watched, side=SELL, size=100, price=6_000_000) == Reason.MARGIN_TOO_LOW, "until an operator resumes"

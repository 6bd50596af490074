"""Two strategies with five instruments each, at once: the invariants hold, and both trade all five."""

from dataclasses import replace
from functools import partial

import pytest

from engine.chaos.invariants import ObservedVenue
from engine.chaos.world import CALM, FLOWS, MS, Mishaps, World
from engine.loopback.binance.settings import MARKETS, PURSE
from engine.loopback.market import Market, fixed
from engine.strategy.api.strategy import Strategy
from engine.strategy.samples import MomentumTaker
from tests.engine.chaos.runs import run_whole

MORE = {"SOL": "4000", "XRP": "900", "LTC": "20000"}  # prices at which one size is an order everywhere
ALL = 2 * (2 + len(MORE))


class WideWorld(World):
    """The world with five instruments; it notes who has traded what."""

    purse = PURSE | {asset: fixed("1000") for asset in MORE}

    def _make_venue(self) -> ObservedVenue:
        plain = super()._make_venue()
        markets = (*MARKETS, *(Market(f"{asset}USDT", asset, "USDT") for asset in MORE))
        more = {f"{asset}USDT": replace(FLOWS["BTCUSDT"], price=fixed(price)) for asset, price in MORE.items()}
        flows = {symbol: replace(flow, interval_ns=8 * MS) for symbol, flow in (FLOWS | more).items()}
        return ObservedVenue(replace(plain.settings, markets=markets, flows=flows), self.now_ns)

    def make_strategy(self, name: str) -> Strategy:
        """The maker of the world, and a taker that trades often."""
        if name == "maker":
            return super().make_strategy(name)
        often = MomentumTaker.Parameters(size="0.01", entry=0.2, exit=0.1, half_life_prints=2, short=True)
        return MomentumTaker(self.instruments, often)

    def traded(self) -> set[tuple[int, int]]:
        """Which strategy has orders of which instrument."""
        return {(row.strategy, row.instrument) for row in self._recorded["orders"][1]}


def test_two_strategies_trade_five_instruments_each_at_once() -> None:
    """What holds for one strategy on one pair may not hold where orders share a rate, an account and a ring."""
    made = run_whole(partial(WideWorld, mishaps=CALM), 21, 1.5)
    assert len(made.traded()) == ALL
    assert len({row.instrument for row in made._recorded["fills"][1]}) == ALL // 2


@pytest.mark.soak
def test_deaths_of_any_role_lose_no_order_of_any_of_them() -> None:
    """The state that a restart restores is of every instrument."""
    made = run_whole(partial(WideWorld, mishaps=Mishaps()), 22, 4.0)
    assert made.counts["deaths_in_step"] + made.counts["deaths_between_steps"] > 0
    assert len(made.traded()) == ALL

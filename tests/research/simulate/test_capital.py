"""Capital and random rejects: which orders a venue rejects of an account that has too little, and at random."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine.model.instrument import Instrument
from engine.model.words import OrderState
from engine.strategy import BUY, SELL, Strategy
from research.simulate import Balance, Cause, Constant, Fees, Models, Rejects, Result, simulate, simulate_many
from research.simulate.samples import Quoter
from tests.research.simulate.tapes import BTC, ETH, tape
from tests.research.simulate.test_rules import LEVEL, MODELS, PRINT, Once, events, run

COST = Decimal("0.00408204")  # 0.004 at 1.02, and the taker's fee of 0.0005 rounded up to a unit of 1e-8


def of(result: Result) -> list[tuple[int, int]]:
    """State and cause of every order."""
    found: list[tuple[int, int]] = result.orders[["state", "cause"]].tolist()
    return found


def amounts(result: Result) -> dict[str, tuple[str, str]]:
    """The balances as text without the zeros at the end."""
    return {asset: tuple(f"{one.normalize():f}" for one in found) for asset, found in result.balances.items()}  # type: ignore[misc]


def test_an_order_that_costs_as_much_as_is_free_is_accepted_and_one_unit_less_rejects_it() -> None:
    """The boundary of the check: limit price times size, and the taker's fee."""
    accepted, _ = run(events(), (BUY, 4, 102), capital={"USDT": COST})
    assert of(accepted) == [(OrderState.FILLED, Cause.NONE)]
    assert amounts(accepted) == {"USDT": ("0", "0"), "BTC": ("0.004", "0")}
    rejected, _ = run(events(), (BUY, 4, 102), capital={"USDT": COST - Decimal("1e-8")})
    assert of(rejected) == [(OrderState.REJECTED, Cause.BALANCE)]
    assert rejected.balances["USDT"] == Balance(COST - Decimal("1e-8"), Decimal(0))


def test_a_sell_needs_the_base_asset() -> None:
    """A spot account cannot sell what it does not hold."""
    rejected, _ = run(events(), (SELL, 4, 100), capital={"USDT": 1000})
    assert of(rejected) == [(OrderState.REJECTED, Cause.BALANCE)]
    accepted, _ = run(events(), (SELL, 4, 100), capital={"BTC": "0.004"})
    assert of(accepted) == [(OrderState.FILLED, Cause.NONE)]
    assert amounts(accepted) == {"USDT": ("0.003998", "0"), "BTC": ("0", "0")}


def test_an_open_order_reserves_what_it_needs_until_it_ends() -> None:
    """The same money cannot pay for two orders."""
    both = (BUY, 4, 99), (BUY, 4, 99)
    result, _ = run(events(), *both, capital={"USDT": "0.005"})
    assert of(result) == [(OrderState.OPEN, Cause.NONE), (OrderState.REJECTED, Cause.BALANCE)]
    assert amounts(result)["USDT"] == ("0.00103802", "0.00396198")
    ended, _ = run(events(), (BUY, 4, 99, {"timeout_ns": 20}), capital={"USDT": "0.005"})
    assert of(ended) == [(OrderState.CANCELLED, Cause.NONE)]
    assert amounts(ended)["USDT"] == ("0.005", "0")


def test_a_fill_below_the_limit_frees_the_rest_of_its_reserve() -> None:
    """A limit of 110 that buys at 102 has paid 102."""
    result, _ = run(events(), (BUY, 4, 110), capital={"USDT": 1})
    assert amounts(result)["USDT"] == (f"{1 - COST:f}", "0")


def test_an_asset_that_two_instruments_share_is_one_balance() -> None:
    """What one instrument buys pays for the other, in the decimals of both."""
    cross = Instrument(7, "venue", "ETHBTC", "ETH", "BTC", 4, 3, 1, 1, 1, 0, 0)
    of_cross = events()
    of_cross["instrument"] = cross.id
    both = np.sort(np.concatenate([events(), of_cross]), order=["venue_ns", "instrument"], kind="stable")

    class Both(Strategy):
        def on_book(self, book: Any) -> None:
            can_pay = book.instrument.id == 1 or self.position(self.instruments[1])
            if can_pay and not self.position(book.instrument):
                self.place(book.instrument, BUY, 4, 102)

    result = simulate(both, Both, instruments=[BTC, cross], models=MODELS, capital={"USDT": COST})
    assert of(result)[:2] == [(OrderState.FILLED, Cause.NONE)] * 2
    assert amounts(result) == {"USDT": ("0", "0"), "BTC": ("0.00395917", "0"), "ETH": ("0.004", "0")}


def test_a_maker_that_pays_more_than_a_taker_has_reserved_it() -> None:
    """At a venue with inverted fees the reserve of a taker's fee would be too small."""
    inverted = Models(Constant(1), Constant(1), Fees.flat("0.01", "0"))
    rejected, _ = run(events(), (BUY, 4, 100), models=inverted, capital={"USDT": "0.00403999"})
    assert of(rejected) == [(OrderState.REJECTED, Cause.BALANCE)]
    filled, _ = run(events((10, PRINT, SELL, 99, 9)), (BUY, 4, 100), models=inverted, capital={"USDT": "0.00404"})
    assert amounts(filled) == {"USDT": ("0", "0"), "BTC": ("0.004", "0")}


def test_a_print_fills_a_reserved_order_at_the_makers_fee() -> None:
    """The reserve has the taker's fee: what the maker's fee leaves of it is free again."""
    result, _ = run(events((10, PRINT, SELL, 99, 9), (12, LEVEL, 1, 99, 0)), (BUY, 4, 101), capital={"USDT": 1})
    assert of(result) == [(OrderState.FILLED, Cause.NONE)]
    assert amounts(result)["USDT"] == ("0.99595919", "0"), "1 - 0.00404 - 0.0000008080 rounded up"


def test_a_probability_of_one_rejects_every_order_and_names_the_cause() -> None:
    """A reject that looks like another rule's would be searched in the strategy."""
    result, _ = run(events(), (BUY, 4, 102), (BUY, 4, 99), models=with_rejects(1))
    assert of(result) == [(OrderState.REJECTED, Cause.RANDOM)] * 2


def with_rejects(probability: float, seed: int = 3) -> Models:
    """Models in which the venue rejects at random."""
    return Models(Constant(1), Constant(1), MODELS.fees, rejects=Rejects(probability, seed))


def quoted(models: Models, **options: Any) -> Result:
    """The run of a quoter."""
    return simulate(tape(9, 3_000, (BTC,)), Quoter, parameters=QUOTER, instruments=[BTC], models=models, **options)


QUOTER = {"size": 3, "every": 9}


def test_random_rejects_follow_their_seed_also_in_variants() -> None:
    """A variant that draws from another one's seed would have a result that no single run repeats."""
    one, other = quoted(with_rejects(0.25)), quoted(with_rejects(0.25, seed=4))
    assert one.orders.tobytes() == quoted(with_rejects(0.25)).orders.tobytes() != other.orders.tobytes()
    share = (one.orders["cause"] == Cause.RANDOM).mean()
    assert len(one.orders) > 100
    assert 0.15 < share < 0.35
    many = simulate_many(tape(9, 3_000, (BTC,)), Quoter, [QUOTER, QUOTER], instruments=[BTC], models=with_rejects(0.25))
    assert all(each.orders.tobytes() == one.orders.tobytes() for each in many)


def test_capital_and_rejects_are_priced() -> None:
    """What a result owes to money that the account does not have, and to a venue that never fails."""
    capital = {"USDT": "0.02", "BTC": "0.005"}
    models = with_rejects(0.2)
    rows = {one.name: one for one in quoted(models, capital=capital, price_assumptions=True).assumptions}
    base = quoted(models, capital=capital).profits["USDT"]
    assert rows["no_margin"][3:5] == (False, quoted(models).profits["USDT"] - base)
    without = quoted(Models(Constant(1), Constant(1), MODELS.fees), capital=capital).profits["USDT"]
    assert rows["no_rejects"][3:5] == (False, without - base)
    assert rows["no_margin"].pnl
    assert rows["no_rejects"].pnl
    plain = {one.name: one for one in quoted(MODELS, price_assumptions=True).assumptions}
    assert (plain["no_margin"].made, plain["no_rejects"].made) == (True, True)
    assert "give it `capital`" in plain["no_margin"].unpriced
    assert "give its models `Rejects`" in plain["no_rejects"].unpriced


def test_an_account_never_spends_what_it_has_not() -> None:
    """Over a long run, with partial fills and fees rounded up, no balance falls below the rounding of its fees."""
    result = quoted(MODELS, capital={"USDT": "0.02", "BTC": "0.005"})
    assert {Cause.NONE, Cause.BALANCE} <= set(result.orders["cause"].tolist())
    assert all(one.free > -Decimal("1e-8") * len(result.fills) and one.locked >= 0 for one in result.balances.values())
    held = result.balances["BTC"].free + result.balances["BTC"].locked
    assert held == Decimal("0.005") + Decimal(result.positions[1]).scaleb(-3)


@pytest.mark.parametrize(
    ("capital", "text"),
    [
        ({"EUR": "1"}, "found 'EUR', expected assets of the run's instruments: BTC, ETH, USDT"),
        ({"USDT": 1.5}, "USDT has 1.5, expected text, int or Decimal: at least 0"),
        ({"USDT": True}, "USDT has True"),
        ({"USDT": "-1"}, "USDT has '-1'"),
        ({"USDT": "much"}, "USDT has 'much'"),
        ({"USDT": "nan"}, "USDT has 'nan'"),
        ({"BTC": "0.0001"}, "BTC has '0.0001', .* with at most 3 decimals"),
        ({"USDT": "1e30"}, "USDT has '1e30', .* and under 3.96e"),
    ],
)
def test_what_is_no_balance_is_refused(capital: Any, text: str) -> None:
    """A float has digits that were not written, and another asset would pay for nothing."""
    with pytest.raises((ValueError, TypeError), match=text):
        simulate(tape(3, 200), Quoter, instruments=[BTC, ETH], models=MODELS, parameters=QUOTER, capital=capital)


@pytest.mark.parametrize("probability", [0, -0.1, 1.5, float("nan")])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    """A probability of 0 is a run without rejects, which has a name."""
    with pytest.raises(ValueError, match="expected over 0 and at most 1"):
        Rejects(probability)


def test_a_balance_that_no_longer_fits_ends_the_run() -> None:
    """A number that wraps would be a fortune."""
    huge = Instrument(1, "venue", "AB", "A", "B", 0, 0, 1, 1, 1, 0, 0)
    tape_ = events()
    tape_["price"] += 1 << 60
    tape_["size"] = np.where(tape_["size"] > 0, 1 << 60, 0)
    models = Models(Constant(1), Constant(1), Fees.flat("0", "0"))
    parameters = {"orders": (((SELL, 1 << 60, 1 << 60), {}),), "seen": []}
    with pytest.raises(OverflowError, match="a fill leads to a balance beyond"):
        simulate(tape_, Once, instruments=[huge], models=models, parameters=parameters, capital={"A": 1 << 60})

"""Several strategies in one run: they share capital, caps and the market, each is counted alone, both speeds agree."""

import dataclasses
import os
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine.model.words import TimeInForce
from engine.strategy import Strategy
from engine.strategy.samples import MovingAverageCross
from research.bars import PrintBars
from research.simulate import (
    Cause,
    Constant,
    Fees,
    Funding,
    Line,
    Member,
    Models,
    Rejects,
    Result,
    Tier,
    simulate,
    simulate_portfolio,
)
from research.simulate.samples import Quoter, Watcher
from tests.research.simulate import tapes
from tests.research.simulate.engine.test_agreement import CAPS, given, hooks
from tests.research.simulate.tapes import BEGIN_NS, BTC, ETH

BOTH = (BTC, ETH)
SEEDS = 300 if os.environ.get("STEELYARD_SOAK") else 12
FILLS = ["venue_ns", "receive_ns", "price", "size", "fee", "impact", "instrument", "side", "maker", "strategy"]
ORDERS = ["submit_ns", "arrive_ns", "done_ns", "price", "size", "filled", "state", "instrument", "side", "cause"]
PLAIN = Models(Constant(3), Constant(3), Fees.flat("0.0002", "0.0005"))


def scripted(seed: int, instruments: tuple[Any, ...], log: list[Any]) -> type[Any]:
    """A strategy of a random script of its own."""
    kind = tapes.Timed if seed % 4 == 0 else tapes.Scripted
    return given(kind, tapes.Script(seed, instruments), log)


def of(result: Result) -> tuple[Any, ...]:
    """What both speeds must agree on."""
    counts = result.refused, result.refusals, result.late_cancels, result.in_flight, result.balances
    return result.fills[FILLS].tolist(), result.orders[[*ORDERS, "strategy"]].tolist(), *counts


@pytest.mark.parametrize("seed", range(SEEDS))
def test_both_speeds_agree_fill_for_fill_and_hook_for_hook(seed: int) -> None:
    """The roles of the engine with one execution, and the compiled loop."""
    found, logs = [], []
    for speed in ("fast", "engine"):
        own: list[list[Any]] = [[], [], []]
        members = {
            "one": Member(scripted(seed, BOTH, own[0])),
            "two": Member(scripted(seed + 1000, BOTH, own[1])),
            "eth": Member(scripted(seed + 2000, (ETH,), own[2]), instruments=[ETH.id]),
        }
        found.append(simulate_portfolio(
            tapes.tape(seed, 400), members, instruments=BOTH, models=tapes.models(seed), speed=speed,
            caps=CAPS if seed % 3 == 0 else {}, capital=tapes.capital(seed),
        ))  # fmt: skip
        logs.append([hooks(log) for log in own])
    for number, (fast, engine) in enumerate(zip(*logs, strict=True)):
        for place, (ours, theirs) in enumerate(zip(fast, engine, strict=False)):
            assert ours == theirs, f"seed {seed}, strategy {number}, call {place}"
        assert len(fast) == len(engine), (seed, number)
    assert of(found[0]) == of(found[1]), seed
    assert len(found[0].orders), seed


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_parts_are_the_whole(seed: int) -> None:
    """Every fill, fee and refusal belongs to one strategy, to the last unit."""
    members = {
        name: Member(scripted(seed + shift, BOTH, [])) for name, shift in (("one", 0), ("two", 500), ("six", 900))
    }
    whole = simulate_portfolio(
        tapes.tape(seed, 500), members, instruments=BOTH, models=tapes.models(seed), capital=tapes.capital(seed)
    )
    parts = [whole.of(name) for name in members]
    for name in ("size", "fee", "impact"):
        assert sum(int(part.fills[name].sum()) for part in parts) == int(whole.fills[name].sum())
    assert sum(len(part.orders) for part in parts) == len(whole.orders)
    assert sum(part.refused for part in parts) == whole.refused
    for one in (BTC.id, ETH.id):
        assert sum(part.positions[one] for part in parts) == whole.positions[one]
    for part in parts:
        assert part.orders["intent_id"][part.fills["order"]].tolist() == part.fills["intent_id"].tolist()
        filled = np.bincount(part.fills["order"], weights=part.fills["size"], minlength=len(part.orders))
        assert filled.tolist() == part.orders["filled"].tolist()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_strategies_of_different_instruments_do_as_they_do_alone(seed: int) -> None:
    """Without a shared capital, nothing that one does reaches the other; drawn latencies would be shared."""
    tape, models = tapes.tape(seed, 500), tapes.models(seed)
    models = dataclasses.replace(
        models, order_latency=Constant(4), answer_latency=Constant(2), rejects=None, fees=PLAIN.fees
    )
    members = {
        "btc": Member(scripted(seed, (BTC,), []), instruments=[BTC.id]),
        "eth": Member(scripted(seed + 1, (ETH,), []), instruments=[ETH.id]),
    }
    whole = simulate_portfolio(tape, members, instruments=BOTH, models=models)
    for name, one, number in (("btc", BTC, seed), ("eth", ETH, seed + 1)):
        alone = simulate_portfolio(
            tape, {name: Member(scripted(number, (one,), []), instruments=[one.id])}, instruments=BOTH, models=models
        )
        columns = [column for column in FILLS if column != "strategy"]
        assert whole.of(name).fills[columns].tolist() == alone.fills[columns].tolist(), seed
        assert whole.of(name).orders[ORDERS].tolist() == alone.orders[ORDERS].tolist(), seed


def test_the_order_of_the_members_does_not_matter_where_they_do_not_meet() -> None:
    """A result that depends on the order of registration is a defect that users of another simulator report."""

    def run(names: tuple[str, ...]) -> Result:
        every = {
            "btc": Member(scripted(3, (BTC,), []), instruments=[BTC.id]),
            "eth": Member(scripted(4, (ETH,), []), instruments=[ETH.id]),
        }
        members = {name: every[name] for name in names}
        return simulate_portfolio(tapes.tape(9, 900), members, instruments=BOTH, models=PLAIN, capital={"USDT": "1000"})

    first, second = run(("btc", "eth")), run(("eth", "btc"))
    columns = [column for column in FILLS if column != "strategy"]
    for name in ("btc", "eth"):
        assert first.of(name).fills[columns].tolist() == second.of(name).fills[columns].tolist()
    assert len(first.fills)
    assert first.balances == second.balances


class Rests(Strategy):
    """Rests a bid at the first good book."""

    def on_book(self, book: Any) -> None:
        """Once."""
        if not self.orders(book.instrument):
            self.place(book.instrument, 1, 5, book.best_bid - 3)


class Sells(Strategy):
    """Sells far below the best bid, now and then."""

    seen = 0

    def on_book(self, book: Any) -> None:
        """At each tenth book."""
        self.seen += 1
        if self.seen % 10 == 0:
            self.place(book.instrument, -1, 5, book.best_bid - 50, time_in_force=TimeInForce.IOC)


@pytest.mark.parametrize("speed", ["fast", "engine"])
def test_an_order_that_would_trade_with_a_strategy_of_the_portfolio_is_rejected(speed: str) -> None:
    """The venue prevents a trade of an account with itself; a simulator that fills it makes money from nothing."""
    found = simulate_portfolio(
        tapes.tape(5, 600, (BTC,)), {"rests": Member(Rests), "sells": Member(Sells)}, instruments=(BTC,), models=PLAIN,
        speed=speed,
    )  # fmt: skip
    causes = found.of("sells").orders["cause"].tolist()
    assert Cause.SELF_TRADE in causes
    bought, sold = (set(found.of(name).fills["venue_ns"].tolist()) for name in ("rests", "sells"))
    assert not bought & sold


class Buys(Strategy):
    """Buys at each good book."""

    def on_book(self, book: Any) -> None:
        """One more."""
        self.enter(book.instrument, 1, 4, book.best_ask)


@pytest.mark.parametrize("speed", ["fast", "engine"])
def test_caps_and_capital_bound_the_portfolio_not_each_strategy(speed: str) -> None:
    """Two strategies with a cap each would hold twice what the account may."""
    cap, money = {"max_position_usd": "0.1"}, {"USDT": "0.05"}
    members = {"one": Member(Buys), "two": Member(Buys)}
    tape = tapes.tape(2, 800, (BTC,))
    capped = simulate_portfolio(tape, members, instruments=(BTC,), models=PLAIN, caps=cap, speed=speed)
    most = int(0.1 * 10 ** (BTC.price_decimals + BTC.size_decimals)) / (90 * BTC.price_step)
    assert 0 < capped.positions[BTC.id] <= most
    assert all(capped.refusals)
    poor = simulate_portfolio(tape, members, instruments=(BTC,), models=PLAIN, capital=money, speed=speed)
    assert poor.balances["USDT"].free >= 0
    spent = (poor.fills["side"] * poor.fills["size"] * poor.fills["price"]).sum()
    left = Decimal("0.05") - Decimal(int(spent)).scaleb(-5) - Decimal(int(poor.fills["fee"].sum())).scaleb(-8)
    assert poor.balances["USDT"].free + poor.balances["USDT"].locked == left
    assert Cause.BALANCE in poor.orders["cause"].tolist()


def test_each_account_has_its_own_way_fees_and_capital() -> None:
    """A strategy across venues: what arrives later and costs more at one of them."""
    near = Line(Constant(1), Constant(1), Fees.flat("0", "0.0001"), capital={"USDT": "100"})
    far = Line(Constant(50), Constant(50), Fees.flat("0", "0.01"), capital={"USDT": "100"})
    members = {
        "near": Member(Buys, instruments=[BTC.id], account="near"),
        "far": Member(Buys, instruments=[ETH.id], account="far"),
    }
    found = simulate_portfolio(
        tapes.tape(7, 900), members, instruments=BOTH, models=PLAIN, accounts={"near": near, "far": far}
    )
    for name, way_ns, rate in (("near", 1, 0.0001), ("far", 50, 0.01)):
        part = found.of(name)
        arrived = part.orders[part.orders["arrive_ns"] > 0]
        assert len(part.fills) > 3
        assert (arrived["arrive_ns"] - arrived["submit_ns"] == way_ns).all()
        one = found.instruments[int(part.fills["instrument"][0])]
        value = part.fills["size"] * part.fills["price"] / 10 ** (one.price_decimals + one.size_decimals)
        assert np.allclose(part.fills["fee"] / 1e8, value * rate, atol=2e-8)


def test_the_assumptions_are_those_of_the_accounts() -> None:
    """The models' own latencies and fees are not used beside accounts: their list would hide a free lunch."""
    free = Line(Constant(0), Constant(1), Fees.flat("0", "0"), capital={"USDT": "100"})
    dear = Line(Constant(1), Constant(1), PLAIN.fees, Rejects(0.1))
    members = {
        "free": Member(Buys, instruments=[BTC.id], account="free"),
        "dear": Member(Buys, instruments=[ETH.id], account="dear"),
    }
    tape = tapes.tape(7, 300)
    found = simulate_portfolio(
        tape, members, instruments=BOTH, models=PLAIN, accounts={"free": free, "dear": dear}, caps=CAPS
    )
    names = ["no_order_latency", "no_fees", "no_margin", "no_rejects", "no_impact"]
    assert [one.name for one in found.assumptions][:5] == names
    alone = simulate_portfolio(
        tape, {"free": members["free"]}, instruments=BOTH, models=PLAIN, accounts={"free": free}, caps=CAPS
    )
    assert "no_margin" not in [one.name for one in alone.assumptions]


def test_compiled_strategies_and_strategies_of_the_engine_run_together() -> None:
    """A compiled maker beside a Python taker."""
    found = simulate_portfolio(
        tapes.tape(5, 2_000), {"quotes": Member(Quoter, {"size": 2, "every": 3}), "buys": Member(Buys)},
        instruments=BOTH, models=PLAIN,
    )  # fmt: skip
    assert len(found.of("quotes").fills)
    assert len(found.of("buys").fills)


@pytest.mark.parametrize("speed", ["fast", "engine"])
def test_a_portfolio_of_one_is_the_single_run(speed: str) -> None:
    """The same code, the same numbers."""
    tape = tapes.tape(8, 900)
    one = simulate(tape, Buys, instruments=BOTH, models=PLAIN, speed=speed)
    found = simulate_portfolio(tape, {"buys": Member(Buys)}, instruments=BOTH, models=PLAIN, speed=speed)
    assert found.fills[FILLS].tolist() == one.fills[FILLS].tolist()
    assert str(found.equity(BTC.id)) == str(one.equity(BTC.id))  # nan equals nan in text


def test_members_that_read_bars_get_them() -> None:
    """Beside one that reads none."""
    parameters = {"size": "0.01", "interval_ms": 1_000, "fast": 2, "slow": 3}
    found = {
        speed: simulate_portfolio(
            tapes.tape(3, 4_000),
            {"cross": Member(MovingAverageCross, parameters), "buys": Member(Buys)},
            instruments=BOTH, models=PLAIN, bars=lambda: PrintBars(BOTH, ["1s"], begin_ns=BEGIN_NS), speed=speed,
        )
        for speed in ("fast", "engine")
    }  # fmt: skip
    assert of(found["fast"]) == of(found["engine"])


class Raises(Strategy):
    """Raises at its third book."""

    seen = 0

    def on_book(self, book: Any) -> None:  # noqa: ARG002 - the hook's shape
        """Count, then raise."""
        self.seen += 1
        if self.seen == 3:
            raise ZeroDivisionError


def test_an_error_names_its_strategy() -> None:
    """Of many of one class, the one that raised."""
    with pytest.raises(ZeroDivisionError) as caught:
        simulate_portfolio(
            tapes.tape(3, 400), {"fine": Member(Buys), "wrong": Member(Raises)}, instruments=BOTH, models=PLAIN
        )
    assert "of the strategy wrong" in caught.value.__notes__[0]


def account(fees: Fees = PLAIN.fees, **more: Any) -> dict[str, Any]:
    """A run from one account."""
    line = Line(Constant(1), Constant(1), fees, **more)
    return {"members": {"a": Member(Buys, account="x")}, "accounts": {"x": line}}


TIERS = Fees(tuple(Tier(Decimal(0), Decimal(0), Decimal(volume)) for volume in (0, 5)))
EURO = (BTC, dataclasses.replace(ETH, quote="EUR"))
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({"members": {}}, "members: found 0, expected 1 to 64"),
    "object": ({"members": {"a": Member(Watcher())}}, "members: a: found an object, expected a class"),  # type: ignore[arg-type]
    "account": ({"members": {"a": Member(Buys, account="x")}}, "members: a: account 'x': expected one of ''"),
    "instrument": ({"members": {"a": Member(Buys, instruments=[99])}}, r"\[99\]: expected some of the run's"),
    "no instrument": ({"members": {"a": Member(Buys, instruments=[])}}, r"\[\]: expected some of the run's"),
    "two accounts": (
        {
            "members": {"a": Member(Buys, account="x"), "b": Member(Buys, account="y")},
            "accounts": {name: Line(Constant(1), Constant(1), PLAIN.fees) for name in "xy"},
        },
        "instrument 1 is traded from the accounts 'x' and 'y': give each instrument one account",
    ),
    "capital": (
        {"members": {"a": Member(Buys, account="x")}, "accounts": {"x": Line(Constant(1), Constant(1), PLAIN.fees)},
         "capital": {"USDT": "1"}},
        "capital: each account has its own",
    ),
    "engine": (
        {"members": {"a": Member(Buys, account="x")}, "accounts": {"x": Line(Constant(1), Constant(1), PLAIN.fees)},
         "speed": "engine"},
        'accounts: speed "engine" runs one execution',
    ),
    "bars": ({"bars": lambda: PrintBars(BOTH, ["1s"], begin_ns=BEGIN_NS)}, "bars: no member reads bars"),
    "bars object": ({"bars": PrintBars(BOTH, ["1s"], begin_ns=BEGIN_NS)}, "bars: expected a function"),
    "perpetual": (
        {"instruments": (dataclasses.replace(BTC, kind="perpetual"),)}, "BTCUSDT is a perpetual: its funding",
    ),
    "class": ({"members": {"a": Buys}}, "members: a: found <class.*expected `Member"),
    "list": ({"members": [Member(Buys)]}, "members: found list, expected a mapping"),
    "instrument object": ({"members": {"a": Member(Buys, instruments=BOTH)}}, "expected some of the run's"),  # type: ignore[arg-type]
    "name": ({"members": {"a b": Member(Buys)}, "speed": "engine"}, "members: found the name 'a b': expected 1 to 32"),
    "role": ({"members": {"execution": Member(Buys)}, "speed": "engine"}, "the name 'execution': .* and not"),
    "asset": (account(capital={"USDC": "1"}), "accounts: x: capital: found 'USDC', expected assets"),
    "amount": (account(capital={"USDT": 1.5}), "accounts: x: capital: USDT has 1.5, expected text"),
    "funding": (account(funding=Funding.constant("0.0001")), "accounts: x: a portfolio has spot instruments only"),
    "tiers": ({**account(TIERS), "instruments": EURO}, "accounts: x: fees: several tiers .* EUR, USDT"),
    "line": ({**account(), "accounts": {"x": PLAIN}}, "accounts: x: found Models, expected `Line`"),
    "no member": ({"accounts": {"x": Line(Constant(1), Constant(1), PLAIN.fees)}}, "accounts: x: no member"),
    "rejects": ({**account(), "models": dataclasses.replace(PLAIN, rejects=Rejects(0.5))}, "rejects: each account"),
    "compiled": ({"members": {"a": Member(Watcher)}, "speed": "engine"}, "a compiled client runs at speed"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_no_run_can_follow_is_refused_before_it(case: str) -> None:
    """With the name and what was expected."""
    options, text = WRONG[case]
    with pytest.raises((ValueError, TypeError), match=text):
        simulate_portfolio(
            tapes.tape(1, 100), **{"members": {"a": Member(Buys)}, "instruments": BOTH, "models": PLAIN, **options}
        )


def test_a_part_that_does_not_exist_names_those_that_do() -> None:
    """A mistake in a name is no strategy without a profit."""
    found = simulate_portfolio(tapes.tape(1, 100), {"a": Member(Buys)}, instruments=BOTH, models=PLAIN)
    with pytest.raises(ValueError, match=re.escape("strategy: found 'b', expected one of a")):
        found.of("b")

"""Perpetuals: funding by its definition, margin, the end of a run by a liquidation, and random runs as in the twin."""

import json
import os
import random
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.model.words import Reason
from engine.risk.limits import MICRO
from engine.strategy import BUY, SELL
from engine.venues.binance.margin import CrossMargin
from engine.venues.margin import Bracket
from research.experiment.plain import from_plain, to_plain
from research.simulate import (
    FUNDING,
    Cause,
    Constant,
    Funding,
    LiquidatedError,
    Margin,
    Models,
    Result,
    read_funding,
    simulate,
)
from tests.research.simulate import tapes
from tests.research.simulate.engine.test_agreement import given, hooks, of
from tests.research.simulate.reference import Reference
from tests.research.simulate.tapes import BEGIN_NS, Script, Scripted
from tests.research.simulate.test_rules import LEVEL, MODELS, Once, events

SEEDS = 200 if os.environ.get("STEELYARD_SOAK") else 12
BTC, ETH = (replace(one, kind="perpetual") for one in (tapes.BTC, tapes.ETH))
BRACKETS = (
    Bracket(Decimal(0), Decimal("0.05"), Decimal("0.1"), Decimal(0), 8),
    Bracket(Decimal("0.05"), Decimal(1000), Decimal("0.2"), Decimal("0.005"), 4),
)
MARGIN = Margin({"BTCUSDT": BRACKETS, "ETHUSDT": BRACKETS}, 5)


def due(*rows: tuple[int, int, int]) -> Funding:
    """Funding of BTC at these times after the beginning, with these rates of 1e-8 and marks."""
    return Funding.recorded(np.array([(BEGIN_NS + at, rate, mark, 1) for at, rate, mark in rows], FUNDING))


def run(*orders: tuple[int, int, int], tape: np.ndarray | None = None, **options: Any) -> Result:
    """The run of these orders over a book of 100 x 5 against 102 x 4: 1.00 and 1.02 USDT, sizes of 0.001."""
    models = Models(
        Constant(1), Constant(1), MODELS.fees, **{k: options.pop(k) for k in ("funding", "margin") if k in options}
    )
    given = {"orders": tuple((one, {}) for one in orders), "seen": []}
    tape = events() if tape is None else tape
    return simulate(tape, Once, instruments=[BTC], models=models, parameters=given, **options)


@pytest.mark.parametrize(("side", "price", "rate", "paid"), [
    (BUY, 102, 10_000, 41), (SELL, 100, 10_000, -40), (BUY, 102, -10_000, -40), (SELL, 100, -10_000, 41),
])  # fmt: skip
def test_longs_pay_a_positive_rate_and_shorts_receive_it(side: int, price: int, rate: int, paid: int) -> None:
    """0.004 at the middle of 1.01 and 0.01 %: 40.4e-8, rounded up where it is paid and down where it is received."""
    result = run((side, 4, price), funding=due((100, rate, 0)))
    assert result.funding.tolist() == [(BEGIN_NS + 100, 1, side * 4, rate, 202, paid)]


def test_the_recorded_mark_is_used_where_there_is_one() -> None:
    """The venue's funding has its own mark price."""
    result = run((BUY, 4, 102), funding=due((100, 10_000, 200)))
    assert result.funding["paid"].tolist() == [80]


def test_only_what_is_held_at_its_time_pays() -> None:
    """An order that arrives at the time of a funding finds it paid already."""
    assert run((BUY, 4, 102), funding=due((1, 10_000, 0))).funding.tolist() == []
    assert len(run((BUY, 4, 102), funding=due((2, 10_000, 0))).funding) == 1


def test_equity_has_the_funding_apart_from_the_price() -> None:
    """P&L with it and without it differ by what was paid, and the table attributes it."""
    with_, without = run((BUY, 4, 102), funding=due((100, 10_000, 200), (200, 10_000, 200))), run((BUY, 4, 102))
    assert with_.profits["USDT"] == pytest.approx(without.profits["USDT"] - 160e-8, abs=1e-12)
    assert with_.funding["paid"].sum() == 160


def test_a_constant_rate_is_due_at_each_multiple_of_its_interval() -> None:
    """Binance USD-M funds at 00:00, 08:00 and 16:00 UTC."""
    result = run((BUY, 4, 102), funding=Funding.constant("0.0001", 100))
    assert np.diff(result.funding["at_ns"]).tolist() == [100] * (len(result.funding) - 1)
    assert len(result.funding) > 3
    assert set((result.funding["at_ns"] % 100).tolist()) == {0}
    assert Funding.constant("0.0001").dues([BTC], 0, 86_400_000_000_000)["at_ns"].tolist() == [
        hour * 3_600_000_000_000 for hour in (0, 8, 16, 24)
    ]


def test_a_run_that_would_be_liquidated_ends_with_the_reason() -> None:
    """A result after it would be of an account that no longer exists. The price falls from 1.01 to 0.82."""
    fall = events((20, LEVEL, 1, 100, 0), (21, LEVEL, 1, 80, 5), (22, LEVEL, -1, 84, 5), (23, LEVEL, 1, 81, 3))
    funded = {"tape": fall, "margin": MARGIN}
    assert run((BUY, 4, 102), capital={"USDT": "0.01"}, **funded).fills["size"].sum() == 4
    with pytest.raises(LiquidatedError, match=r"its maintenance margin 0\.000.*with 4 of BTCUSDT") as caught:
        run((BUY, 4, 102), capital={"USDT": "0.00085"}, **funded)
    assert caught.value.at_ns == BEGIN_NS + 220
    assert caught.value.equity <= caught.value.maintenance


def test_a_liquidation_comes_where_the_gate_has_its_distance() -> None:
    """One formula in the gate and in the run: at its end the distance is 0 or less, and over it at the mark before."""
    fall = events(
        *((20 + at, LEVEL, -1, 101 - at, 5) for at in range(25)), (19, LEVEL, 1, 100, 0), (19, LEVEL, 1, 60, 5)
    )
    fall = fall[np.argsort(fall["venue_ns"], kind="stable")]
    with pytest.raises(LiquidatedError) as caught:
        run((BUY, 4, 102), tape=fall, margin=MARGIN, capital={"USDT": "0.0012"})
    ask = 101 - ((caught.value.at_ns - BEGIN_NS) // 10 - 20)

    def way(ask: int) -> int:
        middle2, fee = 60 + ask, 204
        free = 1_200 - fee // 100 - 1 + 4 * (middle2 - 204) * MICRO // (2 * 10**5)
        return CrossMargin(BRACKETS).distance(BUY, 4 * middle2 * MICRO // (2 * 10**5), free)[0]

    assert way(ask) <= 0 < way(ask + 1)


def test_an_order_that_the_equity_does_not_bear_is_rejected() -> None:
    """Initial margin at a leverage of 5, and what an order loses at once when it is filled beyond the mark."""
    needed = Decimal(4 * 101) / 10**5 / 5 + Decimal(4) / 10**5
    enough = run((BUY, 4, 102), margin=MARGIN, capital={"USDT": str(needed)})
    assert enough.orders["cause"].tolist() == [Cause.NONE]
    short = run((BUY, 4, 102), margin=MARGIN, capital={"USDT": str(needed - Decimal("0.000001"))})
    assert short.orders["cause"].tolist() == [Cause.BALANCE]


def test_an_order_that_reduces_a_position_is_never_too_large() -> None:
    """The way out stays open."""
    result = run((BUY, 4, 102), (SELL, 4, 100), margin=MARGIN, capital={"USDT": "0.0009"})
    assert result.orders["cause"].tolist() == [Cause.NONE, Cause.NONE]


def test_the_gate_of_the_engine_has_the_caps_of_margin(tmp_path: Path) -> None:
    """Its formulas are those of the venue that liquidates: at a leverage of 4 and more a buffer of 30 % is refused."""
    file = tmp_path / "brackets.json"
    row = {"notionalFloor": 0, "notionalCap": 1000, "maintMarginRatio": 0.1, "cum": 0, "initialLeverage": 8}
    file.write_text(json.dumps([{"symbol": "BTCUSDT", "brackets": [row]}]), encoding="utf-8")
    caps = {"capital_usd": "0.001", "margin_brackets": str(file), "liquidation_buffer": "0.30"}
    seen: list[Any] = []
    given = {"orders": ((BUY, 4, 102), (BUY, 1, 102)), "seen": seen}

    class Buyer(Once):
        """Its orders are no parameters: the engine's role records a hash of those."""

        class Parameters(msgspec.Struct, frozen=True):
            """None."""

        def on_book(self, book: Any) -> None:
            """Submit once."""
            if not self.done:
                self.done = True
                for order in given["orders"]:
                    self.place(book.instrument, *order)

        def on_refusal(self, verdict: Any) -> None:
            """Keep the reason."""
            seen.append(Reason(verdict.reason))

    models = Models(Constant(1), Constant(1), MODELS.fees)
    result = simulate(events(), Buyer, instruments=[BTC], models=models, caps=caps, speed="engine")
    assert seen == [Reason.LIQUIDATION_TOO_NEAR]
    assert result.fills["size"].tolist() == [1]
    caps["margin_brackets"] = str(tmp_path / "none.json")
    with pytest.raises(ValueError, match=r"none\.json: expected the answer of"):
        simulate(events(), Buyer, instruments=[BTC], models=models, caps=caps, speed="engine")


def compare(seed: int) -> tuple[str, Result | None]:
    """A random run of perpetuals and its plain twin; how it ends."""
    draw, tape = random.Random(seed), tapes.tape(seed, 400, (BTC, ETH))
    most, last = draw.choice((2_000_000, 40_000_000)), int(tape["venue_ns"][-1] - BEGIN_NS)
    rows = sorted(
        (BEGIN_NS + draw.randint(0, last), draw.randint(-most, most), draw.choice((0, 0, 90)), draw.choice((1, 7)))
        for _ in range(40)
    )
    rows += [(rows[-1][0], 500, 0, one) for one in (1, 7)]
    funding = Funding.recorded(np.array(rows, FUNDING))
    margin = MARGIN if draw.random() < 0.7 else None
    capital = {"USDT": draw.choice(("0.002", "0.05", "5"))} if margin else None
    models = replace(tapes.models(seed), funding=funding, margin=margin)
    instruments, log = (BTC, ETH), []
    plain = Reference(tape, instruments, models, {}, Script(seed, instruments), each=False, capital=capital)
    given = {"script": Script(seed, instruments), "log": log}
    options: dict[str, Any] = {"instruments": instruments, "models": models, "parameters": given, "capital": capital}
    with suppress(LiquidatedError):
        plain.run()
    if plain.liquidated:
        with pytest.raises(LiquidatedError) as caught:
            simulate(tape, Scripted, **options)
        assert (caught.value.at_ns, caught.value.equity, caught.value.maintenance) == plain.liquidated, seed
        return "liquidated", None
    result = simulate(tape, Scripted, **options)
    assert result.funding.tolist() == plain.payments, seed
    assert result.orders[["intent_id", "state", "filled", "cause"]].tolist() == [
        (o.intent_id, o.state, o.filled, o.cause) for o in plain.orders
    ], seed
    assert log == plain.log, seed
    return "margined" if margin else "free", result


def at_speed(seed: int, speed: str) -> tuple[Any, ...]:
    """The outcome of a random run of perpetuals at a speed, or the words of its liquidation."""
    draw, log = random.Random(seed), []
    rows = sorted((BEGIN_NS + draw.randint(0, 1_200), draw.randint(-(10**7), 10**7), 0, one) for one in (1, 7) * 10)
    margin = MARGIN if draw.random() < 0.7 else None
    models = replace(tapes.models(seed), funding=Funding.recorded(np.array(rows, FUNDING)), margin=margin)
    try:
        result = simulate(
            tapes.tape(seed, 400, (BTC, ETH)), given(Scripted, Script(seed, (BTC, ETH)), log), instruments=(BTC, ETH),
            models=models, speed=speed, capital={"USDT": draw.choice(("0.003", "0.3"))} if margin else None,
        )  # fmt: skip
    except LiquidatedError as error:
        return (str(error),)
    return (*of(result), result.funding.tolist(), hooks(log))


def test_both_speeds_pay_the_same_funding_and_end_at_the_same_liquidation() -> None:
    """A perpetual that was tuned in `fast` must meet the same venue when the engine itself runs it."""
    found = [(at_speed(seed, "fast"), at_speed(seed, "engine")) for seed in range(10)]
    for seed, (fast, engine) in enumerate(found):
        assert fast == engine, seed
    assert sum(len(fast[-2]) for fast, _ in found if len(fast) > 1) > 10


@pytest.mark.parametrize("first", range(0, SEEDS, 4))
def test_random_runs_of_perpetuals_equal_the_reference(first: int) -> None:
    """Two programs with one meaning: an error of one of them is a difference."""
    for seed in range(first, first + 4):
        compare(seed)


def test_the_random_runs_reach_every_end() -> None:
    """A comparison of runs in which nothing happens would show nothing."""
    found = [compare(seed) for seed in range(1000, 1030)]
    assert {end for end, _ in found} == {"liquidated", "margined", "free"}
    results = [result for _, result in found if result is not None]
    assert sum(len(result.funding) for result in results) > 50
    assert any((result.orders["cause"] == Cause.BALANCE).any() for result in results)


def test_a_file_of_the_archive_is_read_and_a_wrong_row_is_named(tmp_path: Path) -> None:
    """The venue publishes its funding as such files."""
    file = tmp_path / "BTCUSDT-fundingRate-2026-11.csv"
    head = "calc_time,funding_interval_hours,last_funding_rate\n"
    file.write_text(f"{head}1700000000001,8,0.00010000\n1700028800000,8,-0.00002500\n", encoding="utf-8")
    assert read_funding(file, BTC).tolist() == [
        (1_700_000_000_001_000_000, 10_000, 0, 1),
        (1_700_028_800_000_000_000, -2_500, 0, 1),
    ]
    file.write_text(f"{head}1700000000001,8,x\n", encoding="utf-8")
    with pytest.raises(ValueError, match="row 1: found rate 'x', expected text between -1 and 1"):
        read_funding(file, BTC)
    file.write_text("time,rate\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no column calc_time"):
        read_funding(file, BTC)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"capital": {"USDT": "1"}}, "BTCUSDT is a perpetual: give the models `Margin`"),
        ({"margin": MARGIN}, "margin: the run has no `capital`"),
        ({"margin": MARGIN, "capital": {"BTC": "1"}}, "expected only USDT"),
        ({"margin": Margin({"X": BRACKETS}, 5), "capital": {"USDT": "1"}}, "has no brackets of BTCUSDT"),
        ({"instruments": [replace(BTC, multiplier=10)]}, "expected a linear perpetual"),
        ({"instruments": [replace(BTC, kind="future")]}, "no expiry and no settlement"),
        ({"instruments": [tapes.BTC], "funding": due((1, 1, 0))}, "funding: the run has no perpetual"),
        ({"instruments": [tapes.BTC], "margin": MARGIN, "capital": {"USDT": "1"}}, "margin: the run has no perpetual"),
        ({"instruments": [BTC, ETH], "funding": due((1, 1, 0))}, r"funding: has records of \[1\], expected"),
    ],
)
def test_what_a_perpetual_cannot_follow_is_refused(options: dict[str, Any], text: str) -> None:
    """An option without an effect is a wrong result."""
    models = Models(
        Constant(1), Constant(1), MODELS.fees, **{k: options[k] for k in ("funding", "margin") if k in options}
    )
    with pytest.raises(ValueError, match=text):
        simulate(
            tapes.tape(3, 200, (BTC,)), Once, instruments=options.get("instruments", [BTC]), models=models,
            parameters={"orders": (), "seen": []}, capital=options.get("capital"),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Funding.constant("1.5"), "found rate '1.5'"),
        (lambda: Funding.constant("0.0001", 0), "found every_ns 0"),
        (lambda: due((2, 1, 0), (1, 1, 0)), "row 1 is .*, expected times in order"),
        (lambda: Funding.recorded(np.zeros(0, FUNDING)), "expected at least one row"),
        (lambda: Margin({}, 0), "margin: found leverage 0"),
    ],
)
def test_a_wrong_model_of_perpetuals_is_refused_when_it_is_made(make: Any, text: str) -> None:
    """The line that has the mistake is the line that fails."""
    with pytest.raises(ValueError, match=text):
        make()


def test_the_models_of_perpetuals_are_those_of_a_sweep_too() -> None:
    """A sweep, a walk and an experiment keep models as JSON: brackets and rates must come back as they were."""
    models = Models(Constant(1), Constant(1), MODELS.fees, funding=due((100, 10_000, 200)), margin=MARGIN)
    text = msgspec.json.encode(to_plain(models))
    again = from_plain(Models, msgspec.json.decode(text), "models")
    assert again.margin.lines("BTCUSDT") == MARGIN.lines("BTCUSDT")
    assert again.funding.rows.tolist() == models.funding.rows.tolist()
    assert again.funding.rows.dtype == FUNDING
    assert msgspec.json.encode(to_plain(again)) == text

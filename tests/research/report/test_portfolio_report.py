"""The report of a portfolio: every strategy by itself, and the parts are the whole."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from research.performance import of_result
from research.performance.performance import Performance
from research.report import write
from research.report.page import SIZE_MOST
from research.report.strategies import below_highest
from research.simulate import Constant, Fees, Line, Member, Models, Result, simulate_portfolio
from tests.research.report.test_page import look
from tests.research.simulate import tapes
from tests.research.simulate.engine.test_agreement import given
from tests.research.simulate.tapes import BTC, ETH

LINE = Line(Constant(3), Constant(3), Fees.flat("0.0002", "0.0005"))
MODELS = Models(LINE.order_latency, LINE.answer_latency, LINE.fees)
TAPE = tapes.tape(4, 900)
NAMES = ("maker", "taker", "late")


def run() -> Result:
    """Three strategies on two accounts and two instruments; the last two share an account and its instrument."""
    places = ((5, BTC, "one"), (9, ETH, "two"), (14, ETH, "two"))
    members = {
        name: Member(given(tapes.Scripted, tapes.Script(seed, (own,)), []), instruments=[own.id], account=account)
        for name, (seed, own, account) in zip(NAMES, places, strict=True)
    }
    return simulate_portfolio(
        TAPE, members, instruments=(BTC, ETH), models=MODELS, mark_ns=20, accounts={"one": LINE, "two": LINE}
    )


@pytest.fixture(scope="module")
def one() -> Performance:
    """The performance of the portfolio."""
    return of_result(run(), 10_000, title="portfolio", events=TAPE)


def shown(path: Path) -> dict[str, Any]:
    """The content of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_the_profits_of_the_strategies_add_up_to_the_equity(one: Performance) -> None:
    """At every step: money that belongs to no strategy would be a wrong number in one of them."""
    assert tuple(one.strategies) == NAMES
    assert len(one.at_ns) > 10
    assert np.ptp(one.equity) > 0
    np.testing.assert_allclose(10_000 + np.sum(list(one.strategies.values()), axis=0), one.equity, atol=1e-9)


def test_a_trade_is_of_one_strategy(one: Performance) -> None:
    """The sale of one strategy does not close what another bought: the trades are those of each strategy alone."""
    result = run()
    for number, name in enumerate(NAMES):
        alone = of_result(result.of(name), 10_000, title=name).trades
        mine = one.trades[one.trades["account"] == number]
        columns = ["opened_ns", "closed_ns", "instrument", "side", "size", "profit"]
        assert len(mine) > 0
        assert sorted(mine[columns].tolist()) == sorted(alone[columns].tolist())


def test_the_rows_of_the_strategies_add_up(one: Performance, tmp_path: Path) -> None:
    """Orders, fees, refusals and profit of the table are those of the whole run."""
    rows = shown(write(tmp_path / "portfolio.html", one))["strategies"]["rows"]
    assert [row["strategy"] for row in rows] == list(NAMES)
    assert sum(row["orders"] for row in rows) == len(one.executions)
    assert sum(row["fees"] for row in rows) == pytest.approx(one.executions["fees"].sum(), abs=1e-9)
    assert sum(row["profit"] for row in rows) == pytest.approx(one.profit, abs=1e-9)
    assert sum(row["trades"] for row in rows) == len(one.trades)


def test_the_correlation_is_that_of_the_changes(one: Performance, tmp_path: Path) -> None:
    """Equal to numpy's matrix of the strategies' changes, with the names in its order."""
    found = shown(write(tmp_path / "portfolio.html", one))["strategies"]["correlation"]
    expected = np.corrcoef([np.diff(one.strategies[name]) for name in found["rows"]])
    np.testing.assert_allclose(np.array(found["values"], float), expected, atol=5e-3)


def test_a_drawdown_is_money_below_the_highest_profit() -> None:
    """A strategy that only lost is down from 0."""
    assert below_highest(np.array([0.0, 5.0, 3.0, 6.0, -1.0])).tolist() == [0, 0, 2, 0, 7]
    assert below_highest(np.array([-2.0, -3.0])).tolist() == [2, 3]


def test_instruments_of_two_venues_with_one_symbol_are_apart() -> None:
    """By the symbol alone, the profit of one of them would be missing from the equity."""
    found = run()
    twin = dataclasses.replace(found.instruments[ETH.id], symbol=BTC.symbol, venue="other")
    one = of_result(dataclasses.replace(found, instruments={BTC.id: BTC, ETH.id: twin}), 10_000, title="two")
    assert one.names == (f"{BTC.venue} {BTC.symbol}", f"other {BTC.symbol}")
    assert one.profit == pytest.approx(sum(found.at_last_middles().profits.values()), abs=1e-9)


def test_the_page_of_a_portfolio_is_painted(tmp_path: Path, one: Performance) -> None:
    """In a browser: every chart drawn, nothing asked for, the strategies in their own part."""
    path = write(tmp_path / "portfolio.html", one)
    assert path.stat().st_size < SIZE_MOST
    seen, console = look(path, tmp_path)
    assert console == []
    assert (seen["empty"], seen["blank"], seen["wide"]) == (0, 0, 0)
    headings = {"Strategies", "Profit by strategy, USDT", "Drawdown by strategy, USDT", "Correlation of strategies"}
    assert headings < set(seen["headings"])

"""What a run did adds up: trades, executions, equity and the figures made of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.strategy.samples import ImbalanceMaker
from research.performance import Performance, arrivals, executions_of, of_result, round_trips
from research.performance.executions import UNKNOWN_NS
from research.performance.figures import figures_of
from research.performance.trades import FILL
from research.simulate import Constant, Fees, Models, simulate
from tests.research.performance.made import ORDER, made
from tests.research.simulate.tapes import BTC, ETH, tape

rows = st.lists(
    st.tuples(st.sampled_from([-1, 1]), st.integers(1, 40), st.integers(900, 1_100), st.integers(-5, 20)), max_size=40
)


def fills_of(found: list[tuple[int, int, int, int]]) -> np.ndarray:
    """Fills of one instrument from small whole numbers."""
    table = np.zeros(len(found), FILL)
    for at, (side, size, price, fee) in enumerate(found):
        table[at] = (at, at, 0, side, False, price, size, fee, 0)
    return table


@given(rows)
def test_trades_and_what_is_held_are_all_of_the_profit(found: list[tuple[int, int, int, int]]) -> None:
    """Sum of trades + value and fees of what is held = money of all fills + value; sizes match, too."""
    fills = fills_of(found)
    trades = round_trips(fills)
    held = sum(side * size for side, size, _, _ in found)
    bought = sum(size for side, size, _, _ in found if side > 0)
    sold = sum(size for side, size, _, _ in found if side < 0)
    assert trades["size"].sum() == pytest.approx(min(bought, sold))
    money = sum(-side * size * price - fee for side, size, price, fee in found)
    cost, rest = 0.0, abs(held)
    for side, size, price, fee in reversed(found):  # first in, first out: what is held are the newest fills of its side
        part = min(size, rest) if side * held > 0 else 0
        cost, rest = cost + side * part * price + fee * part / size, rest - part
    assert trades["profit"].sum() == pytest.approx(money + cost)
    assert (trades["opened_ns"] <= trades["closed_ns"]).all()


def test_accounts_do_not_close_each_others_positions() -> None:
    """One account is long and another short: nothing was closed, and no trade was won or lost."""
    fills = fills_of([(1, 1, 1_000, 0), (-1, 1, 1_010, 0), (-1, 1, 1_030, 0)])
    fills["account"] = [1, 2, 1]
    assert round_trips(fills)[["opened_ns", "closed_ns", "profit"]].tolist() == [(0, 2, 30.0)]


def test_a_position_from_before_the_range_is_closed_in_it() -> None:
    """A sale of what was bought yesterday opens no short position, whose later cover would be a made-up trade."""
    begun, fills = fills_of([(1, 1, 1_000, 0)]), fills_of([(-1, 1, 1_010, 1), (1, 1, 1_020, 1)])
    trades = replace(made(steps=10), begun=begun, fills=fills).trades
    assert trades[["side", "profit"]].tolist() == [(1, 9.0)]


def run(seed: int) -> tuple[np.ndarray, object]:
    """A simulated run of two instruments that trades."""
    events = tape(seed, 6_000)
    models = Models(Constant(5), Constant(5), Fees.flat("0.0001", "0.0005"))
    parameters = {"size": "0.1", "position_max": "2", "quote_interval_ms": 0}
    return events, simulate(
        events, ImbalanceMaker, instruments=[BTC, ETH], parameters=parameters, models=models, mark_ns=500
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_run_becomes_a_performance_that_adds_up(seed: int) -> None:
    """Equity is that of the result; trades and what is held give its profit; each fill belongs to an order."""
    events, result = run(seed)
    assert len(result.fills) > 3, seed
    one = of_result(result, 10_000, title="run", events=events)
    last = [result.equity(each.id)["equity"] for each in (BTC, ETH)]
    marked = [row[np.isfinite(row)][-1] if np.isfinite(row).any() else 0.0 for row in last]
    assert one.equity[-1] == pytest.approx(10_000 + sum(marked))
    assert one.profit == pytest.approx(sum(float(row[-1]) for row in one.profits.values()))
    assert one.executions["filled"].sum() == pytest.approx(one.fills["size"].sum())
    assert one.executions["fees"].sum() == pytest.approx(one.fills["fee"].sum())
    assert one.seals["data"]
    filled = one.executions["filled"] > 0
    assert (one.executions["wait_ns"][filled] >= 5).all()
    assert (one.executions["wait_ns"][~filled] == UNKNOWN_NS).all()


def test_the_arrival_price_is_that_of_the_book_received_before() -> None:
    """Compared with a loop over every event in plain Python: an event received at the time itself was known."""
    events = tape(8, 3_000)
    times = np.unique(np.random.default_rng(8).integers(events[0]["receive_ns"] - 3, events[-1]["receive_ns"] + 3, 200))
    places = np.arange(len(times)) % 2
    found = arrivals(events, (BTC, ETH), places, times)
    books, state, middles, at, expected = ({}, {}), [1, 1], [math.nan, math.nan], 0, []
    for row in [*events, None]:
        while at < len(times) and (row is None or times[at] < row["receive_ns"]):
            expected.append(middles[places[at]])
            at += 1
        if row is None:
            break
        place = 0 if row["instrument"] == BTC.id else 1
        book = books[place]
        if row["flags"] & 2:
            book.clear()
        if row["kind"] == 2:
            book[(int(row["side"]), int(row["price"]))] = int(row["size"])
        elif row["kind"] == 4:
            state[place] = int(row["size"])
        if row["flags"] & 1:
            bids, asks = ([price for (side, price), size in book.items() if side == one and size] for one in (1, -1))
            good = state[place] == 1 and bids and asks and max(bids) < min(asks)
            scale = 2 * 10 ** (BTC, ETH)[place].price_decimals
            middles[place] = (max(bids) + min(asks)) / scale if good else math.nan
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.isfinite(found).sum() > 20


def test_slippage_is_the_average_price_against_the_arrival() -> None:
    """Bought at 100 and 102 in equal parts, decided at 100: 100 bps worse; a seller is better by the same."""
    orders = np.array(
        [(7, 10, 0, 1, 4, 103, 100, 5), (9, 20, 0, -1, 2, 90, 100, 5), (11, 30, 0, 1, 1, 9, 100, -1)], ORDER
    )
    fills = np.array(
        [
            (15, 7, 0, 1, True, 100, 1, 0.1, 0),
            (18, 7, 0, 1, False, 102, 1, 0.2, 0),
            (22, 9, 0, -1, False, 101, 2, 0, 0),
        ],
        FILL,
    )
    found = executions_of(orders, fills)
    assert found["slippage_bps"][:2] == pytest.approx([100.0, -100.0])
    assert found["makers"][0] == 0.5
    assert found["wait_ns"].tolist() == [5, 2, UNKNOWN_NS]
    assert np.isnan(found["slippage_bps"][2])


def test_figures_have_intervals_or_reasons() -> None:
    """Every figure has a value or a reason; the interval has the value inside; a seed repeats it."""
    figures = figures_of(made(), seed=4, draws=200)
    assert all((one.value is None) == bool(one.why) for one in figures if one.low is None and one.value is None)
    assert {one.name for one in figures if one.low is not None} >= {
        "Sharpe", "Sortino", "win rate", "profit factor", "largest drawdown", "yearly return",
    }  # fmt: skip
    assert all(
        one.low <= one.value <= one.high for one in figures if one.name in ("Sharpe", "win rate", "profit factor")
    )
    assert figures_of(made(), seed=4, draws=200) == figures
    nothing = {one.name: one for one in figures_of(made(2, 0, ("BTCUSDT",)), draws=20)}
    assert nothing["win rate"].why == "no trade was closed"
    assert nothing["Sharpe"].value is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"capital": 0.0}, "capital: found 0"),
        ({"capital": math.nan}, "capital: found nan"),
        ({"equity": np.array([1.0]), "at_ns": np.array([1])}, "found 1 values"),
        ({"equity": np.array([1.0, math.nan]), "at_ns": np.array([1, 2])}, "value 1 is nan"),
    ],
)
def test_what_no_figure_can_be_made_of_is_refused(change: dict, text: str) -> None:
    """A report of nan would look like a report."""
    one = made(10, 2)
    values = {name: getattr(one, name) for name in Performance.__dataclass_fields__} | change
    with pytest.raises(ValueError, match=text):
        Performance(**values)


def test_profits_in_two_currencies_are_refused() -> None:
    """They cannot be added."""
    _, result = run(1)
    other = {BTC.id: BTC, ETH.id: replace(ETH, quote="EUR")}
    with pytest.raises(ValueError, match="profits in EUR, USDT"):
        of_result(replace(result, instruments=other), 1.0, title="x")

"""The figures of a run whose book is not good at a mark."""

import numpy as np
import pytest

from bench.market import BTC, made
from engine.model.words import BookState
from research.performance import of_result
from research.simulate import EVENT, Constant, Fees, Models, simulate
from research.simulate.data.events import LAST, STATE
from research.sweep.figures import figures_of
from tests.research.sweep.strategies import Every

MODELS = Models(Constant(1_000_000), Constant(1_000_000), Fees.flat("0.0002", "0.0005"))


def test_fills_after_the_last_good_mark_count_where_the_book_is_bad_at_the_end() -> None:
    """The last good equity has neither their price nor their fee: a night's losses would be missing from `pnl`."""
    events = made(3_000)
    end = np.zeros(1, EVENT)
    end["venue_ns"], end["receive_ns"] = events[-1]["venue_ns"] + 1, events[-1]["receive_ns"] + 1
    end["kind"], end["size"], end["flags"], end["instrument"] = STATE, BookState.SUSPECT, LAST, BTC.id
    bad = simulate(
        np.concatenate([events, end]), Every, instruments=[BTC], models=MODELS, parameters={"every": 8}, mark_ns=10**8
    )
    figures = figures_of(bad, 4)[0]
    assert np.isnan(bad.equity(BTC.id)["equity"][-1])
    assert bad.fills["venue_ns"][-1] > bad.marks["at_ns"][-2]
    cash = -(bad.fills["side"] * bad.fills["size"] * bad.fills["price"].astype("f8")).sum()
    middle2 = bad.marks["middle2"][bad.marks["middle2"] > 0][-1]
    value = (cash + bad.positions[BTC.id] * middle2 / 2) / 10 ** (BTC.price_decimals + BTC.size_decimals)
    assert figures["pnl"] == pytest.approx(value - figures["fees"])
    performance = of_result(bad, 1_000.0, title="bad at the end")
    assert performance.equity[-1] == pytest.approx(1_000 + figures["pnl"])
    assert performance.unmarked == 1

"""The assumptions of a run: which it makes, what each is worth, and the three about queues on the smallest tapes."""

from typing import Any

import numpy as np
import pytest

from engine.strategy import BUY, SELL, Strategy
from research.simulate import Assumption, Constant, Fees, Models, Queue, simulate
from research.simulate.samples import Quoter
from tests.research.simulate.tapes import BTC, ETH, tape
from tests.research.simulate.test_rules import LEVEL, MODELS, PRINT, events, run

QUEUES = ("level_returns_empty", "unseen_level_empty", "level_before_print")


def filled(tape_: np.ndarray, price: int = 100, size: int = 4, **options: bool) -> int:
    """What of a bid is filled."""
    models = Models(Constant(1), Constant(1), MODELS.fees, **options)
    return int(run(tape_, (BUY, size, price), models=models)[0].fills["size"].sum())


def test_a_level_that_is_removed_and_shown_again_keeps_what_was_ahead() -> None:
    """The level may only have left the depth that the venue shows: its queue is as long as before."""
    tape_ = events((5, LEVEL, 1, 100, 0), (6, LEVEL, 1, 100, 9), (10, PRINT, SELL, 100, 5))
    assert filled(tape_) == 0
    assert filled(tape_, level_returns_empty=True) == 4


def test_a_removed_level_that_returns_smaller_is_no_longer_than_shown() -> None:
    """What is ahead never exceeds the level."""
    tape_ = events((5, LEVEL, 1, 100, 0), (6, LEVEL, 1, 100, 2), (7, LEVEL, 1, 100, 3), (10, PRINT, SELL, 100, 5))
    assert filled(tape_) == 3


def test_a_price_that_the_data_has_not_shown_has_the_size_that_it_shows_first() -> None:
    """An order below the last level that a venue shows is not the first at its price."""
    tape_ = events((5, LEVEL, 1, 95, 6), (10, PRINT, SELL, 95, 8))
    assert filled(tape_, price=95) == 2
    assert filled(tape_, price=95, unseen_level_empty=True) == 4, "nothing was ahead, and six came after us"


def test_a_price_among_levels_that_are_shown_is_empty() -> None:
    """Between two levels of the data, and inside the spread, an order is the first."""
    early = events((0, LEVEL, 1, 97, 3), (10, PRINT, SELL, 98, 3))
    late = Models(Constant(20), Constant(1), MODELS.fees)
    assert run(early, (BUY, 4, 98), models=late)[0].fills["size"].sum() == 3
    assert filled(events((10, PRINT, SELL, 101, 3)), price=101) == 3


def test_a_price_that_the_data_reaches_later_is_known_at_its_print() -> None:
    """The data shows a level below, and none at ours: no order is before ours."""
    tape_ = events((5, LEVEL, 1, 100, 0), (6, LEVEL, 1, 90, 3), (10, PRINT, SELL, 95, 3))
    assert filled(tape_, price=95) == 3


def test_a_decrease_and_its_print_move_an_order_once() -> None:
    """Eight ahead, three behind, four traded: the venue sent the new level first."""
    tape_ = events((1, LEVEL, 1, 100, 8), (2, LEVEL, 1, 100, 11), (5, LEVEL, 1, 100, 7), (6, PRINT, SELL, 100, 4),
                   (10, PRINT, SELL, 100, 5))  # fmt: skip
    late = {"order_latency": Constant(15), "answer_latency": Constant(1), "fees": MODELS.fees}
    assert run(tape_, (BUY, 4, 100), models=Models(**late))[0].fills["size"].sum() == 1
    twice = Models(**late, level_before_print=True)
    assert run(tape_, (BUY, 4, 100), models=twice)[0].fills["size"].sum() == 2


@pytest.mark.parametrize("name", QUEUES)
def test_an_assumption_about_queues_is_off_and_named_when_it_is_on(name: str) -> None:
    """Whatever favours the strategy is a choice that the result shows."""
    favours = {one.name for one in simulate(tape(3, 200, (BTC,)), Idle, instruments=[BTC], models=MODELS).assumptions}
    assert name not in favours
    models = Models(Constant(1), Constant(1), MODELS.fees, **{name: True})
    chosen = simulate(tape(3, 200, (BTC,)), Idle, instruments=[BTC], models=models).assumptions
    assert [one.favours for one in chosen if one.name == name] == [True]


class Idle(Strategy):
    """Does nothing."""


def priced(models: Models, **options: Any) -> dict[str, Assumption]:
    """The priced assumptions of a quoter, by name."""
    result = simulate(
        tape(9, 3_000, (BTC,)), Quoter, parameters={"size": 3, "every": 9}, instruments=[BTC], models=models,
        price_assumptions=True, **options,
    )  # fmt: skip
    return {one.name: one for one in result.assumptions}


def equity(models: Models, **options: Any) -> float:
    """The final equity of that quoter."""
    result = simulate(
        tape(9, 3_000, (BTC,)), Quoter, parameters={"size": 3, "every": 9}, instruments=[BTC], models=models, **options
    )
    return result.profits["USDT"]


def test_the_price_of_an_assumption_is_the_difference_of_two_runs() -> None:
    """Off, it is what the assumption would add; on, what it has added."""
    plain = Models(Constant(3), Constant(2), MODELS.fees)
    rows, base = priced(plain), equity(plain)
    for name in (*QUEUES, "liquidity_returns", "through_fills_whole"):
        on = Models(Constant(3), Constant(2), MODELS.fees, **{name: True})
        assert rows[name].pnl == equity(on) - base, name
        assert not rows[name].made
        assert priced(on)[name][3:5] == (True, equity(on) - base), name
    assert rows["queue_log"].pnl == equity(Models(Constant(3), Constant(2), MODELS.fees, Queue("log"))) - base
    assert rows["no_order_latency"].pnl == equity(Models(Constant(0), Constant(2), MODELS.fees)) - base
    assert rows["no_fees"].pnl == equity(Models(Constant(3), Constant(2), Fees.flat("0", "0"))) - base
    assert rows["called_within_messages"].pnl == equity(plain, called="event") - base
    assert len({rows[name].pnl for name in rows}) > 5, "the assumptions change this run"


def test_an_assumption_without_a_price_has_a_reason() -> None:
    """A row with neither would look like a row of 0."""
    rows = priced(Models(Constant(0), Constant(2), Fees.flat("0", "0")))
    assert all((one.pnl is None) == bool(one.unpriced) for one in rows.values())
    assert "give it one" in rows["no_order_latency"].unpriced
    assert "give it those of `[risk]`" in rows["no_caps"].unpriced
    assert rows["no_order_latency"].made


def test_two_quote_currencies_have_no_common_price() -> None:
    """A sum of euros and dollars would be a wrong number."""
    euro = ETH.__class__(**{name: getattr(ETH, name) for name in ETH.__slots__} | {"quote": "EUR"})
    result = simulate(tape(3, 500), Idle, instruments=[BTC, euro], models=MODELS, price_assumptions=True)
    assert all("profits in EUR, USDT" in one.unpriced for one in result.assumptions if one.name in QUEUES)


def test_a_strategy_that_has_one_run_cannot_be_priced() -> None:
    """The second run needs a strategy that has seen nothing."""
    with pytest.raises(ValueError, match="pass its class, and its parameters"):
        simulate(tape(3, 200, (BTC,)), Quoter(1, 5), instruments=[BTC], models=MODELS, price_assumptions=True)

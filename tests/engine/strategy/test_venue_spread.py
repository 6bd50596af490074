"""The sample on two venues: both legs at once, and what one leg holds alone is closed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.strategy.samples import VenueSpread
from research.simulate import EVENT, Constant, Fees, Models, Result, simulate
from tests.engine.strategy.conftest import BTC, ETH

EAST = replace(BTC, id=1, venue="east", size_min=0, size_max=0, notional_min=0)
WEST = replace(EAST, id=2, venue="west")
BEGIN_NS, MS = 1_700_000_000_000_000_000, 1_000_000
BID, ASK, BOTH = 1, -1, (1_000_000, 1_000_100)  # a bid and an ask
PARAMETERS: dict[str, Any] = {"size": "0.00100", "entry_bps": 10.0, "exit_bps": 2.0, "pause_ms": 50}
Row = tuple[int, int, int, int, int]  # after so many ms, instrument, side, price, size


def run(*rows: Row, latency_ms: int = 1) -> Result:
    """The sample on two books, each with a level of 1 BTC a side, which these rows change."""
    start = [(0, one, side, price, 100_000) for one in (1, 2) for side, price in zip((BID, ASK), BOTH, strict=True)]
    table = [
        (BEGIN_NS + at * MS, BEGIN_NS + at * MS, price, size, one, 2, side, 1)
        for at, one, side, price, size in (*start, *rows, (500, 1, BID, 1, 1))
    ]
    latency = Constant(latency_ms * MS)
    models = Models(latency, latency, Fees.flat("0", "0"))
    return simulate(np.array(table, EVENT), VenueSpread, instruments=[EAST, WEST], parameters=PARAMETERS, models=models)


def fills(result: Result) -> list[tuple[int, int, int, int]]:
    """What was filled: instrument, signed size, price, ms since the begin."""
    return [
        (one["instrument"], one["side"] * one["size"], one["price"], (one["venue_ns"] - BEGIN_NS) // MS)
        for one in result.fills
    ]


WIDER = ((10, 1, ASK, 1_000_100, 0), (10, 1, ASK, 1_003_100, 100_000), (11, 1, BID, 1_003_000, 100_000))
BACK = ((40, 1, BID, 1_003_000, 0), (40, 1, ASK, 1_000_100, 100_000))


def test_a_gap_sells_the_dear_venue_and_buys_the_cheap_one_and_its_end_closes_both() -> None:
    """A hedged pair earns the gap whichever way the price goes."""
    result = run(*WIDER, *BACK)
    assert fills(result) == [
        (1, -100, 1_003_000, 12), (2, 100, 1_000_100, 12),
        (1, 100, 1_000_100, 41), (2, -100, 1_000_000, 41),
    ]  # fmt: skip
    assert result.positions == {1: 0, 2: 0}


def test_a_leg_that_is_not_filled_is_repaired_by_closing_the_other() -> None:
    """A leg alone is a position in the market that nobody wanted."""
    gone = ((11, 2, ASK, 1_000_100, 0), (11, 2, ASK, 1_009_000, 100_000))  # away before the order arrives
    result = run(*WIDER, *gone, *BACK)
    assert [(one, size) for one, size, *_ in fills(result)] == [(1, -100), (1, 100)]
    assert result.positions == {1: 0, 2: 0}
    assert len(result.orders) == 3


def test_a_leg_that_is_filled_in_part_leaves_a_hedge_of_that_part() -> None:
    """The smaller leg decides what is hedged."""
    result = run(*WIDER, (11, 2, ASK, 1_000_100, 40), (11, 2, ASK, 1_009_000, 100_000), (40, 2, BID, 1, 1))
    assert result.positions == {1: -40, 2: 40}
    assert [(one, size) for one, size, *_ in fills(result)] == [(1, -100), (2, 40), (1, 60)]


def test_nothing_is_decided_without_both_books() -> None:
    """A gap against a book that is not there is no gap."""
    assert len(run((9, 2, BID, 1_000_000, 0), (9, 2, ASK, 1_000_100, 0), *WIDER).orders) == 0


@pytest.mark.parametrize(
    ("instruments", "text"),
    [
        ((EAST,), "expected one asset pair at two venues"),
        ((EAST, replace(WEST, venue="east")), "found BTCUSDT at east, BTCUSDT at east"),
        ((EAST, replace(ETH, venue="west")), "found base 'BTC' and 'ETH', expected the same at both venues"),
        ((EAST, replace(WEST, size_decimals=4)), "found size_decimals 5 and 4"),
    ],
)
def test_what_is_no_pair_is_refused_at_the_start(instruments: tuple[Any, ...], text: str) -> None:
    """Two legs of different assets are two positions."""
    with pytest.raises(ValueError, match=text):
        VenueSpread(instruments, VenueSpread.Parameters(size="0.001")).on_start()


def test_an_exit_that_an_entry_fulfils_is_refused() -> None:
    """It would pay both fees at every book."""
    with pytest.raises(ValueError, match=r"exit_bps must be below entry_bps, was 3.0 with entry_bps 3.0"):
        VenueSpread.Parameters(size="1", entry_bps=3.0, exit_bps=3.0)

"""The study of algorithms: its figures are what its words mean, and a tape is the same for every plan."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import algorithms
from bench.algorithms import Market, Outcome, Plan
from engine.model.words import BUY, SELL
from engine.strategy.harness import BITCOIN

PLAN = Plan(None, {}, "1", 1)
SECOND_NS = algorithms.SECOND_NS


def asker(*tops: tuple[int, int]) -> Any:
    """A strategy that saw one book each half second, and decided at the first."""
    times = [place * SECOND_NS // 2 for place in range(len(tops))]
    return SimpleNamespace(instruments={1: BITCOIN}, tops=list(tops), times=times, begun=0)


def outcome(side: int, fills: list[tuple[int, int]]) -> Outcome:
    """Of these fills (price, thousandths), in a book that rises; the tape's own middle is 1000."""
    rows = [SimpleNamespace(price=price, size=share * 10**BITCOIN.size_decimals // 1000, receive_ns=9)
            for price, share in fills]  # fmt: skip
    books = asker((990, 1010), (1000, 1020), (1040, 1060))
    return algorithms._outcome(books, PLAN, side, rows, Market([0], [(995, 1005)]))


def test_slippage_is_of_what_was_filled_and_cost_of_the_whole() -> None:
    """A limit that fills little must not look cheap."""
    assert outcome(BUY, [(1010, 1000)]) == pytest.approx((100, 100, 100, 1))
    assert outcome(BUY, [(990, 500)]) == pytest.approx((-100, 250, -100, 0.5))
    assert outcome(SELL, [(990, 1000)]) == pytest.approx((100, 100, 100, 1))
    assert outcome(SELL, []) == pytest.approx((0, -400, 0, 0))


def test_more_than_the_parent_is_no_figure() -> None:
    """The study stops where the engine is wrong."""
    with pytest.raises(AssertionError, match="were filled"):
        outcome(BUY, [(1010, 1001)])


def test_the_interval_covers_the_mean_and_narrows() -> None:
    """Its width is what a reader judges a difference by."""
    wide, narrow = algorithms.interval([0.0, 10.0]), algorithms.interval([0.0, 10.0] * 50)
    assert wide[1] <= wide[0] == 5.0 <= wide[2]
    assert narrow[2] - narrow[1] < wide[2] - wide[1]


def test_a_tape_is_the_same_again_and_a_market_order_fills(tmp_path: Path) -> None:
    """Figures that another run does not repeat cannot be compared."""
    profile = tmp_path / "profile.csv"
    profile.write_text(algorithms.PROFILE)
    plan = Plan("protected", {"slippage_bps": 50}, "3", 0)
    market = algorithms.watch(2, 0, profile)
    first, second = (algorithms.run(2, plan, market, profile) for _ in range(2))
    assert first == second
    assert first.filled == 1
    assert first.slippage > 0

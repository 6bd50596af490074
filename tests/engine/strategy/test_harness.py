"""The harness of an author's own tests gives a strategy what a live process gives it."""

from collections.abc import Callable

import pytest

from engine.model.words import BUY, SELL, BookState
from engine.strategy.harness import BITCOIN, Harness
from engine.strategy.samples import ImbalanceMaker, MomentumTaker
from tests.engine.strategy.conftest import System, begin

MAKER = {"size": "0.001", "position_max": "0.002", "half_width_steps": 5}
EVEN = {"bids": [("10.00", "0.0005")], "asks": [("10.10", "0.0005")]}
TAKER = {"size": "0.001", "half_life_prints": 4}


def test_the_same_book_gives_the_same_intents_as_in_shared_memory(system: System) -> None:
    """A test that passes on another engine than the live one proves nothing."""
    role = system.role(ImbalanceMaker((BITCOIN,), ImbalanceMaker.Parameters(**MAKER)))
    begin(role)
    system.book([(1_000, 50)], [(1_010, 50)])
    role.step(2_001)
    live = [(one.kind, one.side, one.size, one.price) for one in system.intents]
    intents = Harness(ImbalanceMaker, MAKER).book(**EVEN)
    assert [(one.kind, one.side, one.size, one.price) for one in intents] == live
    assert live == [(1, BUY, 100, 1_000)]


def test_a_fill_changes_the_position_and_ends_the_order() -> None:
    """The next decision depends on both."""
    harness = Harness(ImbalanceMaker, MAKER)
    [intent] = harness.book(**EVEN)
    harness.rest(intent)
    [order] = harness.strategy.orders(BITCOIN)
    assert (order.intent_id, order.size) == (intent.intent_id, 100)
    harness.fill(intent, "9.99")
    assert harness.strategy.position(BITCOIN) == 100
    assert not harness.strategy.orders(BITCOIN)


def test_prints_and_bad_books_reach_their_hooks() -> None:
    """A strategy that trades on a suspect book is what a test must be able to find."""
    harness = Harness(MomentumTaker, TAKER)
    for _ in range(4):
        assert harness.print_(BUY, "0.1", "10.10") == []
    assert harness.book(**EVEN, state=BookState.SUSPECT) == []
    [intent] = harness.book(**EVEN)
    assert intent.side == BUY
    assert intent.side != SELL


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda: Harness(ImbalanceMaker, {**MAKER, "half_with_steps": 1}), "did you mean half_width_steps"),
        (lambda: Harness(ImbalanceMaker, {}), "size"),
        (lambda: Harness(ImbalanceMaker, MAKER).book([("10.001", "1")], []), "10.001"),
    ],
)
def test_what_a_live_process_refuses_is_refused(break_it: Callable[[], object], expected: str) -> None:
    """A wrong parameter must fail in the test, not at the start of the system."""
    with pytest.raises(ValueError, match=expected):
        break_it()

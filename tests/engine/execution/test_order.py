"""The state machine: every pair of states, legal or not."""

import itertools

import pytest

from engine.execution.order import may_move
from engine.model.words import DONE_STATES, OrderFlag, OrderState

S = OrderState
ENDS = (S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED)
ALLOWED = {
    *itertools.product((S.CREATED,), (S.SENT, S.UNKNOWN, S.OPEN, S.PARTLY_FILLED, *ENDS)),
    *itertools.product((S.SENT,), (S.UNKNOWN, S.OPEN, S.PARTLY_FILLED, *ENDS)),
    *itertools.product((S.UNKNOWN,), (S.OPEN, S.PARTLY_FILLED, *ENDS)),
    *itertools.product((S.OPEN,), (S.PARTLY_FILLED, S.CANCELLING, *ENDS)),
    *itertools.product((S.PARTLY_FILLED,), (S.CANCELLING, *ENDS)),
    *itertools.product((S.CANCELLING,), (S.OPEN, S.PARTLY_FILLED, *ENDS)),
    (S.CANCELLED, S.FILLED),
    (S.EXPIRED, S.FILLED),
}


@pytest.mark.parametrize(("current", "to"), list(itertools.product(S, S)))
def test_a_move_is_legal_exactly_when_the_table_says_so(current: OrderState, to: OrderState) -> None:
    """A state reached by an illegal move is a lost order."""
    assert may_move(current, to, 0) == ((current, to) in ALLOWED)


@pytest.mark.parametrize(("current", "to"), list(itertools.product(sorted(DONE_STATES), S)))
def test_an_inferred_end_may_be_corrected_by_the_venue(current: OrderState, to: OrderState) -> None:
    """Our conclusion is weaker than the venue's word; but nothing leads back in flight."""
    assert may_move(current, to, OrderFlag.INFERRED) == (to in {S.OPEN, S.PARTLY_FILLED, *ENDS})

"""The state machine: every pair of states, legal or not."""

import itertools

import pytest

from engine.execution.orders import codec
from engine.execution.orders.order import IN_FLIGHT, Order, may_move
from engine.model.records import ERROR_TEXT
from engine.model.words import BUY, DONE_STATES, OrderFlag, OrderState

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
def test_a_move_is_legal_exactly_when_the_table_allows_it(current: OrderState, to: OrderState) -> None:
    """A state reached by an illegal move is a lost order."""
    assert may_move(current, to, 0) == ((current, to) in ALLOWED)


@pytest.mark.parametrize(("current", "to"), list(itertools.product(sorted(DONE_STATES), S)))
def test_an_inferred_end_may_be_corrected_by_the_venue(current: OrderState, to: OrderState) -> None:
    """Our conclusion is weaker than the venue's report; but nothing leads back in flight."""
    assert may_move(current, to, OrderFlag.INFERRED) == (to in {S.OPEN, S.PARTLY_FILLED, *ENDS})


def order(**values: int) -> Order:
    """A purchase of 100 that was just created, with these values."""
    one = Order(bytes(range(16)), 2, 3, 4, BUY, 5, 6, 7, 100)
    for name, value in values.items():
        setattr(one, name, value)
    return one


def test_a_new_order_is_created_and_nothing_is_known_of_it() -> None:
    """A value that does not begin at zero would count as reported by the venue."""
    one = order()
    assert one.row(7) == (
        bytes(range(16)), 2, b"", 0, 0, 0, 0, 0, 7, 100, 0, 0, 0, 3, 4, 0, 0, 7, S.CREATED, BUY, 5, 6, 0, 0, 0,
        b"", b"",
    )  # fmt: skip
    names = ("venue_filled", "exposure", "cancel", "cancel_after_ns", "disputed")
    assert not any(getattr(one, name) for name in names)
    assert (one.predecessor, one.successor, one.pending_replace, one.cancel_pending) == (None, None, None, False)


def test_a_record_carries_each_value_under_its_own_name() -> None:
    """The next life and every reader restore the order from it."""
    names = (
        "intent_ns", "receive_ns", "sent_ns", "answer_ns", "now_ns", "filled", "expires_ns",
        "replaces_id", "child", "replaces_child", "flags", "limit_price", "timeout_ns",
    )  # fmt: skip
    values = {name: 20 + number for number, name in enumerate(names)}
    row = codec.ORDER.unpack(codec.ORDER.pack(*order(**values).row(7)))
    assert {name: getattr(row, name) for name in names} == values
    named = codec.ORDER.unpack(codec.ORDER.pack(*order(venue_order_id=b"OQCLML-BW3P3-BUCMWZ").row(7)))
    assert named.venue_order_id == b"OQCLML-BW3P3-BUCMWZ".ljust(40, b"\0")
    assert (row.client_id, row.intent_id, row.strategy, row.instrument) == (bytes(range(16)), 2, 3, 4)
    assert (row.side, row.order_type, row.time_in_force, row.price, row.size) == (BUY, 5, 6, 7, 100)


@pytest.mark.parametrize("state", S)
def test_an_order_is_live_until_it_is_done_and_open_while_it_is_at_the_venue(state: OrderState) -> None:
    """An order that is not live is never cancelled; one that is not open is asked about, not expected in the list."""
    one = order(state=state)
    assert one.live == (state not in ENDS)
    assert one.open == (state in {S.OPEN, S.PARTLY_FILLED, S.CANCELLING})
    assert one.live == (one.open or state in IN_FLIGHT)
    assert not (one.open and state in IN_FLIGHT)


def test_what_may_still_be_filled_is_its_size_and_after_its_end_the_fills_that_were_not_reported() -> None:
    """The worst case of a position counts it."""
    assert order(state=S.OPEN, filled=30, venue_filled=50).rest == 70
    assert order(state=S.CANCELLED, filled=30, venue_filled=50).rest == 20
    assert order(state=S.CANCELLED, filled=30, venue_filled=30).rest == 0
    assert order(state=S.CANCELLED, filled=30, venue_filled=0).rest == 0
    assert order(state=S.CANCELLED, filled=30, venue_filled=31).rest == 1


def test_fills_are_missing_while_the_venue_filled_more_than_was_reported_or_disputed() -> None:
    """They are fetched until it is so."""
    assert order(filled=30, disputed=10, venue_filled=41).missing
    assert not order(filled=30, disputed=10, venue_filled=40).missing


def test_an_order_is_cancelled_its_timeout_after_its_intent_and_without_one_never() -> None:
    """0 is no time."""
    assert order(intent_ns=1_000, timeout_ns=50).deadline_ns == 1_050
    assert order(intent_ns=1_000).deadline_ns == 0


def test_the_venues_last_words_are_kept_as_far_as_a_record_holds_them() -> None:
    """In whole characters; an answer without a code leaves the earlier error."""
    one = order()
    one.note_error("-2010", "x" * (ERROR_TEXT - 1) + "é")
    assert (one.error, one.error_text) == (b"-2010", b"x" * (ERROR_TEXT - 1))
    one.note_error("", "nothing")
    assert (one.error, one.error_text) == (b"-2010", b"x" * (ERROR_TEXT - 1))
    one.note_error("EOrder:Unknown", "a \ud800 b")
    assert (one.error, one.error_text) == (b"EOrder:Unknown", b"a ? b")

"""Each error code of Binance, alone: the HTTP status must not override what the code means."""

import pytest

from engine.model.words import OrderState
from engine.venues.binance.trading.reader import NO_SUCH_ORDER, STATES, outcome_of
from engine.venues.trading.news import Outcome


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008])
@pytest.mark.parametrize("status", [400, 409, 418, 429])
def test_code_that_leaves_the_request_open_is_unknown_whatever_the_status(code: int, status: int) -> None:
    """An order that may have been placed and is treated as rejected trades without a watcher."""
    assert outcome_of(status, code, "") is Outcome.UNKNOWN


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_error_is_unknown_whatever_the_code(status: int) -> None:
    """Binance documents every 5xx as execution status unknown."""
    assert outcome_of(status, -1013, "Filter failure: LOT_SIZE") is Outcome.UNKNOWN


@pytest.mark.parametrize("code", [-1002, -1003, -1013, -1015, -1021, -1022, -2010, -2015])
def test_any_other_code_below_500_is_a_refusal(code: int) -> None:
    """A request that certainly did nothing must not be waited for."""
    assert outcome_of(400, code, "") is Outcome.REFUSED


def test_status_alone_decides_where_there_is_no_code() -> None:
    """200 to 399 are done, 400 to 499 were refused, from 500 on nothing is known."""
    found = [outcome_of(status, 0, "") for status in (200, 399, 400, 499, 500)]
    assert found == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REFUSED, Outcome.REFUSED, Outcome.UNKNOWN]
    assert outcome_of(200, -1013, "") is Outcome.REFUSED


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("NEW", OrderState.OPEN),
        ("PENDING_NEW", OrderState.OPEN),
        ("PARTIALLY_FILLED", OrderState.PARTLY_FILLED),
        ("FILLED", OrderState.FILLED),
        ("CANCELED", OrderState.CANCELLED),
        ("PENDING_CANCEL", OrderState.CANCELLING),
        ("REJECTED", OrderState.REJECTED),
        ("EXPIRED", OrderState.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderState.EXPIRED),
    ],
)
def test_every_documented_status_of_an_order_has_its_state(word: str, state: OrderState) -> None:
    """A status that is not known leaves an order where it was, open for ever or ended too soon."""
    assert STATES[word] == state


def test_unknown_and_archived_orders_do_not_exist() -> None:
    """The two codes with this meaning; any other is a question that was not answered."""
    assert sorted(NO_SUCH_ORDER) == ["-2013", "-2026"]

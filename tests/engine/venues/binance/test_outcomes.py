"""What each of the venue's answers says about its request: whether an order may be believed dead.

Every member is named here once more, so that none can be dropped from the product without a test that fails.
"""

import json
from pathlib import Path

import pytest

from engine.model.words import OrderState
from engine.venues.binance import trading
from engine.venues.binance.trading import outcome_of, state_of
from engine.venues.trading import Outcome
from tests.engine.execution.memory import House
from tests.engine.execution.venue import RefusedError

UNKNOWN = (-1000, -1001, -1006, -1007, -1008)
REFUSED = (-1002, -1003, -1013, -1015, -1021, -1022, -1100, -1102, -1121, -2010, -2011, -2013, -2015, -2026)
STATES = {
    "NEW": OrderState.OPEN, "PENDING_NEW": OrderState.OPEN, "PARTIALLY_FILLED": OrderState.PARTLY_FILLED,
    "FILLED": OrderState.FILLED, "CANCELED": OrderState.CANCELLED, "PENDING_CANCEL": OrderState.CANCELLING,
    "REJECTED": OrderState.REJECTED, "EXPIRED": OrderState.EXPIRED, "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}  # fmt: skip


@pytest.mark.parametrize("code", UNKNOWN)
def test_a_code_that_says_nothing_leaves_the_order_unknown_until_the_venue_is_asked(tmp_path: Path, code: int) -> None:
    """Taken for a refusal, an order that stands at the venue is one that nobody cancels."""
    house = House(tmp_path)
    house.ready()
    place = house.venue.do_order_place

    def placed_and_denied(*call: object) -> None:
        place(*call)
        raise RefusedError(code, "Something went wrong.")

    house.venue.do_order_place = placed_and_denied
    house.venue.lose_events = 1
    intent_id = house.intent()
    house.run(3)
    order = house.role.blotter.by_intent[intent_id]
    assert (order.state, order.error) == (OrderState.UNKNOWN, code)
    house.settle()
    assert order.state == OrderState.OPEN
    house.check_truth()


def test_the_codes_that_say_nothing_are_these_and_no_others() -> None:
    """One more would have a refusal asked about; one less is a lost order."""
    assert frozenset(UNKNOWN) == trading.UNKNOWN_CODES
    assert {code for code in (*UNKNOWN, *REFUSED) if outcome_of(400, code, "") == Outcome.UNKNOWN} == set(UNKNOWN)
    assert all(outcome_of(400, code, "") == Outcome.REFUSED for code in REFUSED)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_server_error_says_nothing_whatever_its_code(status: int) -> None:
    """The request may have reached the matching engine."""
    assert outcome_of(status, -2010, "Account has insufficient balance for requested action.") == Outcome.UNKNOWN


def test_a_limit_is_a_refusal_and_an_answer_below_it_is_a_yes() -> None:
    """400 is the first status that says no."""
    assert [outcome_of(status, 0, "") for status in (200, 399)] == [Outcome.ACCEPTED] * 2
    assert [outcome_of(status, -1003, "") for status in (400, 403, 409, 418, 429, 499)] == [Outcome.REFUSED] * 6
    assert outcome_of(200, -2010, "") == Outcome.REFUSED


def test_a_duplicate_is_an_order_that_is_there() -> None:
    """The first of the two stands: ask for it; the same code with other words is a refusal."""
    assert outcome_of(400, -2010, "Duplicate order sent.") == Outcome.UNKNOWN
    assert outcome_of(400, -2010, "Account has insufficient balance for requested action.") == Outcome.REFUSED


@pytest.mark.parametrize("code", [-2013, -2026])
def test_no_such_order_is_an_answer_to_the_question(tmp_path: Path, code: int) -> None:
    """Missed, the order is asked about for ever and trading never begins."""
    house = House(tmp_path)
    house.ready()
    house.venue.fault("order.place", "lose")

    def gone(*_: object) -> None:
        raise RefusedError(code, "Order does not exist.")

    house.venue.do_order_status = gone
    intent_id = house.intent()
    house.settle()
    assert house.role.blotter.by_intent[intent_id].state == OrderState.REJECTED
    assert frozenset({-2013, -2026}) == trading.NO_SUCH_ORDER


@pytest.mark.parametrize(("word", "state"), STATES.items())
def test_every_status_has_its_state(word: str, state: OrderState) -> None:
    """One that is taken for another ends an order that stands, or keeps one that is gone."""
    assert state_of(word) == (state, "")
    assert set(trading.STATES) == set(STATES)


@pytest.mark.parametrize("word", ["", "new", "FILLED ", "PENDING", "SUSPENDED"])
def test_a_status_that_is_not_in_the_table_counts_as_open_and_is_named(word: str) -> None:
    """Nothing says that the order has ended."""
    assert state_of(word) == (OrderState.OPEN, word or "none")


@pytest.mark.parametrize(
    ("event", "kind"),
    [("eventStreamTerminated", trading.Frame.SHUTDOWN), ("serverShutdown", trading.Frame.SHUTDOWN),
     ("outboundAccountPosition", trading.Frame.OTHER)],
)  # fmt: skip
def test_an_event_that_ends_the_stream_ends_the_session(tmp_path: Path, event: str, kind: trading.Frame) -> None:
    """Missed, execution goes on without reports and learns of its fills half a minute later."""
    wire = House(tmp_path).role.gateway.wire
    assert wire.read(json.dumps({"event": {"e": event}}).encode()).kind == kind


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "+1", "1_0", "1e3", "NaN", "inf", "0x10", "--1", "1.", ".5", "1.2.3", "\u0661", "9" * 41, "-"],
)
def test_a_text_that_is_no_plain_decimal_is_not_read_as_one(text: str) -> None:
    """Python reads most of these as numbers, and the empty text as none at all."""
    with pytest.raises(ValueError, match="decimal"):
        trading.fixed(text, 2)


def test_an_assets_name_is_whole_or_not_taken() -> None:
    """Cut off at eight bytes, the fee in 1000CHEEMS is a fee in another asset, and half a Chinese character ends."""
    assert trading.asset_of("1000CHEEMS") == b"1000CHEEMS"
    assert trading.asset_of("币安人生") == "币安人生".encode()
    with pytest.raises(ValueError, match="16 bytes"):
        trading.asset_of("A" * 17)

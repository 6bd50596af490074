"""A refusal as an operator reads it."""

import pytest

from engine.model.instrument import Instrument
from engine.model.refusals import DETAILS, refusal_text, reject_text
from engine.model.words import BookState, OrderState, Reason

BITCOIN = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 10, 20, 900_000, 50_000_000)
CASES = [
    (Reason.ORDER_RATE, 61, 60, "ORDER_RATE: 61 of 60 in a minute"),
    (Reason.ORDER_RATE, 1_500_000_000, 0, "ORDER_RATE: the venue asked for silence, 1.500 s are left"),
    (Reason.POSITION_TOO_LARGE, 100_120_500_000, 100_000_000_000, "POSITION_TOO_LARGE: 100120.50 of 100000.00 USD"),
    (Reason.POSITION_TOO_LARGE, 100_000_000_001, 100_000_000_000, "POSITION_TOO_LARGE: 100000.01 of 100000.00 USD"),
    (Reason.ORDER_TOO_LARGE, 900_010, 900_000, "ORDER_TOO_LARGE: 9.00010 BTC of 9.00000 BTC"),
    (Reason.ORDER_TOO_LARGE, 10_001_000_000, 10_000_000_000, "ORDER_TOO_LARGE: 10001.00 of 10000.00 USD"),
    (Reason.BOOK_TOO_OLD, 2_500_000_000, 2_000_000_000, "BOOK_TOO_OLD: 2.500 s old, at most 2.000 s"),
    (Reason.INTENT_TOO_OLD, 501_000_000, 500_000_000, "INTENT_TOO_OLD: 501.0 ms old, at most 500.0 ms"),
    (Reason.BOOK_NOT_GOOD, BookState.CROSSED, 1, "BOOK_NOT_GOOD: the book is CROSSED"),
    (Reason.PRICE_STEP, 5_000_001, 10, "PRICE_STEP: 50000.01 is not a multiple of 0.10"),
    (Reason.SIZE_STEP, 15, 10, "SIZE_STEP: 0.00015 BTC is not a multiple of 0.00010 BTC"),
    (Reason.SIZE_STEP, 10, 20, "SIZE_STEP: 0.00010 BTC is less than 0.00020 BTC"),
    (Reason.NOTIONAL_TOO_SMALL, 49_000_000, 50_000_000, "NOTIONAL_TOO_SMALL: 4.9000000 is less than 5.0000000 USDT"),
    (Reason.UNKNOWN_ORDER, OrderState.FILLED, 0, "UNKNOWN_ORDER: the order is FILLED"),
    (Reason.UNKNOWN_ORDER, 0, 0, "UNKNOWN_ORDER: no such order of this strategy"),
    (Reason.SPREAD_TOO_WIDE, 81, 50, "SPREAD_TOO_WIDE: 81 of 50 bp of spread"),
    (Reason.INSTRUMENT_NOT_TRADING, 1, 0, "INSTRUMENT_NOT_TRADING: BTCUSDT is not traded at the venue now"),
    (
        Reason.INSTRUMENT_NOT_PERMITTED, 1, 3,
        "INSTRUMENT_NOT_PERMITTED: BTCUSDT is not among the strategy's instruments",
    ),
    (
        Reason.INTENT_FROM_FUTURE, 1_500_000_000, 100_000_000,
        "INTENT_FROM_FUTURE: decided 1.500 s after now, at most 100.0 ms",
    ),
    (Reason.STRATEGY_RATE, 23, 22, "STRATEGY_RATE: 23 of 22 in a minute, the strategy's share of the rate"),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "value", "limit", "text"), CASES)
def test_a_refusal_shows_what_was_found_and_what_was_allowed(reason: Reason, value: int, limit: int, text: str) -> None:
    """Who reads "reason 12, value 61" at night does not know that a cap was reached, nor which."""
    assert refusal_text(reason, value, limit, BITCOIN) == text


def test_every_reason_has_a_text() -> None:
    """A reason that is added without one would be shown as two bare integers."""
    assert set(DETAILS) == set(Reason)
    for reason in Reason:
        assert refusal_text(reason, 2**63 - 1, 1).startswith(reason.name)
        assert refusal_text(reason, -(2**63 - 1), 0, BITCOIN).startswith(reason.name)


def test_a_reason_of_a_newer_writer_is_shown_as_it_is() -> None:
    """A looker-on that is older than the engine must not fail on a number it does not know."""
    assert refusal_text(9_999, 3, 2) == "REASON_9999: 3 of 2"


def test_a_reject_shows_the_venues_code_and_words() -> None:
    """The code is what one searches for, the words are what one understands."""
    assert reject_text("-2010", "Account has insufficient balance.") == "-2010 Account has insufficient balance."
    assert (reject_text("-2010"), reject_text(""), reject_text("", "gone")) == ("-2010", "", "gone")

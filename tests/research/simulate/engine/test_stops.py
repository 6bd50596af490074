"""Stops at the speed `engine`: native ones at the model venue, kept ones, and the slippage of what both send."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.model.words import OrderState, OrderType
from engine.strategy import BUY, SELL, Strategy
from research.simulate import Cause, Constant, Models, NotInFastError, Result, simulate
from tests.research.simulate.tapes import BEGIN_NS, BTC
from tests.research.simulate.test_rules import LEVEL, MODELS, PRINT, events

NATIVE = replace(BTC, natives=sum(1 << one for one in (3, 4, 5, 6)), trailing_min=1, trailing_max=2_000)
SLOW_NS = 1_000_000


class Waiter(Strategy):
    """Submits one order that execution or the venue keeps until its trigger."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The algorithm, its terms, and what is placed with it."""

        algorithm: str
        terms: dict[str, int]
        side: int
        price: int = 0
        cancel: bool = False

    def on_start(self) -> None:
        """Begin without an order."""
        self.intent = None

    def on_book(self, book: Any) -> None:
        """Submit once; a later book cancels it, if that is asked for."""
        given = self.parameters
        if self.intent is None:
            self.intent = self.place(
                book.instrument, given.side, 4, given.price, algorithm=given.algorithm, parameters=given.terms
            )
        elif given.cancel:
            self.cancel(self.intent)


def run(
    *rows: tuple[int, int, int, int, int], algorithm: str = "stop", trigger: int = 2, instrument: Any = NATIVE,
    slippage: str | None = None, speed: str = "engine", side: int = SELL, price: int = 0, cancel: bool = False,
    capital: dict[str, str] | None = None, **terms: int,
) -> Result:  # fmt: skip
    """A run over a book of 100 x 5 against 102 x 4, with these events a millisecond apart."""
    share = None if slippage is None else Decimal(slippage)
    models = Models(Constant(1), Constant(1), MODELS.fees, stop_slippage_bps=share)
    given = {"algorithm": algorithm, "terms": {"trigger": trigger, **terms}, "side": side, "price": price}
    return simulate(
        events(*rows, gap_ns=SLOW_NS), Waiter, instruments=[instrument], models=models,
        parameters={**given, "cancel": cancel}, speed=speed, capital=capital,
    )  # fmt: skip


def at(result: Result) -> list[tuple[int, int, int]]:
    """The fills, as (event, price, size); a venue works at the moment of its event."""
    return [((int(f["venue_ns"]) - BEGIN_NS) // SLOW_NS, int(f["price"]), int(f["size"])) for f in result.fills]


def test_a_print_triggers_a_native_stop_and_it_takes_the_book_of_that_moment() -> None:
    """The book alone triggers nothing; the stop trades at what the venue has, below its stop price."""
    rows = ((5, LEVEL, 1, 100, 0), (6, LEVEL, 1, 95, 3), (7, LEVEL, 1, 94, 9), (10, PRINT, SELL, 98, 1))
    result = run(*rows, stop_price=98)
    assert at(result) == [(10, 95, 3), (10, 94, 1)]
    assert result.orders["order_type"].tolist() == [OrderType.STOP]
    assert at(run(*rows[:3], stop_price=98)) == []


def test_a_print_of_the_other_side_of_the_trigger_is_no_trigger() -> None:
    """A seller's stop is below the price, a buyer's above it, and a take-profit's the other way."""
    above, below = (10, PRINT, BUY, 103, 1), (10, PRINT, SELL, 97, 1)
    assert at(run(above, stop_price=98)) == []
    assert at(run(below, side=BUY, stop_price=103)) == []
    assert at(run(above, side=BUY, stop_price=103)) == [(10, 102, 4)]


@pytest.mark.parametrize("trigger", [2, 1])
def test_the_slippage_of_a_stop_costs_its_share_at_both_kinds(trigger: int) -> None:
    """50 bps of 0.004 at 1.00 are 0.00002: a native stop pays it, and one that execution keeps."""
    rows = ((10, PRINT, SELL, 97, 1),)
    plain, slipped = (run(*rows, stop_price=98, trigger=trigger, slippage=one) for one in (None, "50"))
    assert slipped.fills["slippage"].tolist() == [2_000]
    assert (slipped.fills["fee"] - plain.fills["fee"]).tolist() == [2_000]
    assert plain.fills["slippage"].tolist() == [0]
    assert slipped.orders["order_type"].tolist() == [OrderType.STOP if trigger == 2 else OrderType.LIMIT]


@pytest.mark.parametrize(("money", "filled"), [("0.0045", 2), ("0.0082", 2), ("0.0083", 4)])
def test_a_native_stop_takes_only_what_its_account_can_pay(money: str, filled: int) -> None:
    """It reserves at its stop price of 1.03; the book has 2 at 1.10, then 9 at 3.00. No account buys on credit."""
    rows = ((5, LEVEL, -1, 102, 0), (6, LEVEL, -1, 110, 2), (6, LEVEL, -1, 300, 9), (10, PRINT, BUY, 103, 1))
    result = run(*rows, side=BUY, stop_price=103, capital={"USDT": money})
    assert result.fills["size"].sum() == filled
    assert result.balances["USDT"].free >= 0
    assert result.balances["USDT"].locked == 0
    assert result.orders["cause"][0] == (Cause.NONE if filled == 4 else Cause.BALANCE)
    assert result.orders["state"][0] == (OrderState.FILLED if filled == 4 else OrderState.EXPIRED)


def test_a_native_stop_can_be_cancelled_and_then_triggers_nothing() -> None:
    """Cancelled before its print."""
    result = run((5, LEVEL, 1, 99, 2), (30, PRINT, SELL, 97, 1), stop_price=98, cancel=True)
    assert at(result) == []
    assert result.orders["state"].tolist() == [OrderState.CANCELLED]


def test_a_stop_that_would_trigger_at_once_is_rejected() -> None:
    """As the venue does it; execution then keeps it."""
    result = run((0, PRINT, SELL, 97, 1), stop_price=98)
    assert (result.orders["cause"][0], result.orders["state"][0]) == (Cause.TRIGGERED, OrderState.REJECTED)


def test_fast_refuses_stops_and_their_slippage_by_name() -> None:
    """An option without an effect is a wrong result."""
    with pytest.raises(NotInFastError, match="algorithm"):
        run(speed="fast", stop_price=98)
    with pytest.raises(ValueError, match=r"stop_slippage_bps: `fast` has no stops.*speed=.engine."):
        run(speed="fast", stop_price=98, slippage="50")

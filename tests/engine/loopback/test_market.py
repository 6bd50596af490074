"""A market's rules at their edges: the last value that passes, and the first that does not."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from engine.loopback.market import DECIMALS, SCALE, Burn, Market, fixed

MARKET = Market(
    "BTCUSDT", "BTC", "USDT", price_min=fixed("0.05"), price_max=fixed("1000"), size_min=fixed("0.00002"),
    size_max=fixed("9"), notional_min=fixed("5"), notional_max=fixed("900"),
)  # fmt: skip


def test_amounts_have_eight_decimals_as_the_venue_writes_them() -> None:
    """A digit more or less and every price on the wire is ten times another."""
    assert (DECIMALS, SCALE, fixed("1.00000001")) == (8, 10**8, 10**8 + 1)
    assert MARKET.notional(fixed("2.5"), fixed("0.5")) == fixed("1.25")


def test_a_market_that_names_no_rule_has_the_venues_usual_ones() -> None:
    """A configuration names only what is different."""
    usual = Market("BTCUSDT", "BTC", "USDT")
    assert (usual.price_ratio_max, usual.open_orders_max, usual.trading) == (5, 200, True)
    assert (usual.contingent_orders_max, usual.order_lists_max) == (5, 20)
    assert (usual.trailing_min, usual.trailing_max) == (10, 2_000)
    assert (usual.price_step, usual.size_step, usual.notional_min) == (fixed("0.01"), fixed("0.00001"), fixed("5"))
    assert Burn() == Burn("BNB", fixed("0.25"))


@pytest.mark.parametrize(("thing", "field"), [(Market("A", "B", "C"), "price_step"), (Burn(), "discount")])
def test_a_rule_never_changes(thing: Any, field: str) -> None:
    """Orders that rest were accepted by it."""
    with pytest.raises(FrozenInstanceError):
        setattr(thing, field, 1)


@pytest.mark.parametrize(
    ("price", "failed"),
    [("0.04", "PRICE_FILTER"), ("0.05", ""), ("1000", ""), ("1000.01", "PRICE_FILTER"), ("500.001", "PRICE_FILTER")],
)
def test_the_least_and_the_largest_price_are_inside_and_prices_between_steps_are_refused(
    price: str, failed: str
) -> None:
    """A price that the venue would reject must be rejected here too."""
    assert MARKET.price_filter(fixed(price), 0) == failed


@pytest.mark.parametrize(
    ("price", "failed"),
    [("20", ""), ("19.99", "PERCENT_PRICE_BY_SIDE"), ("500", ""), ("500.01", "PERCENT_PRICE_BY_SIDE")],
)
def test_a_price_may_be_five_times_the_last_or_a_fifth_of_it(price: str, failed: str) -> None:
    """Both edges are inside."""
    assert MARKET.price_filter(fixed(price), fixed("100")) == failed


@pytest.mark.parametrize(
    ("size", "failed"),
    [("0.00001", "LOT_SIZE"), ("0.00002", ""), ("9", ""), ("9.00001", "LOT_SIZE"), ("1.000001", "LOT_SIZE")],
)
def test_the_least_and_the_largest_size_are_inside_and_sizes_between_steps_are_refused(size: str, failed: str) -> None:
    """A size that the venue would reject must be rejected here too."""
    assert MARKET.size_filter(fixed(size)) == failed


@pytest.mark.parametrize(
    ("notional", "failed"), [("4.99999999", "NOTIONAL"), ("5", ""), ("900", ""), ("900.00000001", "NOTIONAL")]
)
def test_the_least_and_the_largest_notional_are_inside(notional: str, failed: str) -> None:
    """One unit decides."""
    assert MARKET.notional_filter(fixed(notional)) == failed


@pytest.mark.parametrize(
    ("price_step", "size_step", "sound"),
    [
        (10**4, 10**4, True), (10**4, 10**3, False), (1, 10**8, True), (10**8, 1, True), (0, 10**8, False),
        (10**8, 0, False), (-(10**8), 1, False), (1, -(10**8), False),
    ],
)  # fmt: skip
def test_steps_whose_product_is_no_whole_amount_are_refused(price_step: int, size_step: int, sound: bool) -> None:
    """A fill would be rounded, and money made or lost."""
    if sound:
        assert Market("X", "A", "B", price_step=price_step, size_step=size_step).price_step == price_step
    else:
        with pytest.raises(ValueError, match="expected positive steps whose product has at most 8 decimals"):
            Market("X", "A", "B", price_step=price_step, size_step=size_step)

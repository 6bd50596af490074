"""What is held of an instrument: counted to the last digit, and split into what an order can sell and its dust."""

from dataclasses import replace

import pytest

from engine.model.fixed import INT64_MAX
from engine.model.holdings import HoldingTerms
from tests.engine.execution.memory import BTC

COARSE = HoldingTerms.of(replace(BTC, size_decimals=5, size_step=5, size_min=10))  # fees have 8 decimals
FINE = HoldingTerms.of(replace(BTC, size_decimals=10, size_step=5, size_min=10))


def test_holdings_are_counted_at_the_finer_of_size_and_fee() -> None:
    """At the coarser of the two, either the fee or the size would lose digits."""
    assert (COARSE.decimals, COARSE.size_unit, COARSE.fee_unit, COARSE.step, COARSE.least) == (8, 1000, 1, 5000, 10_000)
    assert (FINE.decimals, FINE.size_unit, FINE.fee_unit, FINE.step, FINE.least) == (10, 1, 100, 5, 10)


@pytest.mark.parametrize("field", ["size_step", "size_min"])
def test_the_largest_unit_of_an_order_fits_64_bits_and_one_more_is_refused(field: str) -> None:
    """Dust may be as large as a step, or just under the least order, and its record has 64 bits."""
    most = INT64_MAX // 1000
    sizes = {"size_decimals": 5, "size_step": 1, "size_min": 1}
    assert HoldingTerms.of(replace(BTC, **{**sizes, field: most}))
    with pytest.raises(ValueError, match=f"binance BTCUSDT: .*{most + 1}.* must fit 64 bits at 8 decimals"):
        HoldingTerms.of(replace(BTC, **{**sizes, field: most + 1}))


def test_an_amount_of_exactly_64_bits_is_not_refused() -> None:
    """The bound itself is inside."""
    assert HoldingTerms.of(replace(BTC, size_decimals=8, size_step=1, size_min=INT64_MAX)).least == INT64_MAX


def test_only_a_fee_in_the_base_asset_reduces_holdings() -> None:
    """A fee in quote that is subtracted from the holdings would make an exit too small."""
    assert FINE.base_fee(7, b"BTC\0\0\0\0\0") == FINE.base_fee(7, b"BTC") == 700
    assert FINE.base_fee(7, b"USDT") == FINE.base_fee(7, b"BT") == FINE.base_fee(7, b"") == 0


@pytest.mark.parametrize(
    ("held", "size", "dust"),
    [
        (17_999, 15, 2_999),
        (15_000, 15, 0),
        (14_999, 10, 4_999),
        (10_000, 10, 0),
        (9_999, 0, 9_999),
        (1, 0, 1),
        (0, 0, 0),
    ],
)
def test_what_can_be_sold_is_whole_steps_and_no_less_than_the_least_order(held: int, size: int, dust: int) -> None:
    """The venue rejects an exit for more, and an exit for less leaves a position; the same for a short."""
    for sign in (1, -1):
        assert COARSE.split(sign * held) == (sign * size, sign * dust)
        assert COARSE.join(sign * size, sign * dust) == sign * held

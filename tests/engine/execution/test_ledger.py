"""Positions and profit to the last digit."""

import random
from dataclasses import replace

import pytest

from engine.execution import codec
from engine.execution.ledger import FEES_UNVALUED, Ledger, Position
from engine.model.words import BUY, SELL
from tests.engine.execution.memory import BTC

COARSE = replace(BTC, size_decimals=5)


@pytest.mark.parametrize("seed", range(20))
def test_realised_and_unrealised_are_cash_and_inventory(seed: int) -> None:
    """Through every flip and every rounding, with base fees; otherwise P&L is a story."""
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    draw = random.Random(seed)
    position, cash, held, fees = Position(1, COARSE), 0, 0, 0
    for _ in range(500):
        side, price, size = draw.choice((BUY, SELL)), draw.randrange(1, 10**9), draw.randrange(1, 10**9)
        fee, asset = draw.choice(((0, b""), (draw.randrange(10**6), b"USDT"), (draw.randrange(10**4), b"BTC\0\0")))
        before = position.base_fee_rest
        position.apply(side, price, size, fee, asset, 1)
        cash -= side * price * size
        held += side * size
        if asset == b"USDT":
            fees += (2 * fee + 10) // 20
            cash -= (2 * fee + 10) // 20
        elif asset:
            taken = (before + fee) // 1000
            held -= taken
            fees += price * taken
        position.mark2 = draw.randrange(1, 10**9)
        assert position.size == held
        assert position.fees == fees
        assert 2 * (position.realised - position.fees) + position.unrealised2() == 2 * cash + position.mark2 * held
        assert (position.size == 0) <= (position.cost == 0)


def test_a_round_trip_realises_the_difference() -> None:
    """Bought at 100, sold at 110, twice flipped."""
    position = Position(1, BTC)
    position.apply(BUY, 100, 10, 0, b"", 1)
    position.apply(SELL, 110, 15, 0, b"", 2)
    assert (position.size, position.realised, position.cost) == (-5, 100, -550)
    position.apply(BUY, 90, 6, 0, b"", 3)
    assert (position.size, position.realised, position.cost) == (1, 200, 90)


def test_a_base_fee_too_small_for_the_size_is_carried() -> None:
    """0.0000015 BTC a fill: nothing, then 0.00000 and finally the digit appears."""
    position = Position(1, BTC)
    for _ in range(7):
        position.apply(BUY, 6_000_000, 1000, 150, b"BTC", 1)
    assert position.size == 7000 - 1
    assert position.base_fee_rest == 50


def test_a_fee_in_a_third_asset_is_kept_apart_and_marked() -> None:
    """It has no price here; adding it up as dollars would be wrong."""
    position = Position(1, BTC)
    position.apply(BUY, 100, 10, 77, b"BNB\0\0\0\0\0", 1)
    assert position.fees_other == {b"BNB": 77}
    row = codec.POSITION.unpack(codec.POSITION.pack(*position.row(0)))
    assert row.flags == FEES_UNVALUED


def test_sums_beyond_64_bits_are_told_whole() -> None:
    """High << 64 | low, signed."""
    position = Position(1, BTC)
    position.apply(SELL, 2**60, 2**61, 0, b"", 1)
    row = codec.POSITION.unpack(codec.POSITION.pack(*position.row(0)))
    assert row.cost_high << 64 | row.cost_low == position.cost
    assert abs(position.cost) > 2**64


def test_the_account_and_each_strategy_have_their_cells() -> None:
    """A strategy nobody configured (an adopted order's) counts for the account alone."""
    ledger = Ledger((BTC,), (3, 4))
    assert ledger.cells(3, 1) == (0, 1)
    assert ledger.cells(4, 1) == (0, 2)
    assert ledger.cells(9, 1) == (0,)

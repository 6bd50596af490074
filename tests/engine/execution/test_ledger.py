"""Positions and profit to the last digit."""

import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from engine.execution import codec
from engine.execution.checkpoint import checkpoints
from engine.execution.ledger import FEES_UNVALUED, Ledger, Position
from engine.model.words import BUY, SELL
from tests.engine.execution.memory import BTC, ETH, OTHER, STRATEGY, House

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
    """A strategy that is not configured (an adopted order's, a former one's) has its own behind them."""
    ledger = Ledger((BTC,), (3, 4))
    assert ledger.cells(3, 1) == (0, 1)
    assert ledger.cells(4, 1) == (0, 2)
    assert ledger.cells(9, 1) == ledger.cells(9, 1) == (0, 3)
    assert (ledger.positions[3].strategy, ledger.configured) == (9, 3)


def test_a_dropped_strategys_position_keeps_a_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What it holds is held still: without a row the strategies do not add up to the account, and nobody is told."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER), segment_size=4096)
    house.ready()
    for strategy, size in ((STRATEGY, 300), (OTHER, 400)):
        house.venue.fill(house.place(strategy=strategy).client_id.hex(), size)
        house.run(3)
    kept = house.place(strategy=OTHER)
    house.kill()
    house.config = msgspec.structs.replace(house.config, strategies=(STRATEGY,))
    for _ in range(2):  # the second life starts from a checkpoint
        house.role = house.live()
        house.settle(2)
        rows = {(row.strategy, row.instrument): row for row in house.cells["positions"].values.values()}
        held = {key: row.size for key, row in rows.items() if row.size}
        assert held == {(0, 1): 700, (STRATEGY, 1): 300, (OTHER, 1): 400}
        assert sum(row.open_buy for key, row in rows.items() if key[0]) == rows[0, 1].open_buy
        assert kept.client_id in house.role.blotter.orders
        while not checkpoints(tmp_path):
            house.ready()
            house.place(size=100)
        house.kill()
    told = [(one.strategy, one.symbol, one.size) for one in caplog.records if "not configured any more" in one.message]
    assert told == [(OTHER, "BTCUSDT", "0.00400")] * 2


def test_more_positions_than_cells_are_refused_at_the_start() -> None:
    """The cell behind the last would be found when it is first filled, in the middle of a day."""
    with pytest.raises(ValueError, match="POSITIONS holds 1024 cells, was 600 owners of 2 instruments"):
        Ledger((BTC, ETH), tuple(range(1, 600)))

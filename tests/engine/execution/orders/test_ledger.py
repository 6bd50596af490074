"""Positions and profit to the last digit."""

import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution.orders import codec
from engine.execution.orders.ledger import Ledger, Position
from engine.execution.orders.positions import DAY_NS
from engine.execution.restore.checkpoint import checkpoints
from engine.model.fixed import to_text
from engine.model.holdings import HoldingTerms
from engine.model.words import BUY, SELL, FillFlag, PositionFlag
from tests.engine.execution.memory import BTC, ETH, OTHER, STRATEGY, House

DAY = 19_000 * DAY_NS
ACCOUNT = 7


def cell_of(position: Position, mark2: int = 0, day_ns: int = 0) -> Any:
    """The position's cell as a reader gets it."""
    return codec.POSITION.unpack(codec.POSITION.pack_row(position.row(0, mark2, 1.0, day_ns, ACCOUNT)))


@pytest.mark.parametrize("seed", range(20))
def test_realised_and_unrealised_are_cash_and_inventory(seed: int) -> None:
    """Through every flip and every rounding, with fees in any asset; otherwise P&L is a story."""
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    draw = random.Random(seed)
    position, cash, held, fees = Position(1, BTC), 0, 0, 0
    for _ in range(500):
        side, price, size = draw.choice((BUY, SELL)), draw.randrange(1, 10**9), draw.randrange(1, 10**9)
        fee, asset = draw.choice(((0, b""), (draw.randrange(10**6), b"USDT"), (draw.randrange(10**4), b"BTC\0\0")))
        position.apply(side, price, size, fee, asset, None, 1)
        cash -= side * price * size * 1000
        held += side * size * 1000
        if asset == b"USDT":
            fees += fee * 100
            cash -= fee * 100
        elif asset:
            held -= fee
            fees += price * fee
        mark2 = draw.randrange(1, 10**9)
        assert position.held == held
        assert position.size * 1000 + position.dust == held
        assert position.fees == fees
        assert position.net2(mark2) == 2 * cash + mark2 * held
        assert (position.held == 0) <= (position.cost == 0)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_rebate_in_the_base_asset_is_a_holding_also_where_its_fill_leaves_none(side: int) -> None:
    """A maker who closes a short is paid in what he has just bought; a division by nothing held ended every life."""
    position = Position(1, BTC)
    position.apply(-side, 6_000_000, 100, 0, b"", None, 1)
    position.apply(side, 6_000_000, 100, -7, b"BTC", None, 2)
    assert (position.held, position.cost, position.realised) == (7, 7 * 6_000_000, 0)
    assert position.fees == -7 * 6_000_000
    assert position.net2(2 * 6_000_000) == 2 * 7 * 6_000_000
    position.apply(side, 6_000_000, 100, -7, b"BTC", None, 3)
    assert position.held == side * 100_000 + 14
    assert position.net2(2 * 6_000_000) == 2 * 14 * 6_000_000


def test_a_round_trip_realises_the_difference() -> None:
    """Bought at 100, sold at 110, twice flipped."""
    position = Position(1, BTC)
    position.apply(BUY, 100, 10, 0, b"", None, 1)
    position.apply(SELL, 110, 15, 0, b"", None, 2)
    assert (position.size, position.realised, position.cost) == (-5, 100_000, -550_000)
    position.apply(BUY, 90, 6, 0, b"", None, 3)
    assert (position.size, position.realised, position.cost) == (1, 200_000, 90_000)


def test_holdings_are_what_the_venue_credits_to_the_last_digit() -> None:
    """Rounded up, an exit asks for more than there is and is rejected for ever: 25 x 0.001 BTC less 0.1 %."""
    position = Position(1, BTC)
    for _ in range(25):
        position.apply(BUY, 6_000_000, 100, 100, b"BTC", None, 1)
    row = cell_of(position, 2 * 6_000_000)
    assert to_text(position.held, position.terms.decimals) == "0.02497500"
    assert (to_text(row.size, row.size_decimals), row.dust, row.holding_decimals) == ("0.02497", 500, 8)
    assert row.fees == pytest.approx(1.5, abs=1e-12)
    assert row.net == pytest.approx(-1.5, abs=1e-12)


def test_what_can_be_sold_is_whole_steps_toward_zero_and_no_less_than_the_least_order() -> None:
    """A rest that no order can close must not look like a position, on either side."""
    terms = HoldingTerms.of(replace(BTC, size_step=5, size_min=10))
    assert terms.split(17_999) == (15, 2_999)
    assert terms.split(-17_999) == (-15, -2_999)
    assert terms.split(9_999) == (0, 9_999)
    assert terms.join(*terms.split(-17_999)) == -17_999


def test_an_asset_finer_than_its_fees_is_counted_at_its_own_decimals() -> None:
    """Sizes may have 18 decimals; a holding cut to 8 would lose what was bought."""
    fine = replace(BTC, size_decimals=18)
    position = Position(1, fine)
    position.apply(BUY, 6_000_000, 10**15 + 7, 100, b"BTC", None, 1)
    assert position.held == 10**15 + 7 - 100 * 10**10


def test_an_instrument_whose_dust_has_no_room_is_refused() -> None:
    """At the start, not when the first dust comes."""
    with pytest.raises(ValueError, match="least size 1000000000000 must fit 64 bits at 8 decimals"):
        Ledger((replace(BTC, size_decimals=0, size_min=10**12),), (1,))


def test_a_fee_in_a_third_asset_without_a_price_is_kept_apart_and_marked() -> None:
    """Adding it up as dollars would be wrong, showing nothing too."""
    position = Position(1, BTC)
    position.apply(BUY, 100, 10, 77, b"BNB\0\0\0\0\0", None, 1)
    row = cell_of(position, 200)
    assert row.flags == PositionFlag.FEES_UNVALUED
    assert (row.fee_unvalued, row.fee_unvalued_asset.rstrip(b"\0"), row.unvalued_assets) == (77, b"BNB", 1)
    assert row.fees == 0


def test_sums_that_its_record_cannot_hold_are_shown_as_the_nearest_that_it_can() -> None:
    """Two fees of a venue can be more than 64 bits together; a cell that cannot be packed ends every life."""
    position, fee = Position(1, BTC), 2**63 - 1
    for side in (BUY, SELL, BUY):
        position.apply(side, 1, 2**62, fee, b"BNB", None, 1)
    position.open_buy = position.open_sell = 2**64
    row = cell_of(position)
    assert position.fees_other == {b"BNB": 3 * fee}
    assert (position.bought, position.sold) == (2**63, 2**62)
    assert (row.fee_unvalued, row.bought, row.sold) == (fee, fee, 2**62)
    assert (row.open_buy, row.open_sell) == (fee, fee)


def test_a_fee_in_a_third_asset_counts_at_the_value_that_its_fill_carries() -> None:
    """Half of Binance's traders pay in BNB."""
    position = Position(1, BTC)
    position.apply(BUY, 6_000_000, 100, 77, b"BNB", 60_000_000, 1)
    row = cell_of(position, 2 * 6_000_000)
    assert (row.fees, row.net, row.flags, row.unvalued_assets) == (0.6, -0.6, 0, 0)


def test_without_a_price_the_net_is_unknown_and_not_zero() -> None:
    """A book that never came would otherwise show the whole cost as no loss."""
    position = Position(1, BTC)
    position.apply(BUY, 6_000_000, 100, 0, b"", None, 1)
    row = cell_of(position)
    assert row.flags == PositionFlag.MARK_MISSING
    assert math.isnan(row.unrealised)
    assert math.isnan(row.net)
    assert cell_of(position, 2 * 6_100_000).net == 1.0


def test_the_days_net_begins_at_its_first_valuation() -> None:
    """A day's loss is judged by the day."""
    position = Position(1, BTC)
    position.apply(BUY, 6_000_000, 100, 0, b"", None, 1)
    assert math.isnan(cell_of(position, 2 * 6_100_000, DAY).net_day)
    position.begin_day(DAY, 0)
    assert position.day_ns == 0
    position.begin_day(DAY, 2 * 6_100_000)
    row = cell_of(position, 2 * 6_050_000, DAY)
    assert (row.net, row.net_day) == (0.5, -0.5)


def test_sums_beyond_64_bits_are_published_whole() -> None:
    """High << 64 | low, signed."""
    position = Position(1, BTC)
    position.apply(SELL, 2**50, 2**50, 0, b"", None, 1)
    row = cell_of(position)
    assert row.cost_high << 64 | row.cost_low == position.cost
    assert abs(position.cost) > 2**64
    position.cost = -1  # every bit of both halves is set
    row = cell_of(position)
    assert (row.cost_high, row.cost_low) == (-1, 2**64 - 1)


def test_the_account_and_each_strategy_have_their_cells() -> None:
    """A strategy that is not configured (an adopted order's, a former one's) has its own after them."""
    ledger = Ledger((BTC,), (3, 4))
    assert ledger.cells(3, 1) == (0, 1)
    assert ledger.cells(4, 1) == (0, 2)
    assert ledger.cells(9, 1) == ledger.cells(9, 1) == (0, 3)
    assert (ledger.positions[3].strategy, ledger.configured) == (9, 3)


def test_a_dropped_strategys_position_keeps_a_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It still holds its position: without a row the strategies do not add up to the account."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER), segment_size=4096)
    house.ready()
    for strategy, size in ((STRATEGY, 300), (OTHER, 400)):
        house.venue.fill(house.place(strategy=strategy).client_id.hex(), size)
        house.run(3)
    kept = house.place(strategy=OTHER)
    house.kill()
    house.config = msgspec.structs.replace(house.config, strategies={STRATEGY: frozenset({1, 2})})
    for _ in range(2):  # the second life starts from a checkpoint
        house.role = house.live()
        house.settle(2)
        rows = {(row.strategy, row.instrument): row for row in house.rows("positions")}
        held = {key: row.size for key, row in rows.items() if row.size}
        assert held == {(0, 1): 700, (STRATEGY, 1): 300, (OTHER, 1): 400}
        assert sum(row.open_buy for key, row in rows.items() if key[0]) == rows[0, 1].open_buy
        assert kept.client_id in house.role.blotter.orders
        while not checkpoints(tmp_path):
            house.ready()
            house.place(size=100)
        house.kill()
    reported = [
        (one.strategy, one.symbol, one.size) for one in caplog.records if "not configured any more" in one.message
    ]
    assert reported == [(OTHER, "BTCUSDT", "0.00400000")] * 2


def test_more_positions_than_cells_are_refused_at_the_start() -> None:
    """A missing cell would be found when it is first filled, in the middle of a day."""
    with pytest.raises(ValueError, match="POSITIONS holds 1024 cells, was 600 owners of 2 instruments"):
        Ledger((BTC, ETH), tuple(range(1, 600)))


def test_a_cell_has_every_figure_of_its_position() -> None:
    """Lookers-on, strategies and the next life read nothing else."""
    position = Position(3, BTC)
    position.apply(BUY, 6_000_000, 100, 77, b"BNB", None, 5)
    position.apply(SELL, 6_100_000, 40, 100, b"USDT", None, 6)
    position.apply(BUY, 1, 0, 3, b"BNB", None, 7)
    position.apply(BUY, 1, 0, 8, b"XRP", None, 8)
    position.begin_day(DAY, 2 * 6_000_000)
    position.open_buy, position.open_sell = 3, 4
    row = codec.POSITION.unpack(codec.POSITION.pack_row(position.row(17, 12_000_003, 1.5, DAY, ACCOUNT)))
    assert row._asdict() == {
        "instrument": 1, "strategy": 3, "size": 60, "dust": 0, "average_price": 6_000_000, "mark_price": 6_000_001,
        "cost_high": 0, "cost_low": 360_000_000_000, "realised_high": 0, "realised_low": 4_000_000_000,
        "fees_high": 0, "fees_low": 10_000, "unrealised": 9e-6, "realised": 0.4, "fees": 1e-6, "net": 0.400008,
        "net_day": 9e-6, "usd_rate": 1.5, "update_ns": 8, "day_ns": DAY, "fill_count": 4, "bought": 100, "sold": 40,
        "open_buy": 3, "open_sell": 4, "fee_unvalued": 80, "fee_unvalued_asset": b"BNB".ljust(16, b"\0"),
        "price_decimals": 2, "size_decimals": 5, "holding_decimals": 8, "unvalued_assets": 2,
        "flags": PositionFlag.FEES_UNVALUED, "spare_word": 0, "fill_sequence": 17, "account": 7,
        "spare_long": 0, "spare": (0, 0),
    }  # fmt: skip
    assert math.isnan(cell_of(position, 12_000_003, DAY + 1).net_day)
    both = PositionFlag.FEES_UNVALUED | PositionFlag.MARK_MISSING
    assert (cell_of(position, 0, DAY).flags, position.cash) == (both, -356_000_000_000)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_average_is_rounded_to_the_nearest(side: int) -> None:
    """Half goes up, for a short as for a long; nothing held has none."""
    position = Position(1, BTC)
    assert position.average == 0
    averages = []
    for price in (100, 101, 100, 100):
        position.apply(side, price, 1, 0, b"", None, 1)
        averages.append(position.average)
    assert averages == [100, 101, 100, 100]


def test_the_share_of_the_cost_that_goes_along_is_rounded_to_the_nearest() -> None:
    """Once, at the last digit: 302000 for 3000 held is 100.67 for each of them."""
    position = Position(1, BTC)
    for price in (100, 101, 101):
        position.apply(BUY, price, 1, 0, b"", None, 1)
    position.apply(BUY, 200, 0, 1, b"BTC", None, 1)
    assert (position.held, position.cost, position.realised, position.fees) == (2_999, 301_899, 99, 200)


@pytest.mark.parametrize(("side", "sign"), [(BUY, 1), (SELL, -1)])
def test_an_opening_has_the_holdings_with_their_sign(side: int, sign: int) -> None:
    """A strategy whose ring begins with it starts from here; with a wrong sign its exit doubles the position."""
    position = Position(3, replace(ETH, size_step=5))
    position.apply(side, 200, 17, 0, b"", None, 1)
    row = codec.FILL.unpack(codec.FILL.pack_row(position.opening(9, ACCOUNT)))
    assert row._asdict() == {
        "client_id": bytes(16), "intent_id": 0, "venue_fill_id": bytes(40), "venue_order_id": bytes(40), "venue_ns": 0,
        "receive_ns": 9, "price": 200, "size": 15, "fee": 0, "fee_value": 0, "dust": sign * 20_000,
        "fee_asset": bytes(16), "strategy": 3, "instrument": 2, "side": side, "maker": 0, "flags": FillFlag.OPENING,
        "account": 7,
    }  # fmt: skip


def test_an_opening_of_one_step_keeps_its_side() -> None:
    """The least short that an order can close is a short; as a purchase, its exit sells one step more."""
    position = Position(3, BTC)
    position.apply(SELL, 200, 1, 0, b"", None, 1)
    row = codec.FILL.unpack(codec.FILL.pack_row(position.opening(9, ACCOUNT)))
    assert (row.side, row.size) == (SELL, 1)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_last_unit_of_a_holding_is_closed_and_realised(side: int) -> None:
    """A unit that is not closed keeps a cost with nothing held, and its profit is never realised."""
    position = Position(1, replace(BTC, size_decimals=8))
    position.apply(side, 100, 1, 0, b"", None, 1)
    position.apply(-side, 110, 1, 0, b"", None, 2)
    assert (position.held, position.cost, position.realised) == (0, 0, side * 10)


def test_a_new_position_is_empty() -> None:
    """Nothing is held, earned, paid or open before the first fill; flat, its opening is a purchase of nothing."""
    row, one = cell_of(Position(3, BTC)), Position(3, BTC)
    assert not any(getattr(row, name) for name in ("size", "dust", "average_price", "cost_low", "realised", "fees"))
    assert not any(getattr(row, name) for name in ("net", "unrealised", "fill_count", "bought", "sold", "open_buy"))
    assert not any((row.open_sell, row.unvalued_assets, row.fee_unvalued, row.flags, row.update_ns, one.day_net2))
    opening = one.opening(1, ACCOUNT)
    assert (one.held, one.cash, one.day_ns, opening.size, opening.side) == (0, 0, 0, 0, BUY)


def test_exposure_is_counted_by_side_for_the_strategy_and_the_account() -> None:
    """The caps are judged by the account's, an exit by the strategy's own."""
    ledger = Ledger((BTC, ETH), (3, 4))
    ledger.expose(3, 1, BUY, 10)
    ledger.expose(4, 1, SELL, 7)
    ledger.expose(3, 1, BUY, -4)
    rows = [(one.strategy, one.instrument.id, one.open_buy, one.open_sell) for one in ledger.positions]
    assert rows == [(0, 1, 6, 7), (0, 2, 0, 0), (3, 1, 6, 0), (3, 2, 0, 0), (4, 1, 0, 7), (4, 2, 0, 0)]
    assert (ledger.account[1], ledger.owned[4, 1]) == (ledger.positions[0], ledger.positions[4])
    assert len(ledger.owned) == 4


def test_the_day_begins_for_every_position_of_its_instrument_alone() -> None:
    """The price is that instrument's."""
    ledger = Ledger((BTC, ETH), (3,))
    ledger.begin_day(1, DAY, 200)
    assert [one.day_ns for one in ledger.positions] == [DAY, 0, DAY, 0]


def test_dust_is_held_too() -> None:
    """An instrument with a position needs its price."""
    ledger = Ledger((BTC, ETH), (3,))
    assert not ledger.holds(1)
    ledger.positions[2].held = -1
    assert (ledger.holds(1), ledger.holds(2)) == (True, False)


def test_a_former_strategy_has_a_cell_while_there_is_room_and_then_the_accounts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it does must not end the process that has no cell left, nor be lost to the account."""
    monkeypatch.setattr("engine.execution.orders.ledger.CELLS", 3)
    ledger = Ledger((BTC,), (3,))
    ledger.begin_day(1, DAY, 200)
    assert (ledger.cells(0, 1), ledger.cells(9, 1), ledger.cells(8, 1)) == ((0,), (0, 2), (0,))
    former = ledger.owned[9, 1]
    assert (former, former.strategy, former.instrument, former.day_ns) == (ledger.positions[2], 9, BTC, DAY)
    assert len(Ledger((BTC,), (3, 4)).positions) == 3

"""The monitor's arithmetic, held against decimals and against execution's ledger."""

from decimal import Decimal, localcontext
from random import Random
from typing import Any

import pytest

from engine.execution.orders import codec
from engine.execution.orders.ledger import Position
from engine.model.instrument import Instrument
from engine.model.records import FILL
from engine.model.rows import FillRow
from engine.model.words import BUY, SELL, FillFlag
from engine.monitor.recount.limits import DEFAULTS
from engine.monitor.recount.positions import differing
from engine.monitor.recount.sums import Sums
from engine.risk.limits import RiskLimits

BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 0)
FINE = Instrument(1, "binance", "AB", "A", "B", 8, 0, 1, 1, 1, 10**12, 0)
FILLS = 300
WRONG = {"position": {"dust": 1}, "cash": {"realised": 1}, "fees": {"fees": 1}, "realised": {"realised": 3, "cost": 3}}


def fill(random: Random, one: Instrument) -> FillRow:
    """A fill of any side, price, size and fee: in quote, in base, in a valued and in an unvalued asset; rebates too."""
    asset = random.choice((one.quote, one.base, "BNB", "XRP"))
    return FILL.row(
        client_id=b"", intent_id=0, venue_fill_id=b"", venue_order_id=b"", venue_ns=0, receive_ns=0,
        price=random.randint(1, 10**7), size=random.choice((1, 7, random.randint(1, 10**6))),
        fee=random.randint(-50, 10**4), fee_value=random.randint(0, 10**6), dust=0, fee_asset=asset.encode(),
        strategy=0, instrument=one.id, side=random.choice((BUY, SELL)), maker=0,
        flags=FillFlag.FEE_VALUED if asset == "BNB" else 0, account=1,
    )  # fmt: skip


def in_decimals(one: Instrument, fills: list[FillRow]) -> dict[str, Decimal]:
    """What the fills make of a flat account, by average cost."""
    held = cost = realised = fees = cash = Decimal(0)
    for row in fills:
        price, size = Decimal(row.price).scaleb(-one.price_decimals), Decimal(row.size).scaleb(-one.size_decimals)
        fee, asset = Decimal(row.fee).scaleb(-8), row.fee_asset.decode()
        moves = [row.side * size] + ([-fee] if asset == one.base else [])
        fees += {one.quote: fee, one.base: fee * price, "BNB": Decimal(row.fee_value).scaleb(-8)}.get(asset, Decimal(0))
        for move in moves:
            cash -= move * price
            if held * move < 0:
                closed = min(abs(move), abs(held)) * (1 if move > 0 else -1)
                share = cost * -closed / held
                realised += -closed * price - share
                cost, held, move = cost - share, held + closed, move - closed  # noqa: PLW2901 - what is left of it
            held, cost = held + move, cost + move * price
    return {"held": held, "realised": realised, "fees": fees, "cash": cash}


@pytest.mark.parametrize("one", [BTC, FINE], ids=lambda one: one.symbol)
@pytest.mark.parametrize("seed", range(10))
def test_the_sums_are_those_of_exact_decimals(one: Instrument, seed: int) -> None:
    """A monitor that rounds where the venue does not reports differences that are not there."""
    random, sums = Random(seed), Sums(one)
    fills = [fill(random, one) for _ in range(FILLS)]
    for row in fills:
        sums.add(row)
    with localcontext(prec=80):
        exact = in_decimals(one, fills)
        assert Decimal(sums.held).scaleb(-sums.scale.held) == exact["held"]
        assert Decimal(sums.cash).scaleb(-sums.scale.money) == exact["cash"]
        assert Decimal(sums.fees).scaleb(-sums.scale.money) == exact["fees"]
        last = Decimal(1).scaleb(-sums.scale.money)
        assert abs(Decimal(sums.realised).scaleb(-sums.scale.money) - exact["realised"]) <= 2 * FILLS * last
    assert sums.fees_unvalued["XRP"] == sum(row.fee for row in fills if row.fee_asset == b"XRP")


@pytest.mark.parametrize("one", [BTC, FINE], ids=lambda one: one.symbol)
@pytest.mark.parametrize("seed", range(10))
def test_executions_ledger_agrees_after_every_fill(one: Instrument, seed: int) -> None:
    """The two are written apart; where one of them is changed, this shows it before a system halts."""
    random, sums, position = Random(seed), Sums(one), Position(0, one)
    for _ in range(FILLS):
        row = fill(random, one)
        sums.add(row)
        value = row.fee_value if row.flags & FillFlag.FEE_VALUED else None
        position.apply(row.side, row.price, row.size, row.fee, row.fee_asset, value, 1)
        assert differing(sums, published(position)) is None, f"seed {seed}"


@pytest.mark.parametrize("figure", WRONG)
def test_a_figure_that_is_off_by_a_little_is_named(figure: str) -> None:
    """The least wrong digit of a position is a bug."""
    position, sums = Position(0, BTC), Sums(BTC)
    for price in (6_000_000, 6_000_100):
        position.apply(BUY, price, 1000, 100, b"USDT", None, 1)
        sums.add(fill_of(price))
    assert differing(sums, published(position)) is None
    for name, by in WRONG[figure].items():
        setattr(position, name, getattr(position, name) + by)
    found = differing(sums, published(position))
    assert found is not None
    assert found[0] == figure


def fill_of(price: int) -> FillRow:
    """A buy of 0.01 with a fee in quote."""
    return fill(Random(0), BTC)._replace(price=price, size=1000, side=BUY, fee=100, fee_asset=b"USDT", flags=0)


def published(position: Position) -> Any:
    """The position's cell."""
    return codec.POSITION.unpack(codec.POSITION.pack_row(position.row(0, 0, 1.0, 0, 1)))


def test_a_limit_without_a_key_is_the_one_that_risk_has() -> None:
    """The monitor shows limits, and does not import risk."""
    assert {key: getattr(RiskLimits(), key) for key in DEFAULTS} == DEFAULTS

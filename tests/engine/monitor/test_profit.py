"""Net figures: sums in one currency, and nothing shown as zero that is not known."""

import math
from typing import Any

import pytest

from engine.config.paths import FIRST_ACCOUNT
from engine.execution.orders import codec
from engine.execution.orders.ledger import Position
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL
from engine.monitor import profit
from engine.monitor.names import Names

BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 0)
ETH = Instrument(2, "binance", "ETHBTC", "ETH", "BTC", 5, 4, 1, 1, 1, 10**12, 0)
KNOWN = {1: BTC, 2: ETH}


def row_of(position: Position, mark2: int, usd_rate: float = 1.0, account: int = FIRST_ACCOUNT) -> Any:
    """The position's cell."""
    return codec.POSITION.unpack(codec.POSITION.pack_row(position.row(0, mark2, usd_rate, 0, account)))


def bought(strategy: int = 0, asset: bytes = b"USDT", fee: int = 6_000_000) -> Position:
    """0.001 BTC at 60 000 for a fee of 0.06 of an asset."""
    position = Position(strategy, BTC)
    position.apply(BUY, 6_000_000, 100, fee, asset, None, 1)
    return position


def test_net_is_realised_and_unrealised_less_fees_by_owner() -> None:
    """A strategy that pays more in fees than it earns must show a loss."""
    round_trip = bought(3)
    round_trip.apply(SELL, 6_010_000, 100, 6_010_000, b"USDT", None, 2)
    rows = [row_of(bought(), 2 * 6_100_000), row_of(round_trip, 0), row_of(Position(4, BTC), 0)]
    sums = profit.profits(rows, KNOWN)
    assert sorted(sums) == [0, 3]
    assert (sums[0].currency, sums[0].net) == ("USDT", pytest.approx(1.0 - 0.06))
    assert sums[3].net == pytest.approx(0.1 - 0.1201)
    assert profit.line(sums[3]) == ("net -0.02 USDT (today -0.02) = realised +0.10 + unrealised +0.00 - fees 0.12")


def test_each_of_several_accounts_has_a_line_between_the_total_and_the_strategies() -> None:
    """The loss of one account must not be hidden by the gain of another."""
    names = Names(strategies={3: "maker"}, accounts={1: "east", 7: "west"})
    one = [row_of(bought(), 2 * 6_100_000)]
    assert [text.split(":")[0] for text in profit.lines(one, KNOWN, names)] == ["account"]
    two = [*one, row_of(bought(), 2 * 5_900_000, account=7), row_of(bought(3), 2 * 5_900_000, account=7)]
    total, east, west, maker = profit.lines(two, KNOWN, names)
    assert total.startswith("every account: net -0.12 USDT")
    assert east.startswith("account east: net +0.94 USDT")
    assert west.startswith("account west: net -1.06 USDT")
    assert maker.startswith("maker: net -1.06 USDT")


def test_quotes_that_differ_are_summed_in_dollars() -> None:
    """Bitcoin and dollars added up are no currency."""
    crossed = Position(0, ETH)
    crossed.apply(BUY, 5_000, 10_000, 0, b"", None, 1)
    rows = [row_of(bought(), 2 * 6_100_000), row_of(crossed, 2 * 5_100, 60_000.0)]
    total = profit.profits(rows, KNOWN)[profit.ACCOUNT]
    assert (total.currency, total.net) == ("USD", pytest.approx(0.94 + 0.001 * 60_000))


def test_a_missing_price_is_reported_and_never_zero() -> None:
    """0.00 beside a position reads as no loss."""
    total = profit.profits([row_of(bought(), 0)], KNOWN)[profit.ACCOUNT]
    assert math.isnan(total.net)
    assert profit.line(total).startswith("net - USDT (today -) = realised +0.00 + unrealised - - fees 0.06")
    assert profit.line(total).endswith("; no price for BTCUSDT")
    assert profit.tree(total)["net"] is None


def test_a_fee_without_a_value_is_shown_with_its_amount_and_asset() -> None:
    """A fee shown as 0 is not noticed until the account is empty."""
    row = row_of(bought(0, b"BNB", 77), 2 * 6_000_000)
    total = profit.profits([row], KNOWN)[profit.ACCOUNT]
    assert profit.fees_text(row) == "0.00 + 0.00000077 BNB unvalued"
    assert profit.line(total).endswith("; fees of 0.00000077 BNB have no price and are not counted")
    assert profit.tree(total)["unvalued_fees"] == {"BNB": "0.00000077"}


def test_dust_is_shown_as_dust() -> None:
    """What no order can close is neither a position nor nothing."""
    row = row_of(bought(0, b"BTC", 340), 2 * 6_000_000)
    assert profit.held_text(row) == "0.00099 + dust 0.00000660"

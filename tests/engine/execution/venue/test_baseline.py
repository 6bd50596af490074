"""The balances' baseline: what a fill moves, to the last digit, and what a record of the journal contains."""

from dataclasses import replace

import pytest

from engine.execution.orders import codec
from engine.execution.venue import baseline
from engine.execution.venue.baseline import ALL_ASSETS, Baseline
from engine.model.words import BUY, SELL
from tests.engine.execution.memory import BTC


@pytest.mark.parametrize(("side", "sign"), [(BUY, 1), (SELL, -1)])
def test_a_fill_moves_both_assets_against_each_other(side: int, sign: int) -> None:
    """0.00400 BTC at 60,000.01 are 240.00004 USDT; a digit less and the balance differs."""
    since = Baseline()
    since.trade(BTC, side, 6_000_001, 400)
    since.trade(BTC, side, 6_000_001, 400)
    assert since.moved == {"BTC": sign * 800_000, "USDT": -sign * 48_000_008_000}
    assert since.slack == {}
    assert since.ours == {"BTC", "USDT"}


def test_a_fee_is_our_own_movement_and_no_fee_is_none() -> None:
    """Where our fills moved an asset, a difference in it may be one of them."""
    since = Baseline()
    since.charge("XRP", 0)
    assert (since.moved, since.ours) == ({}, set())
    since.charge("BNB", 5)
    assert (since.moved, since.ours) == ({"BNB": -5}, {"BNB"})


def test_digits_that_a_balance_does_not_have_are_the_venues_to_round() -> None:
    """By one unit each: counted as nothing, the next comparison halts the instrument."""
    fine, since = replace(BTC, price_decimals=4, size_decimals=6), Baseline()
    since.trade(fine, BUY, 10_001, 3)  # 0.0000030003 USDT
    assert (since.moved, since.slack) == ({"BTC": 300, "USDT": -301}, {"USDT": 1})
    since.trade(fine, SELL, 10_000, 100)  # 0.0001: whole
    since.move("USDT", 7, 10)
    assert (since.moved, since.slack) == ({"BTC": -9_700, "USDT": 9_699}, {"USDT": 2})
    since.move("BTC", 5, 8)
    since.move("ETH", 0)
    assert (since.moved, since.slack) == ({"BTC": -9_695, "USDT": 9_699}, {"USDT": 2})


def test_an_agreement_ends_what_moved_that_asset_and_everybodys_doubt() -> None:
    """The others' accounts are counted on."""
    since = Baseline()
    since.move("BTC", 5)
    since.move("USDT", 5)
    since.slack.update(BTC=1, USDT=1)
    since.others |= {"BTC", "USDT", ALL_ASSETS}
    since.ours |= {"BTC", "USDT"}
    since.agree("BTC", 70)
    since.agree("ETH", 0)
    assert since.ours == {"USDT"}
    assert (since.agreed, since.moved) == ({"BTC": 70, "ETH": 0}, {"USDT": 5})
    assert (since.slack, since.others) == ({"USDT": 1}, {"USDT"})
    since.clear()
    assert not any((since.agreed, since.moved, since.slack, since.others))


def test_a_record_of_the_journal_is_read_as_it_was_written() -> None:
    """The next life has nothing else; a name may hold blanks."""
    since = Baseline()
    apply(since, baseline.agreed("A B = 1", -70))
    apply(since, baseline.transferred("A B = 1", -7))
    assert since.moved == {"A B = 1": -7}
    apply(since, baseline.traded_by_others("BTC"))
    apply(since, baseline.traded_by_others(ALL_ASSETS))
    assert (since.agreed, since.others) == ({"A B = 1": -70}, {"BTC", ALL_ASSETS})


@pytest.mark.parametrize("amount", [0, 5, -5, 10**30, -(10**30)])
def test_an_amount_beyond_64_bits_is_read_as_it_was_written(amount: int) -> None:
    """A token with a supply of quadrillions has balances of more than 64 bits at eight decimals."""
    since = Baseline()
    apply(since, baseline.agreed("PEPE", amount))
    assert since.agreed == {"PEPE": amount}


def apply(since: Baseline, payload: bytes) -> None:
    """As the replay applies a record."""
    since.apply(codec.BALANCE.unpack(payload))

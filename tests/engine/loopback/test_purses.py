"""The embedded exchange's ledger: what is free, what is locked, and that nothing is made or lost."""

from collections import defaultdict

import pytest

from engine.loopback.ledger import Account, Ledger
from engine.loopback.market import Burn


def ledger() -> Ledger:
    """Ann owns 100 of an asset."""
    made = Ledger()
    made.open("ann")
    made.deposit("ann", "BTC", 100)
    return made


def test_an_account_is_opened_once_and_watched_by_default() -> None:
    """Opened anew, it would have lost what it owns."""
    made = ledger()
    assert made.open("ann", watched=False) is made.accounts["ann"]
    assert (made.accounts["ann"].watched, made.open("flow", watched=False).watched) == (True, False)
    one = Account("bob")
    assert (one.watched, one.burn, one.update_ns, dict(one.free)) == (True, None, 0, {})
    assert Account("bob", burn=Burn()) != one


def test_what_an_account_gained_leaves_its_deposits_out() -> None:
    """It is what trading made of them."""
    made = ledger()
    ann = made.accounts["ann"]
    made.lock(ann, "BTC", 30)
    assert (ann.free["BTC"], ann.locked["BTC"], ann.gained("BTC")) == (70, 30, 0)
    made.pay(ann, "BTC", 30, 20)
    made.receive(ann, "USDT", 7)
    assert (ann.free["BTC"], ann.locked["BTC"], ann.gained("BTC"), ann.gained("USDT")) == (80, 0, -20, 7)
    made.charge(ann, "USDT", 2)
    assert (ann.gained("USDT"), dict(made.fees)) == (5, {"USDT": 2})
    made.deposit("ann", "BTC", -80)
    assert (ann.free["BTC"], ann.deposited["BTC"], made.deposited["BTC"], ann.gained("BTC")) == (0, 20, 20, -20)


def test_no_more_than_is_free_is_withdrawn() -> None:
    """What is locked belongs to an order."""
    made = ledger()
    made.lock(made.accounts["ann"], "BTC", 30)
    with pytest.raises(AssertionError):
        made.deposit("ann", "BTC", -71)


def test_canary_what_was_made_lost_or_locked_for_nothing_is_found() -> None:
    """Every test of the matching engine leans on this check."""
    none: dict[tuple[str, str], int] = defaultdict(int)
    sound = ledger()
    sound.lock(sound.accounts["ann"], "BTC", 30)
    sound.check({("ann", "BTC"): 30})
    for needed in (none, {("ann", "BTC"): 29}, {("bob", "BTC"): 30}):
        with pytest.raises(AssertionError):
            sound.check(needed)
    for asset, amount in (("BTC", 1), ("ETH", 1), ("BTC", -101)):
        spoilt = ledger()
        spoilt.accounts["ann"].free[asset] += amount
        with pytest.raises(AssertionError):
            spoilt.check(none)
    spoilt = ledger()
    spoilt.fees["BTC"] += 1
    with pytest.raises(AssertionError):
        spoilt.check(none)


def test_a_restored_gain_is_owned_and_stays_a_gain() -> None:
    """A venue that starts again owes its accounts what they held; a second restart must restore the same."""
    made = ledger()
    made.restore("ann", "BTC", -40)
    made.restore("ann", "USDT", 7)
    ann = made.accounts["ann"]
    assert (ann.free["BTC"], ann.free["USDT"], ann.gained("BTC"), ann.gained("USDT")) == (60, 7, -40, 7)
    made.check({})

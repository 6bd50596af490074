"""Which account a system's execution trades: one answer for the check, the builder and the rescue."""

from collections.abc import Callable

import pytest

from engine.config import Config
from engine.execution import rescue
from engine.execution.account import account_of
from tests.engine.cli.test_check import URLS, market

Write = Callable[..., Config]


def test_the_account_is_the_one_at_the_instruments_venue(write: Write) -> None:
    """A venue without instruments is market data nobody trades on, or a mistake: no order goes there."""
    other = f'[[venues]]\nname = "spare"\nkind = "kraken"\n{URLS}'
    account = account_of(write(market() + other))
    assert (account.name, account.venue.name, account.venue.kind) == ("binance", "binance", "binance")


def test_instruments_at_two_venues_have_no_one_account(write: Write) -> None:
    """One execution would send the second venue's orders to the first."""
    other = f'[[venues]]\nname = "k"\nkind = "kraken"\n{URLS}[[instruments]]\nid = 8\nvenue = "k"\nsymbol = "B/U"\n'
    with pytest.raises(ValueError, match="execution trades one venue, but the instruments are at binance, k"):
        account_of(write(market() + other))


def test_without_an_instrument_nothing_can_be_rescued(write: Write) -> None:
    """A rescue that guessed a venue would say that nothing is open there."""
    with pytest.raises(ValueError, match="expected an instrument and its venue, found none"):
        rescue.build(write(), 1)

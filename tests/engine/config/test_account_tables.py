"""Which account an execution trades: one answer for the check, the builder and the canceller."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import Config
from engine.config.accounts import account_of, accounts_of, check_journals
from engine.config.paths import FIRST_ACCOUNT
from engine.execution.build import read_or_make_uuid
from engine.model.client_id import mark_of
from tests.engine.cli.test_check import URLS, market

Write = Callable[..., Config]
OTHER = f'[[venues]]\nname = "k"\nkind = "kraken"\n{URLS}[[instruments]]\nid = 8\nvenue = "k"\nsymbol = "B/U"\n'
TWO = """
[[venues]]
name = "a"
kind = "binance"
[[venues]]
name = "b"
kind = "binance"
[[instruments]]
id = 1
venue = "a"
symbol = "BTCUSDT"
[[instruments]]
id = 2
venue = "b"
symbol = "BTCUSDT"
[[instruments]]
id = 3
venue = "b"
symbol = "ETHUSDT"
[[accounts]]
name = "first"
number = 1
venue = "a"
[[accounts]]
name = "second"
number = 7
venue = "b"
"""


def test_the_account_is_the_one_at_the_instruments_venue(write: Write) -> None:
    """A venue without instruments is market data that is not traded, or a mistake: no order goes there."""
    other = f'[[venues]]\nname = "spare"\nkind = "kraken"\n{URLS}'
    account = account_of(write(market() + other), "execution")
    assert (account.name, account.venue.name, account.venue.kind) == ("binance", "binance", "binance")
    assert (account.number, account.journal.name, account.identity.name) == (FIRST_ACCOUNT, "journal", "system.uuid")


def test_instruments_at_two_venues_have_no_one_account(write: Write) -> None:
    """One execution would send the second venue's orders to the first."""
    with pytest.raises(ValueError, match=r"the instruments are at binance, k: add a table \[\[accounts\]\]"):
        account_of(write(market() + OTHER), "execution")


def test_without_an_instrument_nothing_can_be_cancelled(write: Write) -> None:
    """A canceller that guessed a venue would report that nothing is open there."""
    with pytest.raises(ValueError, match="expected an instrument and its venue, found none"):
        account_of(write(), "execution")


def test_each_account_has_its_venue_its_instruments_and_files_of_its_own(write: Write) -> None:
    """Two executions with one journal or one uuid would each treat the other's orders as their own."""
    first, second = accounts_of(write(TWO))
    assert [(one.role, one.number, one.venue.name) for one in (first, second)] == [
        ("first", 1, "a"),
        ("second", 7, "b"),
    ]
    assert [[one.id for one in account.instruments] for account in (first, second)] == [[1], [2, 3]]
    assert (second.journal.name, second.identity.name) == ("journal.7", "system.7.uuid")
    assert account_of(write(TWO), "second") == second
    assert mark_of(read_or_make_uuid(first.identity)) != mark_of(read_or_make_uuid(second.identity))


def test_a_first_account_that_gets_a_name_keeps_its_journal_and_its_orders(write: Write) -> None:
    """Its orders and its position are at the venue: a new journal would know of neither."""
    unnamed = account_of(write(market()), "execution")
    named = account_of(write(TWO), "first")
    assert (named.journal, named.identity) == (unnamed.journal, unnamed.identity)


def test_a_journals_directory_that_the_file_names_has_the_others_beside_it(write: Write, tmp_path: Path) -> None:
    """A file that names one directory names it for every account."""
    config = write(TWO + f'[journal]\ndirectory = "{tmp_path}/disk"\n')
    assert [one.journal for one in accounts_of(config)] == [tmp_path / "disk", tmp_path / "disk.7"]


def test_a_role_without_an_account_is_refused(write: Write) -> None:
    """It must not trade the account of another role."""
    with pytest.raises(ValueError, match="execution 'third': expected the role of an account: first, second"):
        account_of(write(TWO), "third")


def test_an_account_whose_venue_has_no_instrument_is_refused(write: Write) -> None:
    """Its execution would wait for nothing and trade nothing, and its name would be a mistake."""
    with pytest.raises(ValueError, match="account second: expected an instrument at its venue b, found none"):
        accounts_of(write(TWO.replace('venue = "b"\nsymbol', 'venue = "a"\nsymbol').replace("BTCUSDT", "XRPUSDT", 1)))


def test_a_journal_whose_account_the_file_does_not_name_is_refused(write: Write) -> None:
    """An account that was dropped or given another number may hold a position that is not looked after any more."""
    config = write(TWO)
    for number in (1, 7):
        config.paths.journal(number).mkdir(parents=True)
    config.paths.journal(1).with_name("journal.aside-2026-01-01T00-00-00").mkdir()
    check_journals(config)
    config.paths.journal(9).mkdir()
    with pytest.raises(ValueError, match=r"journal\.9 is of account 9: expected a table \[\[accounts\]\]"):
        check_journals(config)

"""The accounts that a system trades: each has an execution, at one venue, with the instruments of that venue.

Execution's builder, the canceller and `engine-ctl check` ask here, so they cannot disagree about where orders go. A
file without the table [[accounts]] has one account: number 1, called like the only venue of its instruments, traded by
the role `execution`.

The number belongs to the account for ever. It is in the account's records, and names its files in the state directory:

    account 1        journal      system.uuid         a first account that is given a name later continues these
    account 7        journal.7    system.7.uuid

A uuid marks the orders of one account: two accounts never use the same order id.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.config.paths import FIRST_ACCOUNT, account_of_journal, journals_beside

if TYPE_CHECKING:
    from engine.config import Config, Venue
    from engine.config.tables import Instrument


class Account(NamedTuple):
    """One account at one venue."""

    role: str  # of the execution that trades it
    name: str
    number: int  # in every record
    venue: "Venue"
    instruments: tuple["Instrument", ...]  # those of the venue
    journal: Path  # the directory of its journal
    identity: Path  # the file with the uuid that marks its orders


def accounts_of(config: "Config") -> tuple[Account, ...]:
    """The accounts of a configured system, in its order; ValueError where an order would have no account."""
    if config.accounts:
        return tuple(_account(config, one.name, one.name, one.number, one.venue) for one in config.accounts)
    names = sorted({instrument.venue for instrument in config.instruments})
    if not names or not config.venues:
        raise ValueError("expected an instrument and its venue, found none: no order can be ours")
    if len(names) > 1:
        msg = (
            f"execution trades one venue, but the instruments are at {', '.join(names)}: add a table [[accounts]] for"
            " each venue that is traded"
        )
        raise ValueError(msg)
    return (_account(config, config.execution_names[0], names[0], FIRST_ACCOUNT, names[0]),)


def account_of(config: "Config", role: str) -> Account:
    """The account that the execution of this role trades."""
    found = accounts_of(config)
    for account in found:
        if account.role == role:
            return account
    raise ValueError(f"execution {role!r}: expected the role of an account: {', '.join(one.role for one in found)}")


def _account(config: "Config", role: str, name: str, number: int, venue: str) -> Account:
    instruments = tuple(one for one in config.instruments if one.venue == venue)
    if not instruments:
        raise ValueError(f"account {name}: expected an instrument at its venue {venue}, found none")
    journal, identity = config.paths.journal(number, config.journal.directory), config.paths.identity(number)
    return Account(role, name, number, config.venue(venue), instruments, journal, identity)


def check_journals(config: "Config") -> None:
    """Refuse a file that does not name the account of a journal: what the account holds would be forgotten."""
    owned = {account.journal for account in accounts_of(config)}
    for directory in journals_beside(config.paths.journal(FIRST_ACCOUNT, config.journal.directory)):
        if directory not in owned:
            number = account_of_journal(directory)
            msg = (
                f"the journal in {directory} is of account {number}: expected a table [[accounts]] with number ="
                f" {number}; to begin without it: engine-ctl journal --directory {directory} --set-aside"
            )
            raise ValueError(msg)

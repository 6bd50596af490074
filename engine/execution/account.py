"""The one account that a system's execution trades: at one venue, with the instruments that are configured there.

Builder, rescue and `engine-ctl check` ask here, so they cannot disagree about where orders go. A configuration has no
names for accounts: an account is called like its venue.
"""

from typing import TYPE_CHECKING, NamedTuple

from engine.model.records import FIRST_ACCOUNT

if TYPE_CHECKING:
    from engine.config import Config, Venue


class Account(NamedTuple):
    """One account at one venue."""

    name: str
    number: int  # in every record, and in the ids of its orders
    venue: "Venue"


def account_of(config: "Config") -> Account:
    """The account of a configured system; ValueError where there is none, or more than one."""
    names = sorted({instrument.venue for instrument in config.instruments})
    if not names or not config.venues:
        raise ValueError("expected an instrument and its venue, found none: no order can be ours")
    if len(names) > 1:
        raise ValueError(f"execution trades one venue, but the instruments are at {', '.join(names)}")
    return Account(names[0], FIRST_ACCOUNT, config.venue(names[0]))

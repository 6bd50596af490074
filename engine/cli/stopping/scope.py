"""The scope that an operator named, the executions and the open orders that it concerns.

--venue V      the accounts at it        --strategy S      at every account
--account A    its execution             --instrument I    the execution of its account
"""

import argparse
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.cli import WRONG_USE, CommandError
from engine.cli.output import choose_instrument
from engine.cli.system import strategy_id
from engine.config import Config
from engine.config.accounts import accounts_of
from engine.model.rows import OrderRow
from engine.model.scope import Scope
from engine.supervisor import leftovers

OPTIONS = ("venue", "account", "strategy", "instrument")


class Named(NamedTuple):
    """What the operator named."""

    arguments: Mapping[str, int | str]  # for the supervisor
    scopes: tuple[Scope, ...]
    text: str  # "strategy maker"; empty: the whole system
    option: str  # "--strategy maker", for advice


def is_named(options: argparse.Namespace) -> bool:
    """Whether the operator named a part of the system."""
    return any(getattr(options, one, None) for one in OPTIONS)


def named(options: argparse.Namespace, config: Config) -> Named:
    """The scope of a command; more than one option is an error, for their meaning together would be a guess."""
    given = {one: text for one in OPTIONS if (text := getattr(options, one, None))}
    if len(given) > 1:
        found = ", ".join(f"--{one}" for one in given)
        raise CommandError(f"found {found}, expected at most one of --{', --'.join(OPTIONS)}", WRONG_USE)
    if not given:
        return Named({}, (Scope(),), "", "")
    ((kind, text),) = given.items()
    number = _number(kind, text, config)
    if kind == "venue":
        found_at = tuple(Scope(account=one.number) for one in accounts_of(config) if one.venue.name == text)
        return Named({kind: text}, found_at, f"venue {text}", f"--venue {text}")
    scope = Scope(**{kind: number})
    return Named({kind: number}, (scope,), f"{kind} {text}", f"--{kind} {text}")


def _number(kind: str, text: str, config: Config) -> int:
    """The number of what an option names."""
    if kind == "strategy":
        return strategy_id(text, config.strategies)
    if kind == "instrument":
        return choose_instrument(text, config.instruments, WRONG_USE)
    if kind == "account":
        return account_number(text, config)
    known = [one.name for one in config.venues]
    if text not in known:
        raise CommandError(f"no venue {text!r}, known are {', '.join(known) or 'none'}", WRONG_USE)
    return 0


def account_number(text: str, config: Config) -> int:
    """The number of an account that is given by name or by number."""
    known = {one.name: one.number for one in accounts_of(config)}
    if text in known:
        return known[text]
    if text.isdigit() and int(text) in known.values():
        return int(text)
    raise CommandError(f"no account {text!r}, known are {', '.join(known)}", WRONG_USE)


def concerned(config: Config, scope: Scope) -> list[str]:
    """The roles of the executions that a scope concerns."""
    return [
        one.role
        for one in accounts_of(config)
        if scope.account in (0, one.number) and scope.instrument in (0, *(each.id for each in one.instruments))
    ]


def open_orders(system: str, scopes: Iterable[Scope], roles: Iterable[str]) -> list[OrderRow]:
    """The orders of these scopes that are open or in doubt."""
    found = {role: leftovers.rows(system, role) for role in roles}
    if unread := [role for role, rows in found.items() if rows is None]:
        text = f"it is unknown which orders are open: the lane ORDERS of {', '.join(unread)} cannot be read"
        raise CommandError(f"{text}; engine-ctl halt halts the whole system, its orders are on the venue's site")
    return [
        row
        for rows in found.values()
        for row in rows or ()
        if any(one.account in (0, row.account) and one.covers(row.strategy, row.instrument) for one in scopes)
    ]

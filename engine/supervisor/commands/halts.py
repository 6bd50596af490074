"""The commands that stop trading, cancel orders, close positions, and trade again."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.control import Refused, Request
from engine.model.scope import WHOLE, Scope
from engine.model.text import word
from engine.model.words import HaltReason
from engine.supervisor.commands.registry import INSTRUMENT, Argument, command
from engine.supervisor.rights import Right

if TYPE_CHECKING:
    from engine.supervisor.keeper import Keeper

VENUE = Argument("venue", "venue", "only the accounts at this venue")
ACCOUNT = Argument("account", "account", "only this account")
STRATEGY = Argument("strategy", "strategy", "only this strategy")
ONE_INSTRUMENT = Argument("instrument", "instrument", f"only this instrument: {INSTRUMENT}")
SCOPE = (VENUE, ACCOUNT, STRATEGY, ONE_INSTRUMENT)


@command("send no new orders and cancel open ones; the processes keep running", *SCOPE, always=True, may=Right.HALT)
def halt(
    keeper: "Keeper", request: Request, venue: str, account: int, strategy: int, instrument: int
) -> Mapping[str, Any]:
    """Halt the system, or a scope of it: no new orders."""
    found, before = _scopes(keeper, venue, account, strategy, instrument), _before(keeper)
    if found == [WHOLE]:
        on_disk = keeper.halt.halt(keeper.now_ns, request.peer, HaltReason.OPERATOR)
        return {"halted": True, "since_ns": keeper.halt.since_ns, "on_disk": on_disk, **before}
    written = [keeper.halt.halt_scope(keeper.now_ns, request.peer, one, HaltReason.OPERATOR) for one in found]
    return {"halted": keeper.halt.halted, "since_ns": keeper.now_ns, "on_disk": all(written), **before}


@command(
    "end a halt",
    *SCOPE,
    Argument("all", "flag", "end the halt of the system and of every account, strategy and instrument"),
)
def resume(
    keeper: "Keeper", request: Request, venue: str, account: int, strategy: int, instrument: int, **options: bool
) -> Mapping[str, Any]:
    """End the system's halt, or that of a scope. The end of the system's halt ends no other, without `all`."""
    found, before = _scopes(keeper, venue, account, strategy, instrument), _before(keeper)
    if found == [WHOLE]:
        keeper.halt.resume(keeper.now_ns, request.peer, keeper.now_ns - time.monotonic_ns() + request.asked_ns)
        found = list(keeper.halt.scopes.held) if options["all"] else []
    elif options["all"]:
        raise Refused("resume: found a scope and all, expected one of them")
    for one in found:
        keeper.halt.resume_scope(keeper.now_ns, request.peer, one)
    held = [describe(keeper, one) for one in keeper.halt.scopes.held]
    return {"halted": keeper.halt.halted, "since_ns": keeper.now_ns, "still_halted": held, **before}


@command(
    "cancel open orders, and close every position at protective prices; holds until resume",
    ACCOUNT,
    STRATEGY,
    ONE_INSTRUMENT,
)
def flatten(keeper: "Keeper", request: Request, account: int, strategy: int, instrument: int) -> Mapping[str, Any]:
    """Halt the system or a scope, and have execution close its positions."""
    (scope,), before = _scopes(keeper, "", account, strategy, instrument), _before(keeper)
    if scope.whole:
        on_disk = keeper.halt.halt(keeper.now_ns, request.peer, HaltReason.FLATTEN)
    else:
        on_disk = keeper.halt.halt_scope(keeper.now_ns, request.peer, scope, HaltReason.FLATTEN, flattens=True)
    return {"scope": scope._asdict(), "since_ns": keeper.now_ns, "on_disk": on_disk, **before}


@command(
    "cancel one order, or the open orders of a scope",
    Argument("order", "number", "the intent of the order"),
    *SCOPE,
    may=Right.HALT,
)
def cancel(
    keeper: "Keeper", request: Request, order: int, venue: str, account: int, strategy: int, instrument: int
) -> Mapping[str, Any]:
    """Cancel the orders of one intent, or of a scope."""
    found = _scopes(keeper, venue, account, strategy, instrument)
    if bool(order) == (found != [WHOLE]):
        raise Refused("cancel: expected an order, or one of venue, account, strategy and instrument")
    if order:
        return {"sequence": keeper.halt.cancel(keeper.now_ns, request.peer, order)}
    return {"sequence": max(keeper.halt.cancel_all(keeper.now_ns, request.peer, one) for one in found)}


@command(
    "cancel every open order",
    Argument("strategy", "strategy", "only the orders of this strategy"),
    Argument("instrument", "instrument", f"only the orders of this instrument: {INSTRUMENT}"),
    may=Right.HALT,
)
def cancel_all(keeper: "Keeper", request: Request, strategy: int, instrument: int) -> Mapping[str, Any]:
    """Cancel every open order of one strategy or instrument; 0 means all."""
    scope = Scope(strategy=strategy, instrument=instrument)
    return {"sequence": keeper.halt.cancel_all(keeper.now_ns, request.peer, scope)}


def describe(keeper: "Keeper", scope: Scope) -> dict[str, Any]:
    """A halted scope, with its names."""
    held, config = keeper.halt.scopes.held[scope], keeper.config
    names = {
        "account_name": {one.number: one.name for one in keeper.accounts}.get(scope.account, ""),
        "strategy_name": {one.id: one.name for one in config.strategies}.get(scope.strategy, ""),
        "symbol": {one.id: one.symbol for one in config.instruments}.get(scope.instrument, ""),
    }
    reason = word(HaltReason, held.reason).lower()
    return {
        **scope._asdict(), **names, "since_ns": held.since_ns, "reason": reason, "uid": held.uid,
        "flattens": bool(held.flattens),
    }  # fmt: skip


def _before(keeper: "Keeper") -> dict[str, Any]:
    """What was halted before the command."""
    halts = keeper.halt
    return {
        "was_halted": halts.halted, "was_halted_since_ns": halts.since_ns if halts.halted else 0,
        "was_halted_reason": halts.reason.name.lower(),
        "was_halted_scopes": [describe(keeper, one) for one in halts.scopes.held],
    }  # fmt: skip


def _scopes(keeper: "Keeper", venue: str, account: int, strategy: int, instrument: int) -> list[Scope]:
    """The scopes that a command names, at most by one of its arguments; the whole system where it names none."""
    if sum(map(bool, (venue, account, strategy, instrument))) > 1:
        raise Refused("expected at most one of venue, account, strategy and instrument")
    if not venue:
        return [Scope(account, strategy, instrument)]
    found = [Scope(account=one.number) for one in keeper.accounts if one.venue.name == venue]
    if not found:
        raise Refused(f"no account trades at venue {venue!r}: there is nothing to halt or to cancel")
    return found

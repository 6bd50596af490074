"""The commands that stop trading, cancel orders, and trade again."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.control import Request
from engine.model.words import HaltReason
from engine.supervisor.commands.registry import INSTRUMENT, Argument, command
from engine.supervisor.operators import Right

if TYPE_CHECKING:
    from engine.supervisor.keeper import Keeper


@command("send no new orders and cancel open ones; the processes keep running", always=True, may=Right.HALT)
def halt(keeper: "Keeper", request: Request) -> Mapping[str, Any]:
    """Halt the system: no new orders."""
    on_disk = keeper.halt.halt(keeper.now_ns, request.peer, HaltReason.OPERATOR)
    return {"halted": True, "since_ns": keeper.halt.since_ns, "on_disk": on_disk}


@command(
    "end a halt",
    Argument("instrument", "instrument", f"end only execution's halt of this instrument: {INSTRUMENT}"),
)
def resume(keeper: "Keeper", request: Request, instrument: int) -> Mapping[str, Any]:
    """End the system's halt; with `instrument`, only execution's halt of that instrument."""
    if instrument:
        return {"sequence": keeper.halt.resume_instrument(keeper.now_ns, request.peer, instrument)}
    keeper.halt.resume(keeper.now_ns, request.peer, keeper.now_ns - time.monotonic_ns() + request.asked_ns)
    return {"halted": False, "since_ns": keeper.now_ns}


@command(
    "cancel every open order",
    Argument("strategy", "strategy", "only the orders of this strategy"),
    Argument("instrument", "instrument", f"only the orders of this instrument: {INSTRUMENT}"),
    may=Right.HALT,
)
def cancel_all(keeper: "Keeper", request: Request, strategy: int, instrument: int) -> Mapping[str, Any]:
    """Cancel every open order of one strategy or instrument; 0 means all."""
    return {"sequence": keeper.halt.cancel_all(keeper.now_ns, request.peer, strategy, instrument)}

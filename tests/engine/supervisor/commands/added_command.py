"""A command of the operator as a user would add it: one function, no change to the product."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.control import Request
from engine.supervisor.commands import Argument, command

if TYPE_CHECKING:
    from engine.supervisor.keeper import Keeper


@command(
    "count the processes",
    Argument("at_least", "number", "how many must run"),
    Argument("of", "process", "one", required=True),
)
def tally(keeper: "Keeper", request: Request, at_least: int, of: str) -> Mapping[str, Any]:
    """Count the living processes."""
    living = sum(watch.child is not None for watch in keeper.watches.values())
    return {"living": living, "enough": living >= at_least, "of": of, "asked_by": request.peer.pid}

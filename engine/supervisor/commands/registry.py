"""The commands of the control socket: each is one function in this room, which the supervisor carries out.

    @command("cancel every open order", Argument("strategy", "strategy", "only this strategy's"))
    def cancel_all(keeper, request, strategy): ...         engine-ctl cancel-all --strategy maker

Arguments are checked against the configuration before the function is called, so it receives numbers that exist; 0 is
"not named". `engine-ctl` offers each command under its name with these arguments; one that has to wait or to print more
than the answer has a function of its own in `engine/cli`.
"""

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.control import Refused, Request
from engine.supervisor.rights import Right

if TYPE_CHECKING:
    from engine.supervisor.keeper import Keeper

CarryOut = Callable[..., Mapping[str, Any]]  # (keeper, request, **arguments)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command.

    `kind`: strategy, instrument or account (their numbers in the configuration), venue or process (a name), number,
    flag (yes or no), text, names (a list of texts), or table (values by name).
    """

    name: str
    kind: str
    text: str  # the help of engine-ctl; empty: engine-ctl fills the argument in, the operator does not
    required: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One command, as the supervisor and engine-ctl know it."""

    name: str
    text: str  # the help of engine-ctl
    arguments: tuple[Argument, ...]
    carry_out: CarryOut
    audited: bool  # whether it can change something
    may: Right  # the least right of an operator who may send it
    always: bool  # carried out however late it is read, also when its client is gone

    def answer(self, keeper: "Keeper", request: Request) -> Mapping[str, Any]:
        """Check the arguments and carry the command out; Refused names an argument that is wrong."""
        if refusal := keeper.operators.refusal(request.peer, self.name, self.may):
            raise Refused(refusal)
        unknown = set(request.arguments) - {one.name for one in self.arguments}
        if unknown:  # a misspelt one would be ignored silently
            expected = ", ".join(one.name for one in self.arguments) or "none"
            raise Refused(f"{self.name}: unknown argument {min(unknown)!r}, expected {expected}")
        found = {one.name: _checked(keeper, request, one) for one in self.arguments}
        return self.carry_out(keeper, request, **found)


PLAIN: dict[str, tuple[Any, str]] = {
    "text": (str, "a text"),
    "names": (list, "a list of names"),
    "table": (dict, "values by name"),
}
INSTRUMENT = "symbol, venue:symbol or id"
COMMANDS: dict[str, Command] = {}


def command(
    text: str, *arguments: Argument, audited: bool = True, always: bool = False, may: Right = Right.TRADE
) -> Callable[[CarryOut], CarryOut]:
    """Register a function as the command of its name; users who may only look may use a command that only reads."""

    def register(carry_out: CarryOut) -> CarryOut:
        name = carry_out.__name__.rstrip("_")  # `set_` hides no word of Python
        assert name not in COMMANDS, f"two commands are called {name}"
        COMMANDS[name] = Command(name, text, arguments, carry_out, audited, may if audited else Right.LOOK, always)
        return carry_out

    return register


def answers(keeper: "Keeper") -> dict[str, Callable[[Request], Mapping[str, Any]]]:
    """Every command by name, as the control socket calls it."""
    return {name: functools.partial(one.answer, keeper) for name, one in COMMANDS.items()}


def _checked(keeper: "Keeper", request: Request, argument: Argument) -> Any:
    """The argument's value, or Refused with what was expected."""
    if argument.kind == "process":
        return _process(keeper, request.arguments.get(argument.name))
    if argument.kind in PLAIN:
        return _plain(request, argument)
    if argument.kind == "venue":
        return _venue(keeper, request.arguments.get(argument.name, ""))
    value = request.arguments.get(argument.name, 0)
    if argument.kind == "flag" and isinstance(value, bool):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(f"{request.command}: {argument.name} must be a number, was {value!r}")
    if argument.required and argument.name not in request.arguments:
        raise Refused(f"{request.command}: {argument.name} is missing, expected a number")
    config = keeper.config
    if argument.kind == "strategy":
        _expect_known(argument.name, value, {one.id for one in config.strategies})
    if argument.kind == "instrument":
        _expect_known(argument.name, value, {one.id for one in config.instruments})
    if argument.kind == "account":
        _expect_known(argument.name, value, {one.number for one in keeper.accounts})
    return value


def _plain(request: Request, argument: Argument) -> Any:
    """A text, a list of texts or a table, as the client sent it; empty where it sent none."""
    kind, expected = PLAIN[argument.kind]
    value = request.arguments.get(argument.name, kind())
    whole = isinstance(value, kind) and all(isinstance(one, str) for one in value)
    if not whole or (argument.required and not value):
        raise Refused(f"{request.command}: {argument.name} must be {expected}, was {value!r}")
    return value


def _expect_known(what: str, number: int, known: Collection[int]) -> None:
    """Refuse an unknown number; 0 means all."""
    if number not in {0, *known}:
        raise Refused(f"unknown {what} {number}, expected one of {sorted(known)}, or 0 for all")


def _venue(keeper: "Keeper", name: object) -> str:
    known = [one.name for one in keeper.config.venues]
    if name and name not in known:
        raise Refused(f"unknown venue {name!r}, expected one of {', '.join(known) or 'none'}")
    return str(name or "")


def _process(keeper: "Keeper", name: object) -> str:
    if not isinstance(name, str) or name not in keeper.watches:
        raise Refused(f"unknown process {name!r}, expected one of {', '.join(keeper.watches)}")
    return name

"""`engine-ctl halt` of a part of a system, and `engine-ctl resume`."""

import argparse
import time
from collections.abc import Iterable, Mapping
from typing import Any

from engine.cli import FAILED, NOT_FOUND, CommandError, silent
from engine.cli.halting import halt as halt_everything
from engine.cli.output import choose_system, iso, print_json, print_line
from engine.cli.stopping.held import cell_of
from engine.cli.stopping.scope import Named, concerned, is_named, named, open_orders
from engine.cli.system import advice, call_supervisor, read
from engine.config import Config, Paths
from engine.control import Refused, Unreachable, call
from engine.model.scope import Scope

POLL_S = 0.01


def halt(options: argparse.Namespace) -> int:
    """Halt the whole system without its supervisor, or a part of it by the supervisor."""
    return halt_part(options) if is_named(options) else halt_everything(options)


def halt_part(options: argparse.Namespace) -> int:
    """Have the supervisor publish the halt; wait until each execution confirms it and no order of it is left."""
    system, deadline = choose_system(options.system), time.monotonic() + options.timeout
    config = read(_ask(system, "status", "nothing was halted")["config"])
    part = named(options, config)
    before = _orders_before(system, config, part)
    answer = _ask(system, "halt", f"it is unknown whether {part.text} is halted", **part.arguments)
    silent = await_cells(system, config, part, answer["since_ns"], deadline)
    left = await_orders(system, config, part, deadline)
    if options.json:
        print_json(
            options, {**answer, "scope": part.text, "silent": silent, "orders_before": before, "orders_left": left}
        )
    else:
        was = _was(answer["was_halted_scopes"], part.scopes) or f"{part.text} was not halted"
        print_line(
            f"{_text(part, answer, silent, left)}; {was}; open orders before: {'unknown' if before is None else before}"
        )
    return FAILED if silent or left or not answer["on_disk"] else 0


def _ask(system: str, command: str, otherwise: str, **arguments: Any) -> dict[str, Any]:
    """Send a command, as `call_supervisor`; the error without an answer names the halt that works then."""
    try:
        return call(Paths.known(system).control, command, **arguments)
    except Refused as refused:
        raise CommandError(f"halt was refused: {refused}") from refused
    except Unreachable as error:
        found = silent.state(system)
        msg = (
            f"only the supervisor halts a part of a system, and {error}: {otherwise}; engine-ctl halt without option"
            f" halts the whole system now; to halt a part: {silent.advice(found) if found else advice(system)}"
        )
        raise CommandError(msg, NOT_FOUND) from error


def _orders_before(system: str, config: Config, part: Named) -> int | None:
    """How many orders of the scope are open; None when it is not known, because no halt waits for it."""
    try:
        return len(open_orders(system, part.scopes, config.execution_names))
    except CommandError:
        return None


def await_cells(system: str, config: Config, part: Named, since_ns: int, deadline: float) -> list[str]:
    """Wait until every execution that the scope concerns shows it; the executions that do not."""
    while True:
        silent = [
            role
            for scope in part.scopes
            for role in concerned(config, scope)
            if cell_of(system, role, scope, since_ns) is None
        ]
        if not silent or time.monotonic() > deadline:
            return silent
        time.sleep(POLL_S)


def await_orders(system: str, config: Config, part: Named, deadline: float) -> int:
    """Wait until no order of the scope is open or in doubt; how many are left."""
    while (left := len(open_orders(system, part.scopes, config.execution_names))) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return left


def _text(part: Named, answer: Mapping[str, Any], silent: list[str], left: int) -> str:
    """What happened, and what the operator must do."""
    parts = [f"{part.text} is halted: no new orders of it until engine-ctl resume {part.option}"]
    if silent:
        found = f"NOT CONFIRMED by {', '.join(silent)}: the halt of {part.text} is in force when it runs again"
        parts = [found, "engine-ctl halt stops the whole system now"]
    if not answer["on_disk"]:
        parts.append("NOT IN halts.json: the file cannot be written, the journal of execution alone keeps the halt")
    if left:
        parts.append(f"{left} orders are still open or in doubt: engine-ctl orders lists them")
    return "; ".join(parts)


def resume(options: argparse.Namespace) -> int:
    """End the halt of the system, or of a part of it."""
    system = choose_system(options.system)
    part = named(options, read(call_supervisor(system, "status")["config"]))
    answer = call_supervisor(system, "resume", **part.arguments, **({"all": True} if options.all else {}))
    if options.json:
        print_json(options, answer)
        return 0
    if part.text:
        was = _was(answer["was_halted_scopes"], part.scopes) or f"no halt of {part.text} by an operator was known"
        print_line(
            f"sent to execution: {part.text} trades again; {was}" + ("; the system is HALTED" * answer["halted"])
        )
    else:
        was = "was not halted"
        if answer["was_halted"]:
            was = f"was halted since {iso(answer['was_halted_since_ns'])} ({answer['was_halted_reason']})"
        print_line(f"trading again; {was}" + "".join(map(_still, answer["still_halted"])))
    return 0


def _was(held: Iterable[Mapping[str, Any]], scopes: Iterable[Scope]) -> str:
    """Since when these scopes were halted; empty when none was."""
    return ", ".join(
        f"was halted since {iso(one['since_ns'])} ({one['reason']})"
        for one in held
        if Scope(one["account"], one["strategy"], one["instrument"]) in scopes
    )


def _still(one: Mapping[str, Any]) -> str:
    """A scope that is still halted, and how its halt is ended."""
    kind = next(kind for kind in ("account", "strategy", "instrument") if one[kind])
    name = one["symbol" if kind == "instrument" else f"{kind}_name"] or one[kind]
    return f"; {kind} {name} is STILL HALTED: engine-ctl resume --{kind} {name} (or resume --all) ends it"

"""`engine-ctl flatten`: has execution close every position of a scope, and shows its progress until it is flat.

The whole system is flattened without its supervisor too, as it is halted: the halt word and the file HALT have the
reason FLATTEN, and execution reads both by itself. A part of it needs the supervisor.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from engine.cli import FAILED, NOT_FOUND, CommandError
from engine.cli.output import choose_system, is_running, print_json, print_line
from engine.cli.stopping.halt import POLL_S
from engine.cli.stopping.held import cell_of
from engine.cli.stopping.scope import Named, concerned, is_named, named
from engine.cli.system import advice, call_supervisor, read
from engine.config import Config, Paths
from engine.control import Refused, Unreachable, call
from engine.model.rows import ScopeHaltRow
from engine.model.words import FlattenState, HaltReason
from engine.supervisor import operator
from engine.supervisor.life import read as read_life

SUPERVISOR_S = 1.0  # the time in which the supervisor must answer
UNREAD = "has not read the command"


def flatten(options: argparse.Namespace) -> int:
    """Send the command, print each change, and end when every execution is flat or the timeout passes."""
    system, deadline = choose_system(options.system), time.monotonic() + options.timeout
    life = read_life(Paths.known(system).system)
    if life is None or not is_running(system):
        raise CommandError(f"flatten: no process of {system} runs ({advice(system)})", NOT_FOUND)
    config = read(life.config)
    part = named(options, config)
    now_ns = time.monotonic_ns() + life.offset_ns
    if is_named(options):
        since_ns = call_supervisor(system, "flatten", **part.arguments)["since_ns"]
    else:
        since_ns = _flatten_system(system, Path(life.state) / "HALT", now_ns)
    rows = _await(options, system, config, part, since_ns, deadline)
    flat = all(row is not None and row.state == FlattenState.FLAT for row in rows.values())
    if options.json:
        print_json({"scope": part.text, "flat": flat, "executions": {role: _tree(row) for role, row in rows.items()}})
    else:
        what = part.text or "the system"
        print_line(
            f"{what} is flat and stays halted: engine-ctl resume {part.option}".rstrip()
            if flat
            else f"{what} is NOT FLAT after {options.timeout:g} s; execution goes on: engine-ctl status shows it"
        )
    return 0 if flat else FAILED


def _flatten_system(system: str, file: Path, now_ns: int) -> int:
    """Write word and file as `halt` does, and ask the supervisor to publish it; from when the cells count."""
    operator.halt(system, file, now_ns, HaltReason.FLATTEN)
    try:
        return int(call(Paths.known(system).control, "flatten", SUPERVISOR_S)["since_ns"])
    except (Unreachable, Refused):
        print_line("the supervisor does not answer: execution flattens without it")
        return now_ns


def _await(
    options: argparse.Namespace, system: str, config: Config, part: Named, since_ns: int, deadline: float
) -> dict[str, ScopeHaltRow | None]:
    """What each execution shows when all are flat, or at the deadline."""
    (scope,) = part.scopes
    roles = concerned(config, scope)
    before: dict[str, str] = {}
    while True:
        rows = {role: cell_of(system, role, scope, since_ns) for role in roles}
        texts = {role: _text(row) for role, row in rows.items()}
        for role, text in texts.items():
            if not options.json and before.get(role) != text:
                print_line(f"{role}: {text}")
        before = texts
        flat = all(row is not None and row.state == FlattenState.FLAT for row in rows.values())
        if flat or time.monotonic() > deadline:
            return rows
        time.sleep(POLL_S)


def _text(row: ScopeHaltRow | None) -> str:
    if row is None:
        return UNREAD
    state, text = FlattenState(row.state).name.lower(), row.text.rstrip(b"\0").decode(errors="replace")
    if row.state == FlattenState.FLAT:
        return f"flat; {text}" if text else "flat"
    return f"{state}, {row.orders} orders, {row.positions} positions: {text}"


def _tree(row: ScopeHaltRow | None) -> dict[str, Any]:
    if row is None:
        return {"state": "unread", "orders": None, "positions": None, "text": UNREAD}
    text = row.text.rstrip(b"\0").decode(errors="replace")
    state = FlattenState(row.state).name.lower()
    return {"state": state, "orders": row.orders, "positions": row.positions, "text": text}

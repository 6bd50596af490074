"""`engine-ctl flatten`: has execution close every position of a scope, and shows its progress until it is flat.

The whole system is flattened without its supervisor too, as it is halted: the halt word and the file HALT have the
reason FLATTEN, and execution reads both by itself. A part of it needs the supervisor.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import shm
from engine.cli import FAILED, NOT_FOUND, CommandError
from engine.cli.output import choose_system, is_running, print_json, print_line
from engine.cli.stopping.halt import POLL_S
from engine.cli.stopping.held import cell_of
from engine.cli.stopping.scope import Named, concerned, is_named, named
from engine.cli.system import advice, call_supervisor, read
from engine.config import Config, Paths
from engine.control import Peer, Refused, Unreachable, call
from engine.lanes import OPERATOR, open_lanes
from engine.model.rows import ScopeHaltRow
from engine.model.text import word
from engine.model.words import FlattenState, HaltReason
from engine.supervisor import operator
from engine.supervisor.life import read as read_life
from engine.supervisor.operators import Operators
from engine.supervisor.rights import Right

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
        begun = Begun(call_supervisor(system, "flatten", **part.arguments)["since_ns"], 0, "")
    else:
        _expect_trader(system, config)
        begun = _flatten_system(system, Path(life.state) / "HALT", now_ns)
    if begun.alone and not options.json:
        print_line(begun.alone)
    rows = _await(options, system, config, part, begun, deadline)
    flat = all(row is not None and row.state == FlattenState.FLAT for row in rows.values())
    if options.json:
        print_json(
            options, {"scope": part.text, "flat": flat, "executions": {role: _tree(row) for role, row in rows.items()}}
        )
    else:
        what = part.text or "the system"
        print_line(
            f"{what} is flat and stays halted: engine-ctl resume {part.option}".rstrip()
            if flat
            else f"{what} is NOT FLAT after {options.timeout:g} s; execution goes on: engine-ctl status shows it"
        )
    return 0 if flat else FAILED


class Begun(NamedTuple):
    """A command that was sent."""

    since_ns: int  # a cell of this command is not older
    sequence: int  # of the halt word where no supervisor publishes the command, else 0
    alone: str  # why no supervisor publishes it; empty: it does


def _expect_trader(system: str, config: Config) -> None:
    """Refuse a user who may not trade: the halt word closes positions, and who may only halt can write it."""
    operators = Operators(config, own=Paths.known(system).system.stat().st_uid)
    if refusal := operators.refusal(Peer(os.getpid(), os.getuid()), "flatten", Right.TRADE):
        raise CommandError(f"{refusal}; nothing was changed")


def _flatten_system(system: str, file: Path, now_ns: int) -> Begun:
    """Ask the supervisor; without one that answers, write word and file as `halt` does.

    The supervisor is asked first: it knows who may trade, and what it refuses must not be done by the word.
    """
    try:
        return Begun(int(call(Paths.known(system).control, "flatten", SUPERVISOR_S)["since_ns"]), 0, "")
    except Refused as refused:
        raise CommandError(f"flatten was refused: {refused}; nothing was sent") from refused
    except Unreachable as error:
        found = str(error)
    sequence, on_disk = operator.halt(system, file, now_ns, HaltReason.FLATTEN)
    if not sequence and not on_disk:
        raise CommandError(f"flatten: {found}; neither the halt word nor {file} can be written, nothing was sent")
    return Begun(now_ns, sequence, "the supervisor does not answer: execution flattens without it")


def _await(
    options: argparse.Namespace, system: str, config: Config, part: Named, begun: Begun, deadline: float
) -> dict[str, ScopeHaltRow | None]:
    """What each execution shows when all are flat, or at the deadline."""
    (scope,) = part.scopes
    roles = concerned(config, scope)
    before: dict[str, str] = {}
    while True:
        rows = {role: cell_of(system, role, scope, _since_ns(system, role, begun)) for role in roles}
        texts = {role: _text(row) for role, row in rows.items()}
        for role, text in texts.items():
            if not options.json and before.get(role) != text:
                print_line(f"{role}: {text}")
        before = texts
        flat = all(row is not None and row.state == FlattenState.FLAT for row in rows.values())
        if flat or time.monotonic() > deadline:
            return rows
        time.sleep(POLL_S)


def _since_ns(system: str, role: str, begun: Begun) -> int:
    """From when an execution's cell counts: from any time once it has read this write of the halt word.

    A flattening that goes on is not begun again by the word, so its cell has the time of the first command.
    """
    if not begun.sequence:
        return begun.since_ns
    try:
        gate = open_lanes(system, OPERATOR).cell_reader("gate", role)
    except (shm.SegmentError, OSError):
        return begun.since_ns
    return 0 if operator.confirmed(gate, begun.sequence) else begun.since_ns


def _text(row: ScopeHaltRow | None) -> str:
    if row is None:
        return UNREAD
    state, text = word(FlattenState, row.state).lower(), row.text.rstrip(b"\0").decode(errors="replace")
    if row.state == FlattenState.FLAT:
        return f"flat; {text}" if text else "flat"
    return f"{state}, {row.orders} orders, {row.positions} positions: {text}"


def _tree(row: ScopeHaltRow | None) -> dict[str, Any]:
    if row is None:
        return {"state": "unread", "orders": None, "positions": None, "text": UNREAD}
    text = row.text.rstrip(b"\0").decode(errors="replace")
    state = word(FlattenState, row.state).lower()
    return {"state": state, "orders": row.orders, "positions": row.positions, "text": text}

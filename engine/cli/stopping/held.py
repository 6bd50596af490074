"""The halted scopes that executions show in their cells, for the commands that wait for them and that print them."""

from collections.abc import Iterator, Mapping
from typing import Any

import shm
from engine.cli.output import ago, executions, iso, print_table
from engine.lanes import LOOKERS, open_lanes
from engine.model.rows import ScopeHaltRow
from engine.model.scope import Scope
from engine.model.text import word
from engine.model.words import FlattenState, HaltReason
from engine.monitor.names import Names


def held(system: str, role: str) -> Iterator[ScopeHaltRow]:
    """The halted scopes that an execution shows; none where its lane cannot be read (engine/cli/health.py)."""
    try:
        cells = open_lanes(system, LOOKERS).cell_reader("scope_halts", role)
    except (shm.SegmentError, OSError):
        return
    for index in range(cells.count):
        row = cells.read(index)
        if row is None or not row.since_ns:
            return
        yield row


def cell_of(system: str, role: str, scope: Scope, since_ns: int) -> ScopeHaltRow | None:
    """What an execution shows of a scope, if it has carried out the command of this time."""
    found = (row for row in held(system, role) if Scope.of(row) == scope and row.since_ns >= since_ns)
    return next(found, None)


def trees(system: str, symbols: Mapping[int, str], names: Names) -> list[dict[str, Any]]:
    """The halted scopes of every execution, for JSON; a scope that several executions hold once for each."""
    return [
        {
            "execution": role, "account": row.account, "strategy": row.strategy, "instrument": row.instrument,
            "scope": text_of(Scope.of(row), symbols, names), "since_ns": row.since_ns, "since": iso(row.since_ns),
            "reason": word(HaltReason, row.reason).lower(), "uid": row.uid,
            "flatten": word(FlattenState, row.state).lower(), "orders": row.orders, "positions": row.positions,
            "text": row.text.rstrip(b"\0").decode(errors="replace"),
        }
        for role in executions(system) for row in held(system, role)
    ]  # fmt: skip


def text_of(scope: Scope, symbols: Mapping[int, str], names: Names) -> str:
    """A scope in the operator's words."""
    if scope.account:
        return f"account {names.account(scope.account)}"
    if scope.strategy:
        return f"strategy {names.strategy(scope.strategy)}"
    if scope.instrument:
        return f"instrument {symbols.get(scope.instrument, scope.instrument)}"
    return "the whole system"


def print_held(found: list[dict[str, Any]], now_ns: int) -> None:
    """Print a table of the halted scopes."""
    if found:
        print_table(
            ("halted", "for", "reason", "flatten", "orders", "positions", "what"),
            [
                (one["scope"], ago(max(0, now_ns - one["since_ns"])), one["reason"],
                 "-" if one["flatten"] == "none" else one["flatten"], one["orders"], one["positions"],
                 one["text"] or "-")
                for one in found
            ],
            "halted by an operator or a policy; engine-ctl resume with the same option ends it",
        )  # fmt: skip

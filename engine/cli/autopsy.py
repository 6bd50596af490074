"""What a dead engine left: every segment with its owner and its last records, and the findings from them.

Reads segments only, so it needs no process of the engine, no configuration and no run directory.
"""

import argparse
from collections import Counter
from typing import Any

import shm
from engine.cli import CommandError
from engine.cli.look import last_states
from engine.cli.memory import describe, formatter_of, newest
from engine.cli.output import ago, choose_system, executions, print_json, print_line, print_table
from engine.model.text import word
from engine.model.words import DONE_STATES, HaltReason, OrderState, RoleState

DOUBTFUL = (OrderState.CREATED, OrderState.SENT, OrderState.UNKNOWN)


def autopsy(options: argparse.Namespace) -> int:
    """Print the autopsy of a system."""
    tree = examine(choose_system(options.system), options.n)
    print_json(options, tree) if options.json else _print_tree(tree)
    return 0


def examine(system: str, count: int) -> dict[str, Any]:
    """Findings, roles and segments of a system."""
    names = shm.names(system) + shm.names(system, aside=True)
    segments = [_segment(name, count) for name in names]
    return {
        "system": system,
        "findings": [*_owner_findings(segments), *_halt_findings(system), *_order_findings(system)],
        "roles": [_role(system, name) for name in names if name.startswith(f"{system}.heartbeat.")],
        "segments": segments,
    }


def _segment(name: str, count: int) -> dict[str, Any]:
    tree = describe(name)
    if "error" not in tree:
        tree["last"] = newest(name, count, formatter_of(name))[-count:] if count > 0 else []
    return tree


def _role(system: str, name: str) -> dict[str, Any]:
    """A role's last heartbeat."""
    tree = describe(name)
    role = name.removeprefix(f"{system}.heartbeat.")
    if "error" in tree:
        return {"role": role, "error": tree["error"]}
    row = newest(name, 1)
    state = RoleState(row[0]["state"]).name.lower() if row else "no heartbeat"
    return {"role": role, "owner": tree["owner"], "state": state, "epoch": tree["epoch"], **(row[0] if row else {}),
            "state_name": state}  # fmt: skip


def _owner_findings(segments: list[dict[str, Any]]) -> list[str]:
    """The segments that cannot be read, and the processes that died as writers."""
    unreadable = [f"{one['name']} cannot be read: {one['error']}" for one in segments if "error" in one]
    dead = [one for one in segments if one.get("owner") == "dead" and not one["closed_cleanly"]]
    pids = sorted({one["pid"] for one in dead})
    return unreadable + [f"process {pid} died as the writer of {_lanes_of(pid, dead)}" for pid in pids]


def _lanes_of(pid: int, segments: list[dict[str, Any]]) -> str:
    return ", ".join(one["name"].split(".", 1)[1] for one in segments if one["pid"] == pid)


def _halt_findings(system: str) -> list[str]:
    if f"{system}.halt" not in shm.names(system):
        return []
    try:
        rows = newest(f"{system}.halt", 1)
    except CommandError:
        return []  # unreadable: the findings on segments report it
    return (
        [f"the system is halted ({word(HaltReason, rows[0]['reason']).lower()})"] if rows and rows[0]["halted"] else []
    )


def _order_findings(system: str) -> list[str]:
    """Orders that were open or in doubt when the last record was written."""
    try:
        orders = list(last_states(system).values())
    except CommandError:
        return []
    several = len(executions(system)) > 1
    opened = Counter(row.account for row in orders if row.state not in DONE_STATES and row.state not in DOUBTFUL)
    doubtful = [row for row in orders if row.state in DOUBTFUL]
    findings = [
        f"{count} orders{_of(account, several=several)} were open at the venue"
        for account, count in sorted(opened.items())
    ]
    for row in doubtful:
        client_id, state = row.client_id.ljust(16, b"\0").hex(), word(OrderState, row.state).lower()
        order = f"order {client_id}{_of(row.account, several=several)}"
        findings.append(f"{order} is in doubt ({state}): query it at the venue before any other step")
    return findings


def _of(account: int, *, several: bool) -> str:
    """Whose orders they are, where there are several accounts."""
    return f" of account {account}" if several else ""


def _print_tree(tree: dict[str, Any]) -> None:
    print_line(f"{tree['system']}: " + ("no findings" if not tree["findings"] else f"{len(tree['findings'])} findings"))
    for finding in tree["findings"]:
        print_line(f"  - {finding}")
    print_table(
        ("role", "owner", "last state", "pid", "epoch", "steps"),
        [
            (one["role"], one.get("owner", "-"), one.get("state_name", "-"), one.get("pid", "-"), one.get("epoch", "-"),
             one.get("steps", "-"))
            for one in tree["roles"]
        ],
    )  # fmt: skip
    for one in tree["segments"]:
        _print_segment(one)


def _print_segment(one: dict[str, Any]) -> None:
    if "error" in one:
        print_line(f"\n{one['name']}: {one['error']}")
        return
    age = "never opened" if one["beat_age_ns"] is None else f"writer opened it or beat {ago(one['beat_age_ns'])} ago"
    end = ", closed cleanly" if one["closed_cleanly"] else ""
    print_line(f"\n{one['name']}: {one['kind']} of {one['record']}, cursor {one['cursor']}, epoch {one['epoch']}, "
        f"owner {one['pid']} {one['owner']}{end}, {age}")  # fmt: skip
    for row in one["last"]:
        print_line("  " + " ".join(f"{key}={value}" for key, value in row.items()))
